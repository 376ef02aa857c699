#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The AMX tile registers, which a program must ask for first.
. "${0%/*}/lib.sh"

usr1_until_done() {
	kill -USR1 "$PID" 2>/dev/null || true
	exited "$PID"
}
mount_ckpt
start regs amx
wait_for 5 "it to spin" used_cpu "$PID" 20
checkpoint
restore
wait_for 5 "it to spin" used_cpu "$PID" 10
touch "$GO"
wait_for 10 "it to end" usr1_until_done
check_verdict
