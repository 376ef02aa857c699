#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# umount -l with a file open: the reader reads on; when it closes, the daemon ends and the task runs.
# The same mount point can be used again.
. "${0%/*}/lib.sh"

mount_ckpt
start endure
for ((round = 0; round < 3; round++)); do
	((round == 0)) || mount_ckpt
	freeze
	exec 7<"$MNT/$PID/manifest"
	want=$(cksum <"$MNT/$PID/manifest")
	umount -l "$MNT"
	[[ $(cksum <&7) = "$want" ]] || fail "the open file can't be read any more"
	in_state "$PID" t || fail "it is in state $(state "$PID") before its reader has closed"
	exec 7<&-
	wait_for 10 "the daemon's end" gone "$DAEMON"
	wait "$DAEMON" || fail "the daemon ended with $?"
	in_state "$PID" RSD || fail "it is in state $(state "$PID")"
done
finish
