#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Between mkdir and rmdir the task does nothing; then it goes on.
. "${0%/*}/lib.sh"

wrote() { (($(wc -l <"$OUT") > $1)); }
mount_ckpt
start counter
for round in 1 2 3; do
	wait_for 10 "numbers" wrote $((round * 10))
	freeze
	in_state "$PID" tT || fail "it is in state $(state "$PID")"
	lines=$(wc -l <"$OUT") cpu=$(cpu_time "$PID")
	cp -a "$MNT/$PID" "copy$round"
	sleep 0.2 # time in which a running counter would write twenty numbers
	(($(wc -l <"$OUT") == lines)) || fail "it wrote while it was frozen"
	(($(cpu_time "$PID") - cpu <= 2)) || fail "it used processor time while it was frozen"
	thaw
	[[ ! -e $MNT/$PID ]] || fail "it is still listed"
	wait_for 10 "it to go on" wrote $((lines + 5))
done
finish
seq 0 $(($(grep -cE '^[0-9]+$' "$OUT") - 1)) | cmp - <(grep -E '^[0-9]+$' "$OUT")
