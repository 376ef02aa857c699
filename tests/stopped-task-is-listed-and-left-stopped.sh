#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A task stopped by job control is listed, can be copied, and is left stopped.
. "${0%/*}/lib.sh"

mount_ckpt
start counter
[[ ! -e $MNT/$PID ]] || fail "listed although it runs"
kill -STOP "$PID"
wait_for 5 "it to stop" in_state "$PID" T
listed=("$MNT"/*)
[[ " ${listed[*]} " = *" $MNT/$PID "* ]] || fail "not listed"
fails_with "File exists" mkdir "$MNT/$PID"
fails_with "Device or resource busy" rmdir "$MNT/$PID"
log_has "$PID"
dump
wait_for 5 "it to be let go of" in_state "$PID" T
grep -q '^state stopped' "dump/$PID/task"
# Pinned while its directory is open: SIGCONT acts afterwards.
exec 5<"$MNT/$PID"
lines=$(wc -l <"$OUT")
kill -CONT "$PID"
sleep 0.2 # time in which a running counter would write
(($(wc -l <"$OUT") == lines)) || fail "it ran while it was pinned"
exec 5<&-
wrote() { (($(wc -l <"$OUT") > $1)); }
wait_for 5 "it to go on" wrote "$lines"
kill -STOP "$PID"
wait_for 5 "it to stop" in_state "$PID" T
rm -r dump
dump
kill_and_reap
restore
restored
wait_for 5 "it to be there, stopped" in_state "$PID" T
kill -CONT "$PID"
finish
seq 0 $(($(grep -cE '^[0-9]+$' "$OUT") - 1)) | cmp - <(grep -E '^[0-9]+$' "$OUT")
