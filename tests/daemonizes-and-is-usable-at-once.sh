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
umount "$MNT"
DAEMON=1 # gone: looked for below
by_mount() { pgrep -f "^[^ ]*ckptfs none $MNT" >/dev/null; }
ended() { ! by_mount; }
wait_for 10 "the daemon's end" ended
# A mount point that is not there.
if "$CKPTFS" none "$T/nowhere" 2>err; then
	fail "mounting on nothing succeeded"
fi
[[ -s err ]] || fail "it failed without a word"
