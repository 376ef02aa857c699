#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of whoever rolls a process back at random moments: it has all of one of its two states and
# runs on. It judges that itself.
. "${0%/*}/lib.sh"
applier=$BUILD/applier
RANDOM=${CKPT_TEST_SEED:-$$}
echo "seed $RANDOM"
rounds=${CKPT_TEST_ROUNDS:-100}

start twice "$T/go2" "$T/beat"
mkdir tree
"$applier" "$PID" dump tree
touch "$GO"
wait_for 20 "the second state" has_line "$OUT" '^second'
mkfifo pause.fifo
judged_since() { exited "$PID" || (($(od -An -tu8 beat) > $1)); }

# how long one takes here and now, microseconds
start=${EPOCHREALTIME/./}
"$applier" "$PID" apply tree
took=$((${EPOCHREALTIME/./} - start))
killed=0 ended=0
for ((round = 0; round < rounds; round++)); do
	"$applier" "$PID" apply tree 2>said &
	worker=$!
	us=$((RANDOM * 32768 + RANDOM))
	read -r -t "0.$(printf '%06d' $((us % took)))" <>pause.fifo || true
	kill -KILL "$worker" 2>/dev/null && killed=$((killed + 1))
	status=0
	wait "$worker" || status=$?
	case $status in
	0) ended=$((ended + 1)) ;;
	137) ;;
	*) fail "round $round: $(<said)" ;;
	esac
	# and another one freezes it at once, maybe in the middle of what was left to itself
	((round % 2)) || "$applier" "$PID" check tree
	exited "$PID" && fail "round $round: the target ended: $(<"exits/$PID"): $(tail -n 3 "$OUT")"
	now=$(date +%s%N)
	wait_for 10 "round $round: the target to judge itself" judged_since "$now"
	if has_line "$OUT" '^FAIL'; then
		fail "round $round: $(grep FAIL "$OUT")"
	fi
done
turns=$(($(grep -c '^second' "$OUT") - 1))
echo "$killed of $rounds were killed, $ended had ended; it was rolled back $turns times"
((turns > ended && killed - turns > rounds / 10)) || fail "too few on one side"
touch "$T/go2"
wait_for 60 "the victim to end" exited "$PID"
check_verdict
