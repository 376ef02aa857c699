#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A wait that one daemon has frozen, and that another one puts into a tree: the restored process goes
# on waiting, for the time that was left or more, never with EINTR.
. "${0%/*}/lib.sh"

limit=8
declare -A pid out
mount_ckpt
for how in nanosleep nanosleep-rem clock-relative poll futex futex-absolute; do
	start waits "$how" "$limit"
	wait_for 5 "$how to wait" in_state "$PID" S
	pid[$how]=$PID out[$how]=$OUT
	freeze
	thaw
	freeze
done
kill_daemon
mount_ckpt
for how in "${!pid[@]}"; do
	PID=${pid[$how]} OUT=${out[$how]}
	wait_for 5 "$how to wait again" in_state "$PID" S
	checkpoint
	restore
	restored
done
for how in "${!pid[@]}"; do
	PID=${pid[$how]} OUT=${out[$how]}
	wait_for 40 "$how to end" exited "$PID"
	check_verdict
	elapsed=$(sed -n 's/^elapsed //p' "$OUT")
	ms=$((10#${elapsed/./}))
	((ms > 1000 * limit - 100)) || fail "$how ended after $elapsed s"
done
