#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The systemd unit of mount-examples/ is a good one, and its mount works.
. "${0%/*}/lib.sh"

unit=$SRC/mount-examples/ckpt.mount
if command -v systemd-analyze >/dev/null; then
	systemd-analyze verify "$unit" 2>&1 | grep -F ckpt.mount | grep -v "'man " >verified || true
	[[ ! -s verified ]] || fail "$(cat verified)"
fi
key() { sed -n "s/^$1=//p" "$unit"; }
[[ $(key Where) = /ckpt ]] || fail "Where is '$(key Where)'"
[[ $(key Type) = fuse.ckptfs ]] || fail "Type is '$(key Type)'"
[[ ${unit##*/} = "$(key Where | sed 's|^/||; s|/|-|g').mount" ]] || fail "its name is not that of $(key Where)"
grep -q '^WantedBy=' "$unit"
# What systemd does with it, but for where.
mkdir "$MNT"
"$CKPTFS" "$(key What)" "$MNT" -o "$(key Options)"
start anon
checkpoint
restore
finish
umount_daemonized
