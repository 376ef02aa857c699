#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A filter that would harm the process for a call of ours, should we die during it, is refused by
# the name of the call: by its number, its arguments, the address it comes from. Nothing happens to
# the process.
. "${0%/*}/lib.sh"

refused() { # refused KIND MESSAGE
	start filtered "$1"
	log_clear_mark
	fails_with "not supported" freeze
	log_since_has "$2"
	wait_for 5 "$1 to run" in_state "$PID" RSD
	finish
	rm "$GO"
}
mount_ckpt
refused kills 'seccomp: its filter kills on sigaltstack'
refused traps 'seccomp: its filter raises SIGSYS on sigaltstack'
refused arguments 'seccomp: its filter kills on prctl\(40\)'
refused address 'seccomp: its filter kills on rt_sigprocmask'
refused sigmask 'seccomp: its filter fails rt_sigprocmask'
refused notifies 'seccomp: its filter asks its supervisor about sigaltstack'
refused ldt 'seccomp: its filter kills on modify_ldt'
start filtered strict
fails_with "not supported" freeze
log_has 'seccomp: strict mode'
wait_for 5 "it to run" in_state "$PID" R
printf x | dd of=strict.go conv=notrunc status=none
wait_for 20 "the victim to end" exited "$PID"
check_verdict
