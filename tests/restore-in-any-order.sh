#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever order the files come in, the one that completes the tree restores it.
. "${0%/*}/lib.sh"

mount_ckpt
start file_private "$T/mapped"
checkpoint
orders=("sort" "sort -r" "shuf --random-source=$SRC/Makefile")
for order in "${orders[@]}"; do
	mapfile -t files < <(cd dump && find "$PID" -type f | $order)
	for file in "${files[@]:0:${#files[@]}-1}"; do
		mkdir -p "$MNT/restore/${file%/*}"
		cat "dump/$file" >"$MNT/restore/$file"
	done
	no_process "$PID"
	cat "dump/${files[-1]}" >"$MNT/restore/${files[-1]}"
	[[ $order != *shuf* ]] || break
	restored
	kill_and_reap
	rmdir "$MNT/restore/$PID"
done
restored
finish
