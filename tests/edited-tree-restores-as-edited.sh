#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A register, the working directory, a file and its offset, umask, a limit, an argument in memory
# and the name: each edit is refused until the manifest says edited, and then it is there.
. "${0%/*}/lib.sh"

# in_memory FROM TO: changes the first argument, where it lies in the pages of the tree; prints the
# name of that page file.
in_memory() {
	"$PYTHON" - "dump/$PID" "$1" "$2" <<-'END'
		import os, re, sys
		tree, old, new = sys.argv[1:]
		at = int(re.search(r"^arg_start (\S+)", open(tree + "/mm").read(), re.M).group(1), 16)
		for vma in os.listdir(tree + "/vmas"):
		    meta = open(f"{tree}/vmas/{vma}/meta").read()
		    for start, n, off in re.findall(r"^run (\S+) (\d+) here (\d+)$", meta, re.M):
		        start, end = int(start, 16), int(start, 16) + 4096 * int(n)
		        if start <= at < end:
		            with open(f"{tree}/vmas/{vma}/pages", "r+b") as f:
		                f.seek(int(off) * 4096 + at - start)
		                data = f.read(end - at)
		                where = data.index(old.encode())
		                f.seek(int(off) * 4096 + at - start + where)
		                f.write(new.encode())
		            print(f"vmas/{vma}/pages")
	END
}

# edited FILE...: refused as long as one of them is not listed as edited; then all are.
edited() {
	local file manifest=dump/$PID/manifest
	cp "$manifest" listed
	for file; do
		sed -i "s|^file $file .*|file $file edited|" "$manifest"
	done
	cp "$manifest" all-edited
	for file; do
		grep -E "^file $file " listed >line
		sed "s|^file $file .*|$(<line)|" all-edited >"$manifest"
		log_clear_mark
		fails_with "Invalid argument" restore
		log_since_has "$file: .*\`file $file edited\`"
		log_clear_mark
		fails_with "Invalid argument" ln -s "$T/dump/$PID" "$MNT/restore/by-reference"
		log_since_has "$file: .*edited"
		no_process "$PID"
	done
	cp all-edited "$manifest"
}

mount_ckpt
start counter
cp "$OUT" "$T/another.out"
mkdir elsewhere
checkpoint
cd "dump/$PID"
out=$(basename "$(grep -lE "^path $OUT\$" files/*)")
nr=$(basename "$(grep -lE "^file $out\$" fds/* | head -n 1)")
sed -Ei "s|^cwd .*|cwd $T/elsewhere|; s|^umask .*|umask 027|; s|^comm .*|comm an\\\\040edit|" task
sed -i 's/^state .*/state stopped/; s/^stop_signal .*/stop_signal 19/' task # to be looked at
sed -i 's/^r15 .*/r15 0x123456789abcdef/' cpu
sed -Ei 's/^limit core .*/limit core 4096 8192/' limits
sed -Ei "s|^path .*|path $T/another.out|; s|^offset .*|offset 3|; /^size /d" "files/$out"
cd "$T"
pages=$(in_memory counter COUNTER)
edited task cpu limits "files/$out" "$pages"
restore
restored

[[ $(readlink "/proc/$PID/cwd") = "$T/elsewhere" ]] || fail "cwd: $(readlink "/proc/$PID/cwd")"
[[ $(<"/proc/$PID/comm") = "an edit" ]] || fail "comm: $(<"/proc/$PID/comm")"
grep -qE '^Umask:[[:space:]]*0027$' "/proc/$PID/status" || fail "umask"
grep -qE '^Max core file size +4096 +8192 ' "/proc/$PID/limits" || fail "limit"
tr '\0' ' ' <"/proc/$PID/cmdline" | grep -E '/COUNTER ' >/dev/null || fail "an argument"
[[ $(readlink "/proc/$PID/fd/$nr") = "$T/another.out" ]] || fail "path: $(ls -l "/proc/$PID/fd")"
[[ $(offset "$PID" "$nr") = 3 ]] || fail "offset: $(offset "$PID" "$nr")"
wait_for 5 "it to be stopped" in_state "$PID" T
grep -qxE 'r15 0x123456789abcdef' "$MNT/$PID/cpu" || fail "a register: $(grep r15 "$MNT/$PID/cpu")"
kill_and_reap
OUT=''
