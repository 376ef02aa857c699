#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The script of mount-examples/ parks a running job and resumes it.
. "${0%/*}/lib.sh"

wrote() { (($(wc -l <"$OUT") > $1)); }
park=$SRC/mount-examples/park-job.sh
mount_ckpt
start counter
wait_for 10 "numbers" wrote 20
CKPT=$MNT bash "$park" park "$PID" "$T/parked" >park.out || fail "$(cat park.out)"
wait_for 10 "it to be gone" gone "$PID"
rm -f "exits/$PID"
lines=$(wc -l <"$OUT")
[[ -s $T/parked/$PID/manifest ]] || fail "nothing was parked: $(cat park.out)"
CKPT=$MNT bash "$park" resume "$T/parked/$PID" >resume.out || fail "$(cat resume.out)"
wait_for 10 "it to go on" wrote $((lines + 10))
finish
seq 0 $(($(grep -cE '^[0-9]+$' "$OUT") - 1)) | cmp - <(grep -E '^[0-9]+$' "$OUT")
# What can't be parked runs on.
rm "$GO"
OUT=$T/refused.out
spawn -o "$OUT" -e err "$VICTIMS/refused" "$GO" pipe
wait_for 10 "it to be ready" ready_or_dead
if CKPT=$MNT bash "$park" park "$PID" "$T/parked" >park.out 2>&1; then
	fail "a process with a pipe was parked"
fi
grep -q pipe park.out || fail "it does not say why: $(cat park.out)"
finish
