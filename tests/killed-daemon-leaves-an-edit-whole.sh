#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of the daemon at random moments of an edit and the thaw that does it: the process runs on,
# with all of the edit (a register, a page) or nothing of it.
. "${0%/*}/lib.sh"

RANDOM=${CKPT_TEST_SEED:-$$}
echo "seed $RANDOM"
rounds=${CKPT_TEST_ROUNDS:-50}

pause_us() {
	read -r -t "0.$(printf '%06d' "$1")" <>pause.fifo || true
}
mkfifo pause.fifo
memory() { dd if="/proc/$PID/mem" bs=1 skip=$((addr)) count=9 status=none | tr -d '\0'; }
lines() { grep -c '^r12' "$OUT" || true; }
# Where the page is: a mapping that an earlier kill left behind may have joined the one it is in.
locate() {
	local dir key start offset
	for dir in "$MNT/$PID"/vmas/*; do
		((16#${dir##*/} <= addr)) && pages=$dir/pages
	done
	while read -r key start _ _ offset; do
		[[ $key = run ]] && ((start <= addr)) && at=$((offset * 4096 + addr - start))
	done <"${pages%pages}meta"
	[[ $(dd if="$pages" bs=1 skip="$at" count=9 status=none) = "$was" ]] ||
		fail "the page is not at $at of $pages"
}
edit() {
	sed -i "s/^r12 .*/r12 $1/" "$MNT/$PID/cpu"
	printf '%-9s\0' "$2" | dd of="$pages" bs=1 seek="$at" conv=notrunc status=none
}

mount_ckpt
start edit argument
read -r _ _ _ _ _ page _ <"$OUT"
addr=$((page + (2 << 20)))
was='as it was' count=0 old=0 new=0
for ((round = 100; round < 100 + rounds; round++)); do
	((round == 100)) || mount_ckpt
	freeze
	locate
	{
		edit "$(printf '%#x' $round)" "round $round"
		touch thawing
		rmdir "$MNT/$PID"
	} 2>/dev/null &
	worker=$!
	if ((round % 4)); then
		wait_for 10 "the edit" test -e thawing
		pause_us $((RANDOM % 20000))
	else
		pause_us $((RANDOM % 20000))
	fi
	kill_daemon
	wait "$worker" 2>/dev/null || true
	rm -f thawing
	exited "$PID" && fail "round $round: it has ended: $(<"exits/$PID")"
	wait_for 5 "round $round: it to run" in_state "$PID" R
	now=$(memory)
	now=${now%"${now##*[! ]}"}
	if [[ $now = "$was" ]]; then
		(($(lines) == count)) || fail "round $round: r12 was changed, the page was not"
		old=$((old + 1))
	else
		[[ $now = "round $round" ]] || fail "round $round: the page says '$now'"
		wait_for 5 "round $round: the page was changed, r12 was not" \
			has_line "$OUT" "^r12 $(printf '%#x' $round) argument argument page round $round "
		count=$((count + 1)) was=$now new=$((new + 1))
		(($(lines) == count)) || fail "round $round: $(lines) lines instead of $count"
	fi
done
echo "$rounds rounds: $old with nothing of the edit, $new with all of it"
mount_ckpt
touch "$GO"
freeze
locate
edit 0x1 last
thaw
finish
