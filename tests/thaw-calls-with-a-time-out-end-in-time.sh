#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# System calls with a time-out, frozen and thawed twice, give the result and take the time of an
# undisturbed run: those too that the kernel ends with EINTR at any stop.
. "${0%/*}/lib.sh"
. "${0%/*}/calls.sh"

limit=15
mount_ckpt inspect
start_calls timed "$limit"
for i in 1 2; do
	each_call freeze
	each_call thaw
	each_call still_waits
done
each_call ended_between $((1000 * limit - 10)) $((1000 * limit + 1500 * SPEED))
