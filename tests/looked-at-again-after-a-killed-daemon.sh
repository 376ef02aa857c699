#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of the daemon while it looks at a process that others have stopped leaves it inside of
# what makes it itself again. The next daemon, or the one that follows if that is killed as well,
# finds it there, shows the process as it was, and harms nothing.
. "${0%/*}/lib.sh"
. "${0%/*}/groups.sh"

# look_and_die N: false: the daemon has made fewer calls of ptrace(2).
look_and_die() {
	local died=true tracer
	umount -l "$MNT" 2>/dev/null || true
	strace -qq -f -o /dev/null -e trace=ptrace -e "inject=ptrace:signal=SIGKILL:when=$1" \
		"$CKPTFS" none "$MNT" -f >/dev/null 2>&1 &
	tracer=$!
	disown
	wait_for 10 "the mount" mountpoint -q "$MNT"
	if ls "$MNT/$PID" >/dev/null 2>&1; then
		died=false
	fi
	umount "$MNT" 2>/dev/null || umount -l "$MNT" 2>/dev/null || true
	wait_for 10 "strace to end" gone "$tracer"
	wait_for 5 "it to be let go of" untraced
	$died
}

mask_is() { [[ $(awk '/^SigBlk/{print $2}' "/proc/$PID/status") = "$mask" ]]; }

# look: it is shown with the signal mask that it has.
look() {
	mount_ckpt
	ls "$MNT/$PID" >/dev/null || fail "$1: it can't be looked at any more: $(tail -n 3 "$MNT/log")"
	grep -Eqi "^blocked (0x)?0*${mask##+(0)}\$" "$MNT/$PID/signals" || fail "$1: $(<"$MNT/$PID/signals")"
	umount_ckpt
}

# again HOLD RELEASE N...
again() {
	local hold=$1 release=$2 n deaths=0
	shift 2
	for n in "$@"; do
		$hold
		look_and_die "$n" && deaths=$((deaths + 1))
		((n % 4)) || look_and_die "$n" || true
		$LOOK "$hold $n"
		$release
		! exited "$PID" || fail "$hold $n: the target ended: $(<"exits/$PID")"
		wait_for 5 "$hold $n: it to run" in_state "$PID" RSD
		wait_for 5 "$hold $n: its signal mask $mask" mask_is
	done
	((deaths > 8)) || fail "$hold: killed only $deaths times"
}

stop() {
	kill -STOP "$PID"
	wait_for 5 "it to stop" in_state "$PID" T
}
cont() { kill -CONT "$PID"; }

shopt -s extglob
mkdir -p "$MNT"
start counter
mask=$(awk '/^SigBlk/{print $2}' "/proc/$PID/status")
LOOK=look
again stop cont 5 8 11 12 13 14 15 16 17 18 19 20 21 23 28 34 47 60 85
# Frozen, it may be left with a call of the stub's own: shown as it is.
look_only() {
	mount_ckpt
	ls "$MNT/$PID" >/dev/null || fail "$1: it can't be looked at any more: $(tail -n 3 "$MNT/log")"
	umount_ckpt
}
LOOK=look_only
for version in 1 2; do
	has_version "$version" || { echo "$WHY" && continue; }
	make_group home
	echo "$PID" >"$GROUP/cgroup.procs"
	again freeze_group thaw_group 14 16 20 24 27 30 34 37 40 44 50 60 81
	echo "$PID" >"$TOP/cgroup.procs"
	rmdir "$GROUP"
	GROUPS_MADE=()
done
finish
