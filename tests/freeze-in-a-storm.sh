#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A freeze among forks, new threads and execs: either every task stands still, or none is touched.
. "${0%/*}/lib.sh"

RANDOM=${CKPT_TEST_SEED:-$$}
echo "seed $RANDOM"
rounds=${CKPT_TEST_ROUNDS:-25}
mkfifo pause.fifo
pause_us() { read -r -t "0.$(printf '%06d' "$1")" <>pause.fifo || true; }

# tasks PID: all its threads and descendants.
tasks() {
	local dir child children
	for dir in "/proc/$1/task"/*; do
		[[ -e $dir ]] || continue
		echo "${dir##*/}"
		read -ra children 2>/dev/null <"$dir/children" || children=()
		for child in "${children[@]}"; do
			tasks "$child"
		done
	done
}
all_stand_still() {
	local task
	for task in $(tasks "$PID"); do
		in_state "$task" tZX || fail "round $round: task $task is in state $(state "$task")"
	done
}

for options in inspect ''; do
	mount_ckpt "$options"
	for storm in forks threads execs; do
		rm -f "$GO"
		start storm "$storm"
		frozen=0
		for ((round = 0; round < rounds; round++)); do
			pause_us $((RANDOM % 20000))
			if mkdir "$MNT/$PID" 2>err; then
				frozen=$((frozen + 1))
				all_stand_still
				cat "$MNT/$PID"/{task,cpu,signals} >/dev/null
				rmdir "$MNT/$PID"
			else
				grep -qE 'not supported|timed out' err || fail "$storm: $(<err)"
			fi
		done
		echo "$storm${options:+, }$options: frozen $frozen times of $rounds"
		[[ -z $options && $storm != execs ]] || ((frozen > rounds / 2)) ||
			fail "$storm: $(log_text | tail -3)"
		finish
	done
	umount_ckpt
done
