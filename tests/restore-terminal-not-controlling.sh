#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Descriptors on a terminal that is not the controlling one.
. "${0%/*}/lib.sh"

typed() { printf '%s\n' "$1" >>typed.txt; }
spawn -o hold.out "$VICTIMS/ptyhold" pty.name pty.out typed.txt
HOLDER=$PID
wait_for 5 "the terminal" test -e pty.name
mount_ckpt
OUT=$T/tty.out
spawn -i "$(cat pty.name)" -e "$(cat pty.name)" "$VICTIMS/tty" "$GO" "$OUT" "typed after the restore" none
wait_for 5 "it to read" has_line "$OUT" ready
wait_for 5 "it to read" in_state "$PID" S
tty_nr=$(cut -d ' ' -f 7,8 "/proc/$PID/stat")
checkpoint
restore
restored
[[ $(cut -d ' ' -f 7,8 "/proc/$PID/stat") = "$tty_nr" ]] || fail "another controlling terminal"
typed "typed after the restore"
wait_for 10 "it to end" exited "$PID"
check_verdict
wait_for 5 "its answer on the terminal" has_line pty.out 'an answer'
kill "$HOLDER"
wait_for 5 "the terminal's end" exited "$HOLDER"
