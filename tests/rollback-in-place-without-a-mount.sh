#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process that has gone on from the first of its states to the second is brought back, again and
# again, and goes on from there; it judges each state as a whole.
. "${0%/*}/lib.sh"
applier=$BUILD/applier

start twice "$T/go2" "$T/beat"
mkdir tree
"$applier" "$PID" dump tree
touch "$GO"
wait_for 20 "the second state" has_line "$OUT" '^second'
for round in 1 2 3 4; do
	"$applier" "$PID" check tree
	"$applier" "$PID" apply tree
	came() { (($(grep -c '^second' "$OUT") == round + 1)); }
	wait_for 20 "round $round" came
done
# from a tree of the state it is in: nothing to do, nothing happens
mkdir same
"$applier" "$PID" dump same
"$applier" "$PID" apply same
touch "$T/go2"
wait_for 60 "the victim to end" exited "$PID"
check_verdict
