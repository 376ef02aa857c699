#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process that ^Z had stopped comes back stopped, though it is in an orphaned process group now,
# in which the kernel ignores SIGTSTP.
. "${0%/*}/lib.sh"

mount_ckpt
start counter
kill -STOP "$PID"
wait_for 5 "it to stop" in_state "$PID" T
dump
grep -q '^stop_signal 19$' "dump/$PID/task" || fail "$(grep stop_signal "dump/$PID/task")"
kill_and_reap
sed -i 's/^stop_signal .*/stop_signal 20/' "dump/$PID/task"
sed -Ei 's/^file task .*/file task edited/' "dump/$PID/manifest"
restore
in_state "$PID" T || fail "it is in state $(state "$PID")"
kill -CONT "$PID"
finish
