#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fuzz.sh [TARGET...]: runs the fuzz targets in $BUILD/fuzz, FUZZ_SECONDS each (60), FUZZ_JOBS at a
# time (all processors), on a corpus that begins with real trees and stays in $BUILD/fuzz/corpus.
# `make fuzz` builds them first. What is found is in $BUILD/fuzz/found.
. "${0%/*}/lib.sh"

FUZZ=$BUILD/fuzz
SECONDS_EACH=${FUZZ_SECONDS:-60}
JOBS=${FUZZ_JOBS:-$(nproc)}
SEEDS=$T/seeds
MAX_TEXT=12000 # bytes: what is longer has more of the same
export ASAN_OPTIONS=abort_on_error=1:detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1

# seed TARGET: what comes from standard input is an input for it.
seed() {
	local new
	mkdir -p "$SEEDS/$1"
	new=$(mktemp -p "$SEEDS/$1" new.XXXXXX)
	cat >"$new"
	mv "$new" "$SEEDS/$1/$(sha1sum <"$new" | cut -c1-16)"
}

texts() { find . -type f ! -name pages ! -name sums ! -name manifest | sed 's|^\./||' | sort; }

seeds_of_tree() {
	local file
	seed manifest <./manifest
	for file in $(texts); do
		(($(stat -c %s "$file") < MAX_TEXT)) || continue # pipes that are full
		{ echo "$file" && cat "$file"; } | seed text
		{ printf '\f%s\n' "$file" && cat "$file"; } >>"$T/whole"
	done
	seed tree <"$T/whole"
	printf '\f%s\n' manifest | cat "$T/whole" - manifest | seed tree
	rm "$T/whole"
	file=$(find . -name pages -size +0 | head -n 1)
	{ printf '\0\7' && head -c 12288 "$file"; } | seed pages
	{ printf '\1\77' && head -c 12288 "$file" | gzip -c; } | seed pages
	{ printf '\3\77' && gzip -c <<<one && gzip -c <<<two; } | seed pages
}

seeds_of_proc() {
	local pid=$1 nr=0 name
	for name in smaps smaps status stat comm task/"$pid"/children fdinfo/1 status; do
		{ printf %s $nr && cat "/proc/$pid/$name"; } | seed proc
		nr=$((nr + 1))
	done
	printf '6lock:\t1: POSIX  ADVISORY  WRITE 1 fe:00:4711 0 EOF\npos:\t7\nflags:\t0100002\n' |
		seed proc
	{ printf 8 && cat "/proc/$pid/cgroup" && printf '\f' && cat /proc/self/mountinfo; } | seed proc
	{ printf 9 && cat /proc/self/mountinfo; } | seed proc
}

make_seeds() {
	local victim
	mount_ckpt
	for victim in counter "files $T/files" "locks $T" pipes shm_anon "state umask=022" signals segments; do
		GO=$T/go.${victim%% *}
		# shellcheck disable=SC2086 # words
		start $victim
		seeds_of_proc "$PID"
		freeze
		dump
		thaw
		(cd "dump/$PID" && seeds_of_tree)
		kill -KILL "$PID"
	done
	umount_ckpt
	OUT=''
	printf '%s\n' none /mnt -o allow_other,timeout=5,stage_limit=3G,nosuid | seed opts
	printf '%s\n' none /mnt -oro,x-systemd.automount -f -d | seed opts
}

# run_one TARGET: status 0 when nothing was found.
run_one() {
	local log=$T/$1.log rc=0
	mkdir -p "$FUZZ/corpus/$1" "$FUZZ/found"
	"$FUZZ/$1" -max_len=$((MAX_TEXT * 4)) -max_total_time="$SECONDS_EACH" -timeout=20 -rss_limit_mb=2048 \
		-malloc_limit_mb=512 -print_final_stats=1 -dict="$T/dict" \
		-artifact_prefix="$FUZZ/found/$1-" "$FUZZ/corpus/$1" "$SEEDS/$1" >"$log" 2>&1 || rc=$?
	if ((rc)); then
		echo "FAIL $1:"
		grep -vE '^#|^NEW_FUNC' "$log" | tail -n 60
	else
		echo "ok   $1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs," \
			"coverage $(grep -oE 'cov: [0-9]+' "$log" | tail -n 1 | cut -d' ' -f2)"
	fi
	return $rc
}

targets=("$@")
if ((!${#targets[@]})); then
	for target in "$SRC"/tests/fuzz/*.c; do
		target=${target##*/}
		targets+=("${target%.c}")
	done
fi
"$BUILD/list_keys" | tr ' ' '\n' | sort -u | sed 's/.*/"&"/' >"$T/dict"
make_seeds
status=0
for target in "${targets[@]}"; do
	while (($(jobs -rp | wc -l) >= JOBS)); do
		wait -n || status=1
	done
	run_one "$target" &
done
while (($(jobs -rp | wc -l))); do
	wait -n || status=1
done
exit $status
