#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Readers that are killed, that run out of space, that fail, that are many: the frozen task is as it
# was, and the next copy is good.
. "${0%/*}/lib.sh"

mount_ckpt
start heap
freeze
dump
mkdir small copy
mount -t tmpfs -o size=128k none small
if cp -a "$MNT/$PID" small/ 2>err; then
	fail "the copy fits into 128 KiB"
fi
grep -q 'No space left' err || fail "$(<err)"
umount small

pages=$(find "$MNT/$PID/vmas" -name pages -size +8k | head -1)
if cat "$pages" >/dev/full 2>err; then
	fail "a full device took it"
fi
if dd if="$pages" of=/proc/self/mem 2>err; then # address 0
	fail "address 0 can be written"
fi
grep -q 'Input/output error' err || fail "$(<err)"

for ((i = 0; i < 20; i++)); do
	cp -a "$MNT/$PID" copy/ 2>/dev/null &
	reader=$!
	sleep "0.0$i"
	kill -KILL "$reader" 2>/dev/null || true
	wait "$reader" 2>/dev/null || true
	rm -rf copy/*
done

want=$(cat "$T/dump/$PID"/vmas/*/pages | cksum)
readers=()
for ((i = 0; i < 200; i++)); do
	cat "$MNT/$PID"/vmas/*/pages 2>&1 | cksum >"sum.$i" &
	readers+=($!)
done
for reader in "${readers[@]}"; do
	wait "$reader" || fail "a reader ended with $?"
done
for ((i = 0; i < 200; i++)); do
	[[ $(<"sum.$i") = "$want" ]] || fail "reader $i read $(<"sum.$i"), not $want"
done
cp -a "$MNT/$PID" copy/
diff -r "$T/dump/$PID" "copy/$PID" || fail "the last copy differs from the first"
kill_and_reap
restore
restored
finish
