#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How fast: a process with 16 MiB and with 1 GiB of random memory, all on tmpfs, medians of five.
# The floor is cp -a of the finished tree from tmpfs to tmpfs in the same run. CRIU is measured
# too where an installed one works.  CKPT_BENCH_SIZES="16 1024" CKPT_BENCH_RUNS=5

set -euo pipefail
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
build=$(realpath "${BUILD:-build}")
read -r -a sizes <<<"${CKPT_BENCH_SIZES:-16 1024}"
runs=${CKPT_BENCH_RUNS:-5}

if [[ -z ${CKPT_BENCH_DIR:-} ]]; then
	((EUID == 0)) || { echo "bench: needs root"; exit 1; }
	CKPT_BENCH_DIR=$(mktemp -d /dev/shm/ckptfs-bench-XXXXXX)
	export CKPT_BENCH_DIR
	mkdir "$CKPT_BENCH_DIR/exits"
	status=0
	"$build/victims/reaper" "$CKPT_BENCH_DIR/exits" "$BASH" "$0" || status=$?
	umount -l "$CKPT_BENCH_DIR/mnt" 2>/dev/null || true
	rm -rf --one-file-system "$CKPT_BENCH_DIR"
	exit "$status"
fi
cd "$CKPT_BENCH_DIR"
work=$PWD mnt=$PWD/mnt
finish() {
	umount "$mnt" 2>/dev/null || true
	while pgrep -f "^$build/ckptfs none $mnt" >/dev/null; do sleep 0.02; done
}
trap finish EXIT

us() { echo "${EPOCHREALTIME/./}"; }
# timed NAME COMMAND...: adds the microseconds it took to the samples of NAME.
declare -A samples=()
timed() {
	local name=$1 begin
	shift
	begin=$(us)
	"$@"
	samples[$name]+="$(($(us) - begin)) "
}
# shellcheck disable=SC2086 # words
median() { printf '%s\n' ${samples[$1]} | sort -n | sed -n "$(((runs + 1) / 2))p"; }
gone() { until [[ ! -e /proc/$1 ]]; do sleep 0.005; done; }
start() {
	rm -f go
	pid=$("$build/victims/spawn" -o out -e err "$build/victims/ballast" "$work/go" "$1")
	until grep -q '^ready' out 2>/dev/null; do
		[[ -e /proc/$pid ]] || { cat out err; exit 1; }
		sleep 0.01
	done
	cp -a out out.then
}
end() {
	touch go
	gone "$pid"
	grep -q '^PASS' out || { echo "bench: the process was damaged: $(cat out)"; exit 1; }
}

# Each figure by itself: freeze, copy out, thaw; then kill, copy in.
bench_ckptfs() {
	local i begin
	start "$1"
	for ((i = 0; i < runs; i++)); do
		rm -rf tree floor
		begin=$(us)
		timed freeze mkdir "$mnt/$pid"
		timed dump cp -a "$mnt/$pid" tree
		if ((i < runs - 1)); then
			rmdir "$mnt/$pid"
			samples[frozen]+="$(($(us) - begin)) "
		else
			samples[frozen]+="$(($(us) - begin)) "
			kill -KILL "$pid"
			gone "$pid"
			rmdir "$mnt/$pid" 2>/dev/null || true
		fi
		timed floor cp -a tree floor
		rm -rf floor
	done
	for ((i = 0; i < runs; i++)); do
		((i == 0)) || cp -a out.then out
		timed restore cp -a tree "$mnt/restore/$pid"
		if ((i == runs - 1)); then
			end
		else
			kill -KILL "$pid"
			gone "$pid"
		fi
		rmdir "$mnt/restore/$pid"
	done
	bytes=$(du -s --apparent-size -B1 tree | cut -f 1)
	rm -rf tree
}

criu_dump() { criu dump -t "$pid" -D images -o log -v0 >/dev/null 2>&1; }
criu_leave() { criu dump -t "$pid" -D images -o log -v0 --leave-running >/dev/null 2>&1; }
criu_restore() { criu restore -D images -d -o log -v0 >/dev/null 2>&1; }
bench_criu() {
	local i
	start "$1"
	for ((i = 0; i < runs; i++)); do
		rm -rf images && mkdir images
		if ((i < runs - 1)); then
			timed criu_dump criu_leave || return 1
		else
			timed criu_dump criu_dump || return 1
		fi
	done
	gone "$pid"
	for ((i = 0; i < runs; i++)); do
		cp -a out.then out
		timed criu_restore criu_restore || return 1
		if ((i == runs - 1)); then
			end
		else
			kill -KILL "$pid"
			gone "$pid"
		fi
	done
	rm -rf images
}

# line NAME LABEL [speed]: milliseconds, and MiB/s and the ratio to the floor where asked.
line() {
	awk -v us="$(median "$1")" -v label="$2" -v bytes="${3:-0}" -v floor="$(median floor)" 'BEGIN {
		printf "  %-34s %9.1f ms", label, us / 1e3
		if (bytes) printf "  %7.0f MiB/s  %5.2f x floor", bytes / 1048576 / (us / 1e6), us / floor
		printf "\n"
	}'
}

mkdir "$mnt"
"$build/ckptfs" none "$mnt"
printf 'ckptfs bench: %s, %s processors, Linux %s, medians of %s, tmpfs\n' \
	"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)" "$runs"
for size in "${sizes[@]}"; do
	samples=()
	bench_ckptfs "$size"
	echo "$size MiB of random memory"
	line floor "floor: cp -a tmpfs to tmpfs" "$bytes"
	line freeze "mkdir: freeze"
	line dump "cp -a out: dump" "$bytes"
	line frozen "time frozen (mkdir, cp -a, rmdir)"
	line restore "cp -a in: restore" "$bytes"
	if ! command -v criu >/dev/null; then
		echo "  criu: not installed"
	elif ! criu check >/dev/null 2>&1; then
		echo "  criu: does not work here"
	elif bench_criu "$size"; then
		line criu_dump "criu dump" "$bytes"
		line criu_restore "criu restore" "$bytes"
	else
		kill -KILL "$pid" 2>/dev/null || true
		echo "  criu: fails here: $(grep -m 1 Error images/log || true)"
	fi
done
