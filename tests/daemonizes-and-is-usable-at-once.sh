#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Without -f the command returns when the mount can be used; umount ends it.
. "${0%/*}/lib.sh"

mkdir "$MNT"
"$CKPTFS" none "$MNT"
[[ -d $MNT/restore && -e $MNT/log ]] || fail "not usable when the command returned"
start counter
freeze
dump
kill_and_reap
restore
finish
umount_daemonized
# A mount point that is not there.
if "$CKPTFS" none "$T/nowhere" 2>err; then
	fail "mounting on nothing succeeded"
fi
[[ -s err ]] || fail "it failed without a word"
