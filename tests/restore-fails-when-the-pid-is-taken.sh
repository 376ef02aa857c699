#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# EEXIST while the PID is in use, the log names the holder; when it is free, it works.
. "${0%/*}/lib.sh"

mount_ckpt
start anon
freeze
dump
log_clear_mark
fails_with "File exists" restore # it is frozen, and alive
log_since_has "\\b$PID\\b.*anon|anon.*\\b$PID\\b"
grep -qE '^error ' "$MNT/restore/$PID/.status"
thaw
fails_with "File exists" restore
(($(pgrep -fc "^$VICTIMS/anon $GO") == 1)) || fail "there are two"

# A zombie that its parent has not reaped.
kill_and_reap
zombie='import os, sys, time
while True:
    with open("/proc/sys/kernel/ns_last_pid", "w") as f:
        f.write(str(int(sys.argv[1]) - 1))
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    if pid == int(sys.argv[1]):
        break
    os.waitpid(pid, 0)
print("ready", flush=True)
time.sleep(100)'
victim=$PID
spawn -o zombie.out "$PYTHON" -c "$zombie" "$victim"
holder=$PID PID=$victim
if [[ $holder = "$PID" ]]; then # it got the number itself: as good
	wait_for 5 "it to run" test -e "/proc/$PID"
else
	wait_for 60 "a zombie" has_line zombie.out ready
	in_state "$PID" Z || fail "no zombie"
fi
log_clear_mark
fails_with "File exists" restore
log_since_has "\\b$PID\\b"
kill -KILL "$holder"
wait_for 5 "the number to be free" gone "$PID"
rm -f "exits/$PID"
restore
restored
finish
