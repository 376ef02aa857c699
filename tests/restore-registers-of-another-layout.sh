#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# CPUs have the extended state in different places: a tree of one that has AVX elsewhere.
. "${0%/*}/lib.sh"

usr1_until_done() {
	kill -USR1 "$PID" 2>/dev/null || true
	exited "$PID"
}
mount_ckpt
start regs
wait_for 5 "it to spin" used_cpu "$PID" 20
checkpoint
cpu=dump/$PID/cpu
grep -q '^component 2 576 256$' "$cpu" || skip "this CPU has no AVX"
# From 576 to 8192, behind all others.
awk '$1 == "component" && $2 == 2 { $3 = 8192 }
	$1 == "xsave_size" { $2 = 8192 + 256 }
	$1 == "xsave" && $2 >= 576 && $2 < 832 {
		moved = moved "xsave " ($2 - 576 + 8192) " " $3 "\n"
		next
	}
	$1 == "end" { printf "%s", moved }
	{ print }' "$cpu" >cpu.moved
(($(grep -c '^xsave 8' cpu.moved) >= 8)) || fail "nothing was moved"
cp cpu.moved "$cpu"
sed -Ei 's/^file cpu .*/file cpu edited/' "dump/$PID/manifest"
restore
wait_for 5 "it to spin" used_cpu "$PID" 10
touch "$GO"
wait_for 10 "it to end" usr1_until_done
check_verdict
