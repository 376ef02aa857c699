#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 16- and 32-bit code of a 64-bit process, on stacks of the LDT: frozen there, thawed, and restored.
. "${0%/*}/lib.sh"

cs() { awk '/^cs /{print $2}' "$T/dump/$PID/cpu"; }

mount_ckpt
for kind in code16 code32 stack16 stack32 compat compat-stack16 stack-of-64; do
	rm -f "$GO"
	start modes "$kind"
	before=0
	other=0
	for ((i = 0; i < 4; i++)); do
		wait_for 10 "$kind: it to spin" used_cpu "$PID" $((before + 3))
		freeze
		before=$(cpu_time "$PID")
		rm -rf dump
		dump
		[[ $(cs) = 0x33 ]] || other=$((other + 1))
		thaw
	done
	[[ $kind = stack-of-64 ]] || ((other > 0)) || fail "$kind: never frozen in other code"
	checkpoint
	restore
	restored
	wait_for 10 "$kind: it to spin" used_cpu "$PID" 5
	finish
	echo "$kind: $other of 4 times frozen in other code"
done
