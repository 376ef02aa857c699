#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of the daemon at 300 random moments of freeze, dump and thaw: the target goes on.
. "${0%/*}/lib.sh"

RANDOM=${CKPT_TEST_SEED:-$$}
echo "seed $RANDOM"
rounds=${CKPT_TEST_ROUNDS:-300}

# pause_us N: that many microseconds, without starting a process.
pause_us() {
	local us=$1
	read -r -t "0.$(printf '%06d' "$us")" <>pause.fifo || true
}
mkfifo pause.fifo

mount_ckpt
start endure
sent=0 hits=0
for ((round = 0; round < rounds; round++)); do
	((round == 0)) || mount_ckpt
	{ # whatever of it still can be done; errors are expected
		mkdir "$MNT/$PID"
		case $((round % 3)) in
		0) cat "$MNT/$PID/manifest" ;;
		1) cat "$MNT/$PID"/vmas/*/pages ;;
		esac
		rmdir "$MNT/$PID"
	} >/dev/null 2>&1 &
	worker=$!
	# Freezing takes a few milliseconds; most moments are to be within it.
	pause_us $((RANDOM % 4 ? RANDOM % 15000 : RANDOM * 2))
	kill -KILL "$DAEMON"
	kill -0 "$worker" 2>/dev/null && hits=$((hits + 1))
	wait "$DAEMON" 2>/dev/null || true
	umount -l "$MNT" 2>/dev/null || true
	wait "$worker" 2>/dev/null || true
	exited "$PID" && fail "round $round: the target ended: $(<"exits/$PID")"
	kill -RTMIN "$PID" && sent=$((sent + 1))
	in_state "$PID" Tt && wait_for 5 "round $round: the target to run" in_state "$PID" RSD
	if has_line "$OUT" '^FAIL'; then
		fail "round $round: $(grep FAIL "$OUT")"
	fi
done
echo "$hits of $rounds rounds were under way when the daemon was killed"
((hits > rounds / 4)) || fail "too few"
finish
queued=$(sed -n 's/^queued //p' "$OUT")
((queued == sent)) || fail "$sent signals were sent, $queued came"
