#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A file of /proc has another time whenever it is looked up: that is no change of the file.
. "${0%/*}/lib.sh"

mount_ckpt
cat >reader.py <<'END'
import os, sys, time
f = open("/proc/self/status")
first = f.readline()
print("ready", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
rest = f.read()
print("PASS" if first.startswith("Name:") and "VmSize" in rest else "FAIL: " + rest, flush=True)
END
OUT=$T/reader.out
spawn -o "$OUT" -e "$OUT.err" "$PYTHON" reader.py "$GO"
wait_for 20 "the reader" has_line "$OUT" ready
checkpoint
restore
finish
