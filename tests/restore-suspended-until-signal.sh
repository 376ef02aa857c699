#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# pause, sigsuspend and sigwaitinfo wait on until the signal comes.
. "${0%/*}/lib.sh"

mount_ckpt
declare -A pid out
for how in pause sigsuspend sigwait; do
	start suspended "$how"
	wait_for 5 "$how to wait" in_state "$PID" S
	pid[$how]=$PID out[$how]=$OUT
	checkpoint
	restore
done
touch "$GO"
for how in pause sigsuspend sigwait; do
	PID=${pid[$how]} OUT=${out[$how]}
	wait_for 5 "$how to wait again" in_state "$PID" S
	kill -USR2 "$PID" # blocked, except in sigsuspend's place, where it is too
	kill -USR1 "$PID"
	wait_for 10 "$how to end" exited "$PID"
	check_verdict
done
