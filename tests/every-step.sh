# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# SIGKILL of the daemon right after its Nth ptrace(2) call or write into the target, for N all
# through a freeze: each time the target runs on with its own signal mask, and is intact. Sourced
# after lib.sh.

# step CALL N: one freeze under a daemon that dies there.
step() {
	local call=$1 n=$2
	umount -l "$MNT" 2>/dev/null || true
	strace -qq -f -o /dev/null -e "trace=$call" -e "inject=$call:signal=SIGKILL:when=$n" \
		"$CKPTFS" none "$MNT" -f >/dev/null 2>&1 &
	local tracer=$!
	wait_for 10 "the mount for $call $n" mountpoint -q "$MNT"
	if mkdir "$MNT/$PID" 2>/dev/null; then
		last=true
		rmdir "$MNT/$PID" 2>/dev/null || true
	else
		deaths=$((deaths + 1))
	fi
	umount "$MNT" 2>/dev/null || umount -l "$MNT" 2>/dev/null || true
	wait "$tracer" 2>/dev/null || true
	exited "$PID" && fail "$call $n: the target ended: $(<"exits/$PID"): $(tail -n 3 "$OUT")"
	wait_for 5 "$call $n: the target to run" in_state "$PID" RSD
	wait_for 5 "$call $n: its signal mask $mask" mask_is
	if has_line "$OUT" '^FAIL'; then
		fail "$call $n: $(grep FAIL "$OUT")"
	fi
}
mask_is() { [[ $(awk '/^SigBlk/{print $2}' "/proc/$PID/status") = "$mask" ]]; }

# survives_every_step FIRST STRIDE VICTIM ARGUMENTS...: the victim leaves its signal mask alone.
# Every step at first, then every STRIDEth.
survives_every_step() {
	local first=$1 stride=$2 n deaths=0 last=false mask
	shift 2
	mount_ckpt
	start "$@"
	mask=$(awk '/^SigBlk/{print $2}' "/proc/$PID/status")
	umount_ckpt
	for ((n = 1; n <= 6; n++)); do
		step pwrite64 "$n"
	done
	last=false
	for ((n = 1; n < 2000; n += n < first ? 1 : stride)); do
		step ptrace "$n"
		! $last || break
	done
	$last || fail "a freeze has no end of calls"
	echo "$*: killed at $deaths steps"
	((deaths > first - 10)) || fail "too few"
	finish
}
