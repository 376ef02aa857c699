# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of victims/calls_*.c share; sourced after lib.sh.
declare -A pid out

# start_calls WORD [SECONDS]: every call that the test WORD is for, until it waits in it.
start_calls() {
	local name
	for name in $(calls_for "$1"); do
		start_call "$name" "${2:-0}"
	done
	((${#pid[@]} > 0)) || fail "no call is for $1"
}
calls_for() {
	"$VICTIMS/calls_timed" list "$1"
	"$VICTIMS/calls_helped" list "$1"
}
# start_call NAME SECONDS
start_call() {
	local program=calls_helped
	! "$VICTIMS/calls_timed" list timed | grep -qx -- "$1" || program=calls_timed
	OUT=$T/$1.out
	spawn -o "$OUT" -e "$OUT.err" "$VICTIMS/$program" "$GO" "$1" "$2"
	wait_for 20 "$1 to be ready" ready_or_dead
	if has_line "$OUT" '^SKIP:'; then
		echo "without $1: $(sed -n 's/^SKIP: //p' "$OUT")"
		return
	fi
	wait_for 5 "$1 to wait" in_state "$PID" S
	pid[$1]=$PID out[$1]=$OUT
}

# each_call COMMAND...: for every one of them, with PID, OUT and CALL set.
each_call() {
	for CALL in "${!pid[@]}"; do
		PID=${pid[$CALL]} OUT=${out[$CALL]}
		"$@" || fail "$CALL: '$*' failed"
	done
}

still_waits() { wait_for 5 "$CALL to wait again" in_state "$PID" S; }
signal_one() { kill -USR1 "$PID"; }
ended_well() {
	wait_for 30 "$CALL to end" exited "$PID"
	check_verdict
}

# ended_between LEAST MOST: it took that many milliseconds.
ended_between() {
	local elapsed ms
	ended_well
	elapsed=$(sed -n 's/^elapsed //p' "$OUT")
	ms=$((10#${elapsed/./}))
	((ms >= $1 && ms <= $2)) || fail "$CALL ended after $elapsed s, not between $1 and $2 ms"
}
# vim: ft=bash
