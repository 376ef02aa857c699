#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A signal handler that has interrupted a system call made again with the time it had left returns
# to it, though its process was frozen, dumped, restored and frozen by another daemon meanwhile.
. "${0%/*}/lib.sh"
. "${0%/*}/calls.sh"

in_handler() { [[ $(awk '/^SigBlk/{print $2}' "/proc/$PID/status") = *a?? ]]; } # USR1 and USR2

start_calls nested
CALL=nested
for i in 1 2; do
	mount_ckpt
	freeze
	thaw
	still_waits
	((i == 1)) || break
	umount_ckpt
done
signal_one
wait_for 5 "the handler" in_handler
freeze
thaw
freeze
kill_daemon
mount_ckpt
checkpoint
restore
restored
freeze
thaw
touch "$GO"
ended_well
