#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of the daemon while system calls are frozen: they go on as if nothing had happened. Another
# daemon then freezes and thaws them once more.
. "${0%/*}/lib.sh"
. "${0%/*}/calls.sh"

limit=20
mount_ckpt inspect
start_calls timed "$limit"
start_calls helped
began=${EPOCHREALTIME/./}
each_call freeze
kill_daemon
stood=$(((${EPOCHREALTIME/./} - began) / 1000))
each_call still_waits
mount_ckpt inspect
each_call freeze
each_call thaw
each_call still_waits
timed=" $(calls_for timed | tr '\n' ' ')"
for call in "${!pid[@]}"; do
	PID=${pid[$call]} OUT=${out[$call]} CALL=$call
	most=$((1000 * limit + 1500 * SPEED))
	# the kernel stops that one's time with the process, and nobody was there to make up for it
	[[ $call != pselect ]] || most=$((most + stood))
	[[ $timed != *" $call "* ]] || ended_between $((1000 * limit - 10)) "$most"
done
touch "$GO"
each_call ended_well
