# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scripts under tests/ share. A test sources it first. It then runs as root, under
# the reaper (victims/reaper.c), in a temporary directory $T of its own that goes at the end
# with all processes of the test; nothing is mounted until mount_ckpt.
#
#   $MNT  the mount     $PID  the victim     $OUT  what it printed     $GO  "you may go" file
#   AS    array: who mounts and uses the mount, a prefix of commands (user_mounts sets it)
#
# A test that sets PRIVATE_MOUNTS=1 before it sources this runs in a mount namespace of its own.

set -Eeuo pipefail
SRC=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
BUILD=${BUILD:-$SRC/build}
[[ $BUILD = /* ]] || BUILD=$SRC/$BUILD
CKPTFS=${CKPTFS:-$BUILD/ckptfs}
VICTIMS=$BUILD/victims
export PYTHON=/usr/bin/python3
export PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin" LC_ALL=C
umask 022

if [[ -z ${CKPT_TEST_DIR:-} ]]; then
	if ((EUID != 0)); then
		echo "skip: needs root"
		exit 77
	fi
	CKPT_TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/ckptfs-test-XXXXXX")
	mkdir "$CKPT_TEST_DIR/exits"
	chmod 755 "$CKPT_TEST_DIR"
	export CKPT_TEST_DIR
	status=0
	${PRIVATE_MOUNTS:+unshare --mount --propagation private} \
		"$VICTIMS/reaper" "$CKPT_TEST_DIR/exits" "$BASH" "$SRC/tests/${0##*/}" "$@" ||
		status=$?
	umount -l "$CKPT_TEST_DIR/mnt" 2>/dev/null || true
	rm -rf --one-file-system "$CKPT_TEST_DIR"
	exit $status
fi

T=$CKPT_TEST_DIR
MNT=$T/mnt
GO=$T/go
SPEED=${CKPT_TEST_SLOWER:-1} # limits are multiplied by it: sanitizers
DAEMON='' PID='' OUT=''
AS=()
export TMPDIR=$T
cd "$T"

# ---- verdicts ----

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

skip() {
	echo "skip: $*"
	exit 77
}

# shellcheck disable=SC2317 # called by the trap
on_error() {
	echo "FAIL: ${BASH_SOURCE[1]##*/}:$1: '$2' failed" >&2
}
trap 'on_error $LINENO "$BASH_COMMAND"' ERR

# shellcheck disable=SC2317 # called by the trap
at_exit() {
	local status=$?
	trap - ERR EXIT
	set +e
	if ((status != 0 && status != 77)) || [[ -n ${CKPT_TEST_VERBOSE:-} ]]; then
		mounted && timeout 5 "${AS[@]}" tail -n 15 "$MNT/log" | sed 's/^/log: /'
		[[ -z $OUT ]] || tail -n 5 "$OUT" 2>/dev/null | cut -c1-300 | sed 's/^/victim: /'
	fi
	if mounted; then
		umount_ckpt || { ((status != 0)) || status=1; }
	fi
	if grep -E -A 30 'Sanitizer|runtime error' "$T"/daemon.err* 2>/dev/null; then
		((status != 0)) || status=1
	fi
	exit "$status"
}
trap at_exit EXIT
trap 'exit 143' TERM

# ---- waiting ----

# wait_for SECONDS WHAT COMMAND...: until COMMAND succeeds.
wait_for() {
	local end=$((SECONDS + $1 * SPEED + 1)) what=$2
	shift 2
	until "$@"; do
		((SECONDS < end)) || fail "waited in vain: $what"
		sleep 0.02
	done
}

gone() { [[ ! -e /proc/$1 ]]; }
# shellcheck disable=SC2317
# Not the end of a skeleton that had its number during an earlier, failing restore.
exited() { [[ -e $T/exits/$1 && ! -e /proc/$1 ]]; }
has_line() { grep -qE -- "$2" "$1" 2>/dev/null; }

# state PID: R, S, D, T, t, Z ...
state() {
	local stat
	stat=$(<"/proc/$1/stat") 2>/dev/null || return 1
	stat=${stat##*) }
	echo "${stat%% *}"
}
in_state() { [[ $(state "$1" 2>/dev/null) == [$2] ]]; }

# in_syscall PID NUMBER: it is blocked in that system call.
in_syscall() {
	local nr
	read -r nr _ 2>/dev/null <"/proc/$1/syscall" && [[ $nr = "$2" ]]
}

# cpu_time PID: hundredths of seconds that it has used.
cpu_time() {
	local stat
	stat=$(<"/proc/$1/stat") || return 1
	stat=${stat##*) }
	# shellcheck disable=SC2086 # words
	set -- $stat
	echo $((${12} + ${13}))
}
used_cpu() {
	local now
	now=$(cpu_time "$1") && ((now >= $2))
}

# offset PID FD: its position in the file.
offset() { sed -n 's/^pos:[[:space:]]*//p' "/proc/$1/fdinfo/$2"; }
read_past() {
	local now
	now=$(offset "$1" "$2") && ((now >= $3))
}

# ---- the mount ----

# mount_ckpt [OPTIONS]: mounts at $MNT, $DAEMON is the server.
mount_ckpt() {
	local log
	"${AS[@]}" mkdir -p "$MNT"
	log=$(mktemp "$T/daemon.err.XXXXXX")
	"${AS[@]}" "$CKPTFS" none "$MNT" -f ${1:+-o "$1"} >"$log" 2>&1 &
	DAEMON=$!
	wait_for 10 "the mount" mounted_or_dead
	mounted || fail "the daemon ended: $(cat "$log")"
}
mounted() { grep -q " $MNT fuse" /proc/self/mounts; }
mounted_or_dead() { mounted || ! kill -0 "$DAEMON" 2>/dev/null; }

# user_mounts: from here on nobody mounts, through fusermount3, and does everything with the
# mount. For PRIVATE_MOUNTS only: where /dev/fuse is not for everybody, it is there.
user_mounts() {
	AS=(setpriv --reuid nobody --regid nogroup --clear-groups)
	chown nobody "$T"
	"${AS[@]}" "$CKPTFS" -V >/dev/null 2>&1 || skip "nobody can't execute $CKPTFS"
	"${AS[@]}" test -w /dev/fuse && return
	mknod -m 666 "$T/fuse" c 10 229
	mount --bind "$T/fuse" /dev/fuse
	"${AS[@]}" test -w /dev/fuse || skip "nobody can't open /dev/fuse"
}

umount_ckpt() {
	local i
	for ((i = 0; i < 50; i++)); do
		umount "$MNT" 2>/dev/null && break
		mounted || break
		sleep 0.05
	done
	if mounted; then
		umount -l "$MNT"
		echo "FAIL: can't unmount: busy" >&2
		return 1
	fi
	wait_for 10 "the daemon's end" gone "$DAEMON"
}

# umount_daemonized: umount, and the daemon that went to the background ends.
umount_daemonized() {
	umount "$MNT"
	wait_for 10 "the daemon's end" daemonized_ended
}
daemonized_ended() { ! pgrep -f "ckptfs none $MNT" >/dev/null; }

# kill_daemon: SIGKILL, and the dead mount goes away.
kill_daemon() {
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null || true
	umount -l "$MNT" 2>/dev/null || true
}

# Not grep -q: it would leave, and pipefail sees the SIGPIPE of who still writes.
log_text() { "${AS[@]}" cat "$MNT/log"; }
log_has() {
	log_text | grep -E -- "$1" >/dev/null || fail "the log does not say '$1'"
}
log_clear_mark() { LOG_MARK=$(log_text | wc -l); }
log_since() { log_text | tail -n +$((LOG_MARK + 1)); }
log_since_has() {
	log_since | grep -E -- "$1" >/dev/null || {
		log_since | sed 's/^/log since: /' >&2
		fail "the log does not say '$1'"
	}
}

# ---- victims ----

# spawn ARGUMENTS: see victims/spawn.c; sets PID.
spawn() {
	PID=$("${AS[@]}" "$BUILD/victims/spawn" "$@")
	rm -f "$T/exits/$PID"
}

# start VICTIM ARGUMENTS...: a program of victims/, until it is ready; sets PID and OUT.
start() {
	local name=$1
	shift
	OUT=$T/$name.$RANDOM.out
	spawn ${START_AS:+-s "$START_AS"} -o "$OUT" -e "$OUT.err" ${RUN_WITH[@]+"${RUN_WITH[@]}"} \
		"$VICTIMS/$name" "$GO" "$@"
	wait_for 20 "$name to be ready" ready_or_dead
	case $(tail -n 1 "$OUT") in
	SKIP:*) skip "$(sed -n 's/^SKIP: //p' "$OUT")" ;;
	esac
	has_line "$OUT" '^ready' || fail "$name: $(cat "$OUT" "$OUT.err")"
}
# Who says SKIP may have ended before spawn() forgot the last exit status of that PID.
ready_or_dead() { has_line "$OUT" '^(ready|SKIP:)' || exited "$PID"; }

# finish: the victim may go, and must be content.
finish() {
	touch "$GO"
	wait_for 60 "the victim to end" exited "$PID"
	check_verdict
}
check_verdict() {
	has_line "$OUT" '^PASS$' ||
		fail "the victim, exit status $(<"$T/exits/$PID"), says: $(grep -vE '^[0-9]+$' "$OUT" | head -20)"
	[[ $(<"$T/exits/$PID") = 0 ]] || fail "the victim's exit status: $(<"$T/exits/$PID")"
}

# ---- checkpoints ----

freeze() { "${AS[@]}" mkdir "$MNT/${1:-$PID}"; }
thaw() { "${AS[@]}" rmdir "$MNT/${1:-$PID}"; }

# dump [PID]: copies the frozen task to $T/dump/PID.
dump() {
	"${AS[@]}" mkdir -p "$T/dump"
	"${AS[@]}" cp -a "$MNT/${1:-$PID}" "$T/dump/"
}

# kill_and_reap [PID]: until its PID is free; then it is not frozen any more either.
kill_and_reap() {
	local pid=${1:-$PID}
	kill -KILL "$pid"
	wait_for 10 "process $pid to be gone" gone "$pid"
	wait_for 10 "its exit status" exited "$pid"
	rm -f "$T/exits/$pid"
	"${AS[@]}" rmdir "$MNT/$pid" 2>/dev/null || true
}

restore() { "${AS[@]}" cp -a "$T/dump/${1:-$PID}" "$MNT/restore/"; }

# checkpoint: freeze, dump, kill.
checkpoint() {
	freeze
	dump
	kill_and_reap
}

restored() {
	[[ -d /proc/$PID ]] || exited "$PID" || fail "process $PID is not there"
}

# survives VICTIM ARGUMENTS...: the whole way through the mount, and it is content.
survives() {
	mount_ckpt
	start "$@"
	checkpoint
	restore
	restored
	finish
}

# survives_freeze VICTIM ARGUMENTS...: frozen, looked at and thawed, it is content.
survives_freeze() {
	mount_ckpt
	start "$@"
	freeze
	dump
	thaw
	finish
}

# fails_with MESSAGE COMMAND...: it fails, and says so.
fails_with() {
	local want=$1 text
	shift
	if text=$("$@" 2>&1); then
		fail "'$*' succeeded; wanted: $want"
	fi
	[[ $text == *"$want"* ]] || fail "'$*' says '$text'; wanted: $want"
}

# Nothing of the daemon's is left: no skeleton, no copy of a victim.
no_process() {
	gone "$1" || fail "process $1 is there: $(tr '\0' ' ' <"/proc/$1/cmdline")"
}
# vim: ft=bash
