#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A tree larger than the stage: ENOSPC, no process, and the memory is free again.
. "${0%/*}/lib.sh"

mount_ckpt stage_limit=16M
start ballast 64
checkpoint
for round in 1 2; do
	if restore 2>err; then
		fail "64 MiB fit into 16 MiB"
	fi
	grep -q 'No space left' err || fail "round $round: $(head -n 3 err)"
	no_process "$PID"
	rm -rf "${MNT:?}/restore/$PID"
done
log_has 'stage'
ln -s "$T/dump/$PID" "$MNT/restore/$PID" # needs no stage
finish
