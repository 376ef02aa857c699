#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Frozen, restored, frozen again: five generations.
. "${0%/*}/lib.sh"

wrote() { (($(wc -l <"$OUT") > $1)); }
mount_ckpt
start counter
for generation in 1 2 3 4 5; do
	wait_for 10 "numbers" wrote $((generation * 10))
	rm -rf dump
	checkpoint
	cp -a "dump/$PID" "gen$generation"
	restore
	rmdir "$MNT/restore/$PID"
done
finish
seq 0 $(($(grep -cE '^[0-9]+$' "$OUT") - 1)) | cmp - <(grep -E '^[0-9]+$' "$OUT")
# Nothing of ours piles up in it.
diff <(cd gen1 && find vmas -type d | sort) <(cd gen5 && find vmas -type d | sort) ||
	fail "mappings come or go with every restore"
