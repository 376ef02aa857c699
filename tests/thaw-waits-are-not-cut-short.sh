#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sleeps, polls and futex waits that were frozen and thawed end when they would have.
. "${0%/*}/lib.sh"

limit=4
declare -A pid out
mount_ckpt
for how in nanosleep nanosleep-rem clock-relative clock-absolute poll ppoll select futex \
	futex-absolute sleep; do
	start waits "$how" "$limit"
	wait_for 5 "$how to wait" in_state "$PID" S
	pid[$how]=$PID out[$how]=$OUT
	freeze
	dump
	thaw
done
for how in "${!pid[@]}"; do
	PID=${pid[$how]} OUT=${out[$how]}
	wait_for 20 "$how to end" exited "$PID"
	check_verdict
	elapsed=$(sed -n 's/^elapsed //p' "$OUT")
	ms=$((10#${elapsed/./}))
	((ms > 1000 * limit - 10 && ms < 1000 * limit + 700 * SPEED)) ||
		fail "$how ended after $elapsed s"
done
