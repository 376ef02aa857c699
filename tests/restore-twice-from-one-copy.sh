#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One checkpoint restores as often as wanted, each time from the same moment.
. "${0%/*}/lib.sh"

wrote() { (($(wc -l <"$OUT") > $1)); }
mount_ckpt
start counter
wait_for 10 "some numbers" wrote 20
checkpoint
cp -a "$OUT" out.then
for round in 1 2 3; do
	cp -a out.then "$OUT" # files are as they were at the checkpoint
	restore
	wait_for 10 "round $round to go on" wrote $(($(wc -l <out.then) + 10))
	sed 1d "$OUT" >numbers # without "ready"
	seq 0 $(($(wc -l <numbers) - 1)) | cmp - numbers
	kill_and_reap
	rmdir "$MNT/restore/$PID"
done
