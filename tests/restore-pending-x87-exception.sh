#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A floating-point exception that the next x87 instruction would raise is raised there.
. "${0%/*}/lib.sh"

usr1_until_done() {
	kill -USR1 "$PID" 2>/dev/null || true
	exited "$PID"
}
mount_ckpt
start traps x87
wait_for 5 "it to spin" used_cpu "$PID" 5
freeze
thaw
wait_for 5 "it to spin" used_cpu "$PID" 10
checkpoint
restore
wait_for 5 "it to spin" used_cpu "$PID" 5
touch "$GO"
wait_for 10 "it to end" usr1_until_done
check_verdict
