#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A 32-bit program without a C library: handlers get 32-bit frames, thread-local storage and robust
# list are there; frozen, thawed, restored, and that again.
. "${0%/*}/lib.sh"

mount_ckpt
start bare32
for ((i = 0; i < 20; i++)); do
	freeze
	thaw
done
for ((i = 0; i < 3; i++)); do
	rm -rf dump
	checkpoint
	[[ $(awk '/^arch /{print $2}' "dump/$PID/task") = i386 ]] || fail "arch"
	restore
	restored
	wait_for 5 "it to run" in_state "$PID" S
done
finish
