#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Allocations of the daemon fail, one after the other, in a freeze, a dump, a thaw and a restore: an
# error or the whole thing, and the task is as it was. Once there is memory again, everything works.
. "${0%/*}/lib.sh"

[[ -e $BUILD/failalloc.so ]] || skip "failalloc.so is not built with sanitizers"
RANDOM=${CKPT_TEST_SEED:-$$}
echo "seed $RANDOM"
tries=${CKPT_TEST_ROUNDS:-40}

# control BEFORE FAILING: see fault/failalloc.c
control() { "$PYTHON" -c 'import struct, sys
open("control", "r+b").write(struct.pack("=qq", int(sys.argv[1]), int(sys.argv[2])))' "$@"; }

head -c 16 /dev/zero >control
control -1 0
export FAILALLOC=$T/control
LD_PRELOAD=$BUILD/failalloc.so mount_ckpt
start endure
freeze
dump
thaw

# each WHAT MOST COMMAND...: with every allocation among the first ones, then random ones up to MOST.
each() {
	local what=$1 most=$2 n try failed=0
	shift 2
	for ((try = 0; try < tries; try++)); do
		n=$((try < tries / 2 ? try : RANDOM % most))
		control "$n" 3
		"$@" >/dev/null 2>err || {
			failed=$((failed + 1))
			grep -qE 'Cannot allocate|Input/output' err || fail "$what, $n: $(<err)"
		}
		control -1 0
		kill -0 "$DAEMON" 2>/dev/null || fail "$what: the daemon ended at allocation $n"
		[[ $what = restore ]] || ! exited "$PID" || fail "$what, allocation $n: the target ended"
		has_line "$OUT" '^FAIL' && fail "$what, allocation $n: $(grep FAIL "$OUT")"
		"after_$what" "$n"
	done
	echo "$what: $failed of $tries failed"
	((failed > 0)) || fail "nothing failed"
}
after_freeze() {
	[[ ! -d $MNT/$PID ]] || rmdir "$MNT/$PID"
	in_state "$PID" tT && fail "allocation $1: it is in state $(state "$PID")"
	return 0
}
after_dump() { rm -rf copy; }
after_thaw() {
	rmdir "$MNT/$PID" 2>/dev/null || true
	in_state "$PID" tT && fail "allocation $1: it is in state $(state "$PID")"
	return 0
}
freeze_and_thaw() { mkdir "$MNT/$PID" && control -1 0 && rmdir "$MNT/$PID"; }
dump_it() { cp -a "$MNT/$PID" copy; }
thaw_it() { rmdir "$MNT/$PID"; }

each freeze 3000 freeze_and_thaw
freeze
each dump 2000 dump_it
thaw
for ((i = 0; i < 10; i++)); do
	freeze
	control "$i" 3
	thaw_it 2>/dev/null || true
	control -1 0
	after_thaw "$i"
done
finish

# a victim that does not run, rebuilt again and again
rm -f "$GO"
start anon
checkpoint
after_restore() {
	rm -rf "${MNT:?}/restore/$PID" 2>/dev/null || true
	[[ ! -e $MNT/restore/$PID ]] || rm -rf "${MNT:?}/restore/$PID"
	if [[ -d /proc/$PID ]]; then
		kill -KILL "$PID"
		wait_for 10 "process $PID to be gone" gone "$PID"
		wait_for 10 "its exit status" exited "$PID"
	fi
	rm -f "exits/$PID"
}
each restore 4000 restore
restore
restored
finish
