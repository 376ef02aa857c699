#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of the target at random moments of freeze, dump and thaw: it ends at once, whoever uses it
# gets an error or what was, and the daemon serves others as before.
. "${0%/*}/lib.sh"

RANDOM=${CKPT_TEST_SEED:-$$}
echo "seed $RANDOM"
rounds=${CKPT_TEST_ROUNDS:-40}
mkfifo pause.fifo
pause_us() { read -r -t "0.$(printf '%06d' "$1")" <>pause.fifo || true; }

mount_ckpt
start counter
other=$PID otherout=$OUT
threads() { awk '/^Threads/{print $2}' "/proc/$DAEMON/status"; }
before=$(threads)
under_way=0
for ((round = 0; round < rounds; round++)); do
	start heap
	{
		mkdir "$MNT/$PID" && cp -a "$MNT/$PID" "copy.$round" && rmdir "$MNT/$PID"
	} >/dev/null 2>&1 &
	worker=$!
	pause_us $((RANDOM * 3))
	kill -KILL "$PID"
	kill -0 "$worker" 2>/dev/null && under_way=$((under_way + 1))
	wait_for 10 "round $round: its end" exited "$PID"
	wait_for 10 "round $round: its reader's end" gone "$worker"
	rmdir "$MNT/$PID" 2>/dev/null || true
	rm -rf "copy.$round"
	kill -0 "$DAEMON" || fail "round $round: the daemon ended"
done
echo "$under_way of $rounds were under way"
((under_way > rounds / 4)) || fail "too few"
PID=$other OUT=$otherout
freeze
dump
thaw
finish
few_threads() { (($(threads) <= before + 10)); }
wait_for 10 "the threads that traced to end" few_threads
