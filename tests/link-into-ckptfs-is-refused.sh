#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A target of ln -s that lies on ckptfs itself, however it is reached, is refused at once: looking
# it up while the kernel holds the lock of restore/ would hang the mount.
. "${0%/*}/lib.sh"

mount_ckpt
ln -s "$MNT" around
mkdir -p real && ln -s "../around/restore" real/about
for target in "$MNT/restore/x" "$MNT" "$T/around/restore/x" "$T/real/../real/about/x" "$T/./real/about"; do
	log_clear_mark
	timeout -k 1 20 ln -s "$target" "$MNT/restore/y" 2>err && fail "$target was taken"
	grep -q "Invalid argument" err || {
		kill -KILL "$DAEMON" # else nobody could unmount it
		fail "$target: $(cat err)"
	}
	log_since_has 'ckptfs itself'
done
# Names that only look like it are asked for.
fails_with "No such file" ln -s "$MNT-not/there" "$MNT/restore/y"
fails_with "No such file" ln -s "$T/real/../nowhere" "$MNT/restore/y"
