# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# SIGKILL of the daemon at every step of looking at a process that a frozen control group holds: it is
# in its own group afterwards, frozen, has not executed one instruction, and goes on when the group is
# thawed. Sourced after lib.sh and groups.sh.

# dies CALL N [STRACE OPTION...]: the daemon, at its Nth CALL, while it opens the directory; false: it
# made fewer.
dies() {
	local call=$1 n=$2 died
	shift 2
	umount -l "$MNT" 2>/dev/null || true
	strace -qq -f -o /dev/null -e "trace=$call,setsid" \
		-e "inject=$call:signal=SIGKILL:when=$n" "$@" \
		"$CKPTFS" none "$MNT" -f >/dev/null 2>&1 &
	local tracer=$!
	disown
	wait_for 10 "the mount for $call $n" mountpoint -q "$MNT"
	died=true
	if ls "$MNT/$PID" >/dev/null 2>&1; then
		died=false
	fi
	umount "$MNT" 2>/dev/null || umount -l "$MNT" 2>/dev/null || true
	wait_for 10 "strace to end" gone "$tracer"
	$died
}

count() { od -An -tu8 -N8 "$T/count"; }
counts_on() { [[ $(count) != "$1" ]]; }

# step CALL N [OPTION...]: one death, and what is left. MAY_RUN=1: it may have executed something.
step() {
	local before now
	freeze_group
	before=$(count)
	dies "$@" && deaths=$((deaths + 1)) || last=true
	! exited "$PID" || fail "$1 $2: the target ended: $(<"exits/$PID")"
	wait_for 5 "$1 $2: it to be in its group" in_group
	wait_for 5 "$1 $2: it to be let go of" untraced
	wait_for 5 "$1 $2: it to be frozen" is_frozen
	now=$(count)
	if [[ $now != "$before" ]]; then
		((${MAY_RUN:-0})) || fail "$1 $2: it ran, $((now - before)) turns"
		echo "$1 $2: it ran, $((now - before)) turns"
	fi
	set_frozen 0
	wait_for 5 "$1 $2: it to run on" counts_on "$now"
	[[ $(awk '/^SigBlk/{print $2}' "/proc/$PID/status") = "$mask" ]] ||
		fail "$1 $2: its signal mask is another"
	[[ $(readlink "/proc/$PID"/fd/* | sort) = "$fds" ]] ||
		fail "$1 $2: its descriptors: $(ls -l "/proc/$PID/fd")"
}

# killed_at_every_step FIRST STRIDE: every ptrace(2) at first, then every STRIDEth.
killed_at_every_step() {
	local first=$1 stride=$2 n i call deaths=0 last=false mask fds
	mkdir -p "$MNT"
	make_group home
	start spin "$T/count"
	echo "$PID" >"$GROUP/cgroup.procs"
	mask=$(awk '/^SigBlk/{print $2}' "/proc/$PID/status")
	fds=$(readlink "/proc/$PID"/fd/* | sort)
	for ((n = 1; n <= 12; n++)); do
		step pwrite64 "$n"
	done
	last=false
	for ((n = 1; n < 4000; n += n < first ? 1 : stride)); do
		# version 1: one of the first comes when it has stopped, and is outside still
		MAY_RUN=$((VERSION == 1 && n <= 5)) step ptrace "$n"
		! $last || break
	done
	$last || fail "there is no end of calls"
	# With the guardian dead it moves itself home, if it has got the means by then.
	for ((i = n / 4; i < n * 3 / 4; i += n / 8)); do
		step ptrace "$i" -e inject=setsid:signal=SIGKILL:when=1
	done
	# Version 1: it has not stopped yet, or has, and is outside with nothing but a guardian. The first
	# write of each thread is the guardian's too.
	for call in "waitid 1" "write 2"; do
		# shellcheck disable=SC2086 # words
		MAY_RUN=$((VERSION == 1)) step $call
	done
	for ((i = 3; i <= 7; i++)); do
		step write "$i"
	done
	step sendmsg 1
	step recvmsg 1
	echo "version $VERSION: killed at $deaths steps"
	((deaths > first)) || fail "too few"
}

the_end() {
	thaw_group
	kill -USR1 "$PID"
	finish
}
