#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sleeps, polls and futex waits end after the time that was left at the checkpoint.
. "${0%/*}/lib.sh"

limit=6 gap=3
declare -A nr=([nanosleep]=230 [nanosleep-rem]=230 [clock-relative]=230 [clock-absolute]=230
	[poll]=7 [ppoll]=271 [select]=270 [futex]=202 [futex-absolute]=202 [sleep]=230)
declare -A pid out

in_wait() { in_syscall "$1" "$2" || { (($2 == 230)) && in_syscall "$1" 35; }; }
now() { echo "${EPOCHREALTIME/./}"; }
past() { (($(now) >= $1)); }

mount_ckpt
begin=$(now)
for how in "${!nr[@]}"; do
	start waits "$how" "$limit"
	wait_for 5 "$how to wait" in_wait "$PID" "${nr[$how]}"
	pid[$how]=$PID out[$how]=$OUT
done
wait_for 5 "two seconds to pass" past $((begin + 2000000))
for how in "${!nr[@]}"; do
	PID=${pid[$how]} OUT=${out[$how]}
	checkpoint
done
frozen=$(now)
wait_for 9 "the gap" past $((frozen + gap * 1000000))
for how in "${!nr[@]}"; do
	PID=${pid[$how]}
	restore
done
# How long all of them were away, at least and at most, with what copying takes.
most=$((($(now) - begin) / 1000 - 2000 + 1000 * limit))
least=$((1000 * (limit + gap)))
for how in "${!nr[@]}"; do
	PID=${pid[$how]} OUT=${out[$how]}
	wait_for 20 "$how to end" exited "$PID"
	check_verdict
	elapsed=$(sed -n 's/^elapsed //p' "$OUT")
	ms=$((10#${elapsed/./}))
	case $how in
	*-absolute) # the moment it waited for had a date
		((ms > 1000 * limit - 100 && ms < most + 1000)) ||
			fail "$how ended after $elapsed s"
		;;
	*)
		((ms > least - 1000 && ms < most + 1000)) ||
			fail "$how ended after $elapsed s, not between $least and $most ms"
		;;
	esac
done
