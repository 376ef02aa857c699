#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# maps, smaps flags, status, stat and more of /proc read the same before and after: a user's.
. "${0%/*}/lib.sh"
. "${0%/*}/compare.sh"

mount_ckpt
RUN_WITH=(setpriv --reuid 1234 --regid 2345 --groups "10,20" --inh-caps +chown)
start state umask=013 nice=3 "comm=x) y" limits
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
