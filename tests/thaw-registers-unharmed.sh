#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process that was frozen, copied and thawed has all its registers.
. "${0%/*}/lib.sh"

usr1_until_done() {
	kill -USR1 "$PID" 2>/dev/null || true
	exited "$PID"
}
mount_ckpt
start regs
wait_for 5 "it to spin" used_cpu "$PID" 20
freeze
dump
thaw

wait_for 5 "it to spin" used_cpu "$PID" 10
touch "$GO"
wait_for 10 "it to end" usr1_until_done
check_verdict
