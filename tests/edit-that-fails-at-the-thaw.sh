#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An edit was good, but can't be done when the process is thawed, because it can't have any more
# memory: rmdir fails, the process is frozen still and as it was, and the next rmdir thaws it.
. "${0%/*}/lib.sh"

mount_ckpt
start edit argument
freeze
cp -a "$MNT/$PID" before
sed -i 's/^r12 .*/r12 0x2222/' "$MNT/$PID/cpu"
sed -i 's/^limit nofile [0-9]*/limit nofile 70/' "$MNT/$PID/limits"
prlimit --pid "$PID" --as=1000000: # from outside, after the edit was judged
log_clear_mark
thaw 2>err && fail "the thaw succeeded"
log_since_has "rmdir $PID: what was written can't be done and is dropped"
in_state "$PID" tT || fail "it is in state $(state "$PID")"
diff -r before "$MNT/$PID" || fail "the edits are still shown"
prlimit --pid "$PID" --as=unlimited:
thaw
wait_for 10 "it to run" in_state "$PID" R
[[ $(prlimit --pid "$PID" --nofile -o SOFT --noheadings | tr -d ' ') != 70 ]] || fail "one edit was done"

# and from here on as ever
freeze
grep -q '^r12 0x1111$' "$MNT/$PID/cpu" || fail "r12 is $(grep '^r12 ' "$MNT/$PID/cpu")"
sed -i 's/^r12 .*/r12 0x3333/' "$MNT/$PID/cpu"
touch "$GO"
thaw
wait_for 10 "the process to see the edit" has_line "$OUT" '^r12 0x3333 argument '
(($(grep -c '^r12' "$OUT") == 1)) || fail "it has seen another edit"
finish
