#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A file that was changed on purpose is taken when its manifest line says edited, else refused.
. "${0%/*}/lib.sh"

mount_ckpt
start counter
checkpoint
before=$(sed -n 's/^umask //p' "dump/$PID/task")
[[ $before = 022 ]] || fail "umask is $before"
sed -i "s/^umask .*/umask 055/" "dump/$PID/task"
log_clear_mark
fails_with "Invalid argument" restore
log_since_has 'task.*edited|edited.*task'
no_process "$PID"
sed -i "s/^umask .*/umask 0/" "dump/$PID/task" # another size
log_clear_mark
fails_with "Invalid argument" restore
log_since_has 'task.*edited|edited.*task'
no_process "$PID"
sed -i "s/^umask .*/umask 055/" "dump/$PID/task"
sed -Ei 's/^file task .*/file task edited/' "dump/$PID/manifest"
restore
restored
grep -qE '^Umask:[[:space:]]*0055$' "/proc/$PID/status" || fail "the edit has no effect"
finish
