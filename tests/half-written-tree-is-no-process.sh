#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A copy that was cut off builds nothing, wherever it was; a whole copy over it restores.
. "${0%/*}/lib.sh"

mount_ckpt
start anon
checkpoint
cd dump
mapfile -t files < <(find "$PID" -type f | sort)
cd ..
for part in 1 $((${#files[@]} / 3)) $((${#files[@]} - 1)); do
	(cd dump && tar -cf ../part.tar "${files[@]:0:part}")
	tar -C "$MNT/restore" -xf part.tar
	no_process "$PID"
	grep -qE "^files [0-9]+ of" "$MNT/restore/$PID/.status" ||
		fail "$part files: $(cat "$MNT/restore/$PID/.status")"
	rm -rf "$MNT/restore/$PID"
done
# Cut off within a file.
tar -C "$MNT/restore" -xf part.tar
head -c 50000 "dump/$PID/$(cd "dump/$PID" && find vmas -name pages -size +100k | head -n 1)" |
	head -c 40000 >"$MNT/restore/$PID/$(cd "dump/$PID" && find vmas -name pages -size +100k | head -n 1)" || true
no_process "$PID"
# The one that was missing comes first: everything is there then, but for what was cut off.
cp -a "dump/$PID/${files[-1]#*/}" "$MNT/restore/$PID/${files[-1]#*/}"
no_process "$PID"
restore
restored
finish
