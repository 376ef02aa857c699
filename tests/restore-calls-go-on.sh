#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# System calls that the kernel ends with EINTR at any stop, or can't restart in a new process by
# itself, go on in a restored one: with the time that was left, until what they wait for comes, and
# with the signal mask of their own.
. "${0%/*}/lib.sh"
. "${0%/*}/calls.sh"

limit=20 gap=2
now() { echo "${EPOCHREALTIME/./}"; }
past() { (($(now) >= $1)); }
restored_one() {
	restore
	restored
}

mount_ckpt
begin=$(now)
start_calls timed-kept "$limit"
start_calls dated-kept "$limit"
start_calls helped-kept
start_calls signal-kept
each_call freeze
each_call thaw # the tree is of a call that was made again before
each_call still_waits
each_call freeze
for call in $(calls_for signal-kept); do
	[[ $call != masked-* ]] || kill -USR1 "${pid[$call]}"
done
each_call thaw
each_call still_waits
each_call checkpoint
frozen=$(now)
wait_for 9 "the gap" past $((frozen + gap * 1000000))
each_call restored_one
most=$((($(now) - begin) / 1000 + 1000 * limit + 1000 * SPEED))
for call in $(calls_for timed-kept); do
	PID=${pid[$call]} OUT=${out[$call]} CALL=$call
	ended_between $((1000 * (limit + gap) - 10)) "$most"
done
for call in $(calls_for dated-kept); do # the moment had a date
	PID=${pid[$call]} OUT=${out[$call]} CALL=$call
	ended_between $((1000 * limit - 10)) "$most"
done
for call in $(calls_for signal-kept); do
	[[ $call != handled-* ]] || kill -USR1 "${pid[$call]}"
done
touch "$GO"
each_call ended_well
