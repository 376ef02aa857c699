#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of the daemon at random moments of a restore: the process is there whole, or not at all.
. "${0%/*}/lib.sh"

RANDOM=${CKPT_TEST_SEED:-$$}
echo "seed $RANDOM"
pause_us() { read -r -t "0.$(printf '%06d' "$1")" <>pause.fifo || true; }
mkfifo pause.fifo

# Our siblings under the reaper: what the daemon leaves behind would be one of them.
only_us() {
	local child
	for child in $(<"/proc/$PPID/task/$PPID/children"); do
		[[ $child = "$$" || $child = "$PID" ]] || return 1
	done
}

mount_ckpt
start anon
checkpoint
cp -a "$OUT" out.then
touch "$GO" # who is there can end
rounds=${CKPT_TEST_ROUNDS:-80}
whole=0 none=0
for ((round = 0; round < rounds; round++)); do
	((round == 0)) || mount_ckpt
	cp -a out.then "$OUT"
	ln -s "$T/dump/$PID" "$MNT/restore/$PID" 2>/dev/null &
	worker=$!
	pause_us $((RANDOM * 2))
	kill_daemon
	wait "$worker" 2>/dev/null || true
	wait_for 5 "round $round: what is left of a restore to go" only_us
	if gone "$PID" && ! exited "$PID"; then
		none=$((none + 1))
		continue
	fi
	wait_for 20 "round $round: it to end" exited "$PID"
	if [[ $(<"exits/$PID") = @(126|137) ]] && ! has_line "$OUT" PASS; then
		none=$((none + 1)) # the skeleton ended with the daemon
	else
		check_verdict
		whole=$((whole + 1))
	fi
	rm "exits/$PID"
done
echo "$whole were whole, $none were not there"
((none >= rounds / 10)) || fail "the daemon was never killed in time"
