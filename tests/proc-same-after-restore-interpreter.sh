#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# maps, smaps flags, status, stat and more of /proc read the same before and after: python3.
. "${0%/*}/lib.sh"
. "${0%/*}/compare.sh"

mount_ckpt
touch in
OUT=$T/out
spawn -i in -o "$OUT" -e err env A=1 "B=two words" "$PYTHON" -c '
import os, sys, time
data = {i: str(i) for i in range(100000)}
print("ready", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
print("PASS" if all(data[i] == str(i) for i in range(100000)) else "FAIL: data")' "$GO"
wait_for 10 "python3" has_line "$OUT" ready
wait_for 5 "it to wait" in_state "$PID" S
see "$PID" before
checkpoint
restore
wait_for 5 "it to wait" in_state "$PID" S
see "$PID" after
diff -r before after
finish
