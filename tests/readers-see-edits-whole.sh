#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# While a frozen process is edited and rolled back again and again, everybody who reads gets the file
# as it was or as it is, never half of each; and a copy made in peace is good.
. "${0%/*}/lib.sh"

rounds=${CKPT_TEST_ROUNDS:-25}

# Until $T/stop: every file whole, and of one of the values that were written.
read_on() {
	local value
	while [[ ! -e stop ]]; do
		cat "$MNT/$PID/cpu" >"cpu.$1" || return 1
		[[ $(tail -n 1 "cpu.$1") = end && $(wc -l <"cpu.$1") = "$lines" ]] || return 2
		value=$(sed -n 's/^r12 //p' "cpu.$1")
		[[ $value =~ ^0x(1111|2[0-9a-f]{2})$ ]] || return 3
		cat "$big" >"big.$1" || return 4
		[[ $(stat -c %s "big.$1") = "$size" ]] || return 5
		[[ $(head -c 3000000 "big.$1" | tr -d '.\0' | head -c 1) =~ ^[ax0-9]?$ ]] || return 6
		cat "$MNT/$PID/manifest" >"manifest.$1" || return 7
		[[ $(tail -n 1 "manifest.$1") = "$count" ]] || return 8
	done
}

mount_ckpt
start edit argument
freeze
dump
lines=$(wc -l <"dump/$PID/cpu")
count=$(tail -n 1 "dump/$PID/manifest")
big=$(find "$MNT/$PID/vmas" -name pages -size +2M | head -n 1)
size=$(stat -c %s "$big")
readers=()
for i in 1 2 3; do
	read_on $i &
	readers+=($!)
done
for ((i = 0; i < rounds; i++)); do
	sed -i "s/^r12 .*/r12 $(printf '%#x' $((0x200 + i)))/" "$MNT/$PID/cpu"
	printf '%d' "$i" | dd of="$big" bs=1 seek=$((i * 100000)) conv=notrunc status=none
	sed -i 's/^r12 .*/r12 junk/' "$MNT/$PID/cpu" 2>/dev/null && fail "junk was taken"
	if ((i % 5 == 4)); then
		cp -a "dump/$PID/." "$MNT/$PID/"
		grep -q '^r12 0x1111$' "$MNT/$PID/cpu" || fail "round $i: not rolled back"
	fi
done
sed -i 's/^r12 .*/r12 0x2ff/' "$MNT/$PID/cpu"
touch stop
for reader in "${readers[@]}"; do
	wait "$reader" || fail "a reader found something: $?"
done
rm -r dump
dump
kill_and_reap
touch "$GO"
restore
wait_for 10 "the process to see the edit" has_line "$OUT" '^r12 0x2ff argument argument page as it was '
finish
finish
