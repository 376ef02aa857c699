#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Waits of 32-bit programs end after the time that was left at the checkpoint, also if they had been
# frozen and thawed before.
. "${0%/*}/lib.sh"

limit=5 gap=2
declare -A nr=([nanosleep]=162 [nanosleep-rem]=162 [clock]=267 [clock64]=407 [poll]=168 [futex]=240
	[futex64]=422)
declare -A pid out

now() { echo "${EPOCHREALTIME/./}"; }
past() { (($(now) >= $1)); }

mount_ckpt
begin=$(now)
for how in "${!nr[@]}"; do
	start bare32 "$how" "$limit"
	wait_for 5 "$how to wait" in_syscall "$PID" "${nr[$how]}"
	pid[$how]=$PID out[$how]=$OUT
	freeze
	thaw
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
	freeze
	thaw
done
# How long all of them were away, at least and at most, with what copying takes.
most=$((($(now) - begin) / 1000 - 2000 + 1000 * limit))
least=$((1000 * (limit + gap)))
for how in "${!nr[@]}"; do
	PID=${pid[$how]} OUT=${out[$how]}
	wait_for 20 "$how to end" exited "$PID"
	check_verdict
	ms=$(sed -n 's/^elapsed //p' "$OUT")
	echo "$how: $ms ms"
	((ms > least - 1000 && ms < most + 1000)) ||
		fail "$how ended after $ms ms, not between $least and $most"
done
