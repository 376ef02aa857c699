#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# System calls without a time-out, frozen and thawed twice, wait on until what they wait for comes;
# a write or recv that had moved some bytes moves the others too.
. "${0%/*}/lib.sh"
. "${0%/*}/calls.sh"

mount_ckpt inspect
start_calls helped
for i in 1 2; do
	each_call freeze
	each_call thaw
	each_call still_waits
done
touch "$GO"
each_call ended_well
