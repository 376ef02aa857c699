#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mkdir of what can't be frozen: ESRCH, EBUSY, EEXIST, EINVAL, each with the right words.
. "${0%/*}/lib.sh"

mount_ckpt
start counter
victim=$PID

fails_with "No such process" mkdir "$MNT/4194300"
dead=$("$VICTIMS/spawn" true)
wait_for 5 "a process to end" gone "$dead"
fails_with "No such process" mkdir "$MNT/$dead"

# A thread that leads no group.
tid=$(find "/proc/$DAEMON/task" -mindepth 1 -maxdepth 1 -printf "%f\n" | grep -vx "$DAEMON" | head -n 1)
if [[ -n $tid ]]; then
	fails_with "No such process" mkdir "$MNT/$tid"
fi

# Names that are no PID.
for name in 0 -1 01 +1 1x 99999999999999999999; do
	if mkdir -- "$MNT/$name" 2>/dev/null; then
		fail "mkdir $name succeeded"
	fi
done

# Traced by somebody else: the log says by whom.
spawn -o tracer.out "$VICTIMS/tracer" "$victim"
tracer=$PID
wait_for 5 "the tracer" has_line tracer.out ready
log_clear_mark
fails_with "Device or resource busy" mkdir "$MNT/$victim"
log_since_has "\\b$tracer\\b"
kill -KILL "$tracer"
wait_for 5 "the tracer's end" exited "$tracer"

PID=$victim
freeze
fails_with "File exists" mkdir "$MNT/$PID"
thaw

# The daemon, the caller and their ancestors; kernel threads.
fails_with "Invalid argument" mkdir "$MNT/$DAEMON"
ancestor=$$
while ((ancestor > 0)); do # up to init, or to what was sent into this container
	fails_with "Invalid argument" mkdir "$MNT/$ancestor"
	ancestor=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$ancestor/status")
done
if grep -qsx kthreadd /proc/2/comm; then # not in a container
	fails_with "Invalid argument" mkdir "$MNT/$(pgrep -P 2 | head -n 1)"
	fails_with "Invalid argument" mkdir "$MNT/2"
fi
finish
