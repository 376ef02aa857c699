#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same of a 32-bit program: maps, smaps flags, status, stat and more of /proc.
. "${0%/*}/lib.sh"
. "${0%/*}/compare.sh"

mount_ckpt
start bare32
wait_for 5 "it to wait" in_state "$PID" S
see "$PID" before
freeze
see "$PID" frozen
dump
kill_and_reap
restore
restored
wait_for 5 "it to wait" in_state "$PID" S
see "$PID" after
diff -r before after
diff -r -x status -x ps before frozen
finish
