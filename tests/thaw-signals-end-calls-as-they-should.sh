#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A signal that comes while its process is frozen ends a system call with EINTR, if it has a
# handler; not if the mask of the call itself (sigsuspend, ppoll ...) blocks it.
. "${0%/*}/lib.sh"
. "${0%/*}/calls.sh"

mount_ckpt inspect
start_calls signal
each_call freeze
each_call signal_one
each_call thaw
for call in "${!pid[@]}"; do
	[[ $call != handled-* ]] || PID=${pid[$call]} OUT=${out[$call]} CALL=$call ended_well
done
each_masked() {
	for call in "${!pid[@]}"; do
		[[ $call != masked-* ]] || PID=${pid[$call]} OUT=${out[$call]} CALL=$call "$@"
	done
}
each_masked still_waits
each_masked freeze # the signal is pending all along
each_masked thaw
each_masked still_waits
touch "$GO"
each_call ended_well
