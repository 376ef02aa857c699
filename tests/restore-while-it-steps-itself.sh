#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process under its own trap flag counts the same number of traps, however often it is frozen,
# and restored.
. "${0%/*}/lib.sh"

flags() { awk '/^eflags /{print $2}' "$T/dump/$PID/cpu"; }

mount_ckpt
for kind in step step-on-alt-stack; do
	rm -f "$GO"
	start traps "$kind"
	stepping=0
	for ((i = 0; i < 12; i++)); do
		freeze
		rm -rf dump
		dump
		(($(flags) & 0x100)) && stepping=$((stepping + 1))
		if ((i % 4)); then
			thaw
		else
			kill_and_reap
			restore
			restored
		fi
	done
	finish
	echo "$kind: $stepping of 12 times frozen with the trap flag set"
	((stepping)) || fail "$kind: never"
done
