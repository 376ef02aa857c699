#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# With -o inspect everything freezes, can be looked at, but not be copied.
. "${0%/*}/lib.sh"

mount_ckpt inspect
OUT=$T/refused.out
spawn -o "$OUT" -e err "$VICTIMS/refused" "$GO" pipe
wait_for 10 "it to be ready" ready_or_dead
freeze
in_state "$PID" tT || fail "it is in state $(state "$PID")"
grep -q '^end' "$MNT/$PID/task"
grep -qE "^pid $PID\$" "$MNT/$PID/task"
fails_with "Permission denied" cat "$MNT/$PID/manifest"
if cp -a "$MNT/$PID" copy 2>cp.err; then
	fail "cp succeeded"
fi
grep -q manifest cp.err
log_has "$PID.*pipe|pipe.*$PID|fd 3"
thaw
finish
