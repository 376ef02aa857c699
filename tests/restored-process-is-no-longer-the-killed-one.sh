#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The directory of a task that was killed while frozen stays, but not in the way of the process
# that is restored under its PID: that one can be frozen without an rmdir.
. "${0%/*}/lib.sh"

mount_ckpt
start counter
freeze
dump
kill -KILL "$PID"
wait_for 10 "it to be gone" gone "$PID"
rm -f "$T/exits/$PID"
[[ -d $MNT/$PID ]] || fail "the directory went by itself"
restore
frozen_again() { mkdir "$MNT/$PID" 2>/dev/null; }
wait_for 10 "the new one to be frozen" frozen_again
in_state "$PID" tT || fail "it is in state $(state "$PID")"
rm -rf dump
dump
thaw
finish
