#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SAVE and RESTORE of a process by itself: it asks for both, a helper does them. What it wrote to a
# file stays, everything else goes back: the same process, PID and start time.
. "${0%/*}/lib.sh"

started() { cut -d' ' -f22 "/proc/$PID/stat"; }

mount_ckpt
mkdir dir
start turnback "$T/dir"
began=$(started)

wait_for 10 "it to ask for a checkpoint" test -e dir/save
freeze
dump
thaw
touch dir/saved

wait_for 10 "it to ask for the way back" test -e dir/back
freeze
cp -a "dump/$PID/." "$MNT/$PID/"
for file in cpu mm limits fds/0; do
	[[ -e $MNT/$PID/$file ]] || fail "no $file"
done
diff <(cd "dump/$PID" && find . | sort) <(cd "$MNT/$PID" && find . | sort) ||
	fail "the directory does not show the checkpoint"
exited "$PID" && fail "it has ended: $(<"exits/$PID")"
thaw

touch dir/end
wait_for 20 "it to end" exited "$PID"
check_verdict
[[ -e dir/life ]] || fail "it never lived twice"
log_has "$PID: rolled back"
[[ $began ]] || fail "no start time"
