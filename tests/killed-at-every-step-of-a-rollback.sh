#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of whoever rolls a process back, right after its Nth ptrace(2) call or write into it: the
# process has all of its old state or all of the older one, and runs on. It judges that itself.
. "${0%/*}/lib.sh"
applier=$BUILD/applier

start twice "$T/go2" "$T/beat"
mkdir tree
"$applier" "$PID" dump tree
touch "$GO"
wait_for 20 "the second state" has_line "$OUT" '^second'

# Every step: CKPT_TEST_STRIDE=1
stride=${CKPT_TEST_STRIDE:-23}
deaths=0 undone=0 done_=0 last=false

export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it does not work under strace

# step CALL N
step() {
	local call=$1 n=$2 was now status=0
	was=$(grep -c '^second' "$OUT")
	strace -qq -f -o /dev/null -e "trace=$call" -e "inject=$call:signal=SIGKILL:when=$n" \
		"$applier" "$PID" apply tree >applier.out 2>&1 || status=$?
	if ((status == 137)); then
		deaths=$((deaths + 1))
	else
		((status == 0)) || fail "$call $n: $(<applier.out)"
		last=true
	fi
	exited "$PID" && fail "$call $n: the target ended: $(<"exits/$PID"): $(tail -n 3 "$OUT")"
	wait_for 5 "$call $n: the target to run" in_state "$PID" RSD
	# back in the first state it goes to the second at once, since it may
	now=$(date +%s%N)
	wait_for 10 "$call $n: the target to judge itself" judged_since "$now"
	wait_for 10 "$call $n: the second state" in_second
	if has_line "$OUT" '^FAIL'; then
		fail "$call $n: $(grep FAIL "$OUT")"
	fi
	if (($(grep -c '^second' "$OUT") > was)); then
		done_=$((done_ + 1))
	else
		undone=$((undone + 1))
	fi
}
judged_since() { exited "$PID" || (($(od -An -tu8 beat) > $1)); }
in_second() { exited "$PID" || [[ $(tail -n 1 "$OUT") = second ]]; }

for call in pwrite64 process_vm_writev ptrace; do
	last=false
	for ((n = 1; n < 5000; n += n < 12 ? 1 : stride)); do
		step "$call" "$n"
		! $last || break
	done
	$last || fail "$call: a rollback has no end of calls"
done
echo "killed at $deaths steps: $undone times it had its state, $done_ times the older one"
((undone > 20 && done_ > 20)) || fail "too few"
touch "$T/go2"
wait_for 60 "the victim to end" exited "$PID"
check_verdict
