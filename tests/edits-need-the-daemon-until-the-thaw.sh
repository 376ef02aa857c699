#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An edit takes effect when the process is thawed: by rmdir, by umount, by the end of the pin of a
# stopped one. If the daemon is killed before that, the process goes on as it was.
. "${0%/*}/lib.sh"

lines() { grep -c '^r12' "$OUT" || true; }
says() { has_line "$OUT" "^r12 $1 argument argument "; }
edit() { sed -i "s/^r12 .*/r12 $1/" "$MNT/$PID/cpu"; }
r12() { sed -n 's/^r12 //p' "$MNT/$PID/cpu"; }

mount_ckpt
start edit argument
freeze
edit 0x21
kill_daemon
wait_for 10 "the process to run" in_state "$PID" R
mount_ckpt
freeze
[[ $(r12) = 0x1111 ]] || fail "killed: r12 is $(r12)"
(($(lines) == 0)) || fail "killed: it saw something: $(grep '^r12' "$OUT")"

edit 0x22
umount_ckpt
wait_for 10 "umount: the process to see the edit" says 0x22
mount_ckpt

kill -STOP "$PID"
wait_for 5 "it to stop" in_state "$PID" T
edit 0x23
[[ $(r12) = 0x23 ]] || fail "stopped: the edit is not shown"
wait_for 10 "the pin to end" in_state "$PID" T
in_state "$PID" T || fail "it is not stopped any more"
(($(lines) == 1)) || fail "stopped: it ran"
kill -CONT "$PID"
wait_for 10 "stopped: the process to see the edit" says 0x23

# a frozen process can be killed with edits; nothing is left of it
freeze
edit 0x24
kill -KILL "$PID"
wait_for 10 "its end" exited "$PID"
fails_with "Stale" edit 0x25
thaw
[[ ! -e $MNT/$PID ]]
