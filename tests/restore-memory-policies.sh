#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory policies of the task and of its mappings, of processes with few pages and with many; a
# node that is not there is said.
. "${0%/*}/lib.sh"

mount_ckpt
for much in '' much; do
	start mempolicy ${much:+"$much"}
	checkpoint
	grep -c '^mempolicy' "dump/$PID"/vmas/*/meta | grep -c ':1$' | grep -qx 5
	restore
	restored
	finish
	rm -f "$GO"
done

start mempolicy
checkpoint
sed -i 's/^mempolicy interleave static 01$/mempolicy interleave static 00000080/' "dump/$PID/thread"
sed -Ei 's/^(file thread) .*/\1 edited/' "dump/$PID/manifest"
restore
log_has 'thread: memory policy.*nodes'
kill_and_reap
