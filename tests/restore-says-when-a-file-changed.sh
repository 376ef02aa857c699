#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A mapped or open file that changed since the checkpoint: EBUSY, by name; put back, it restores.
. "${0%/*}/lib.sh"

mount_ckpt
cp "$VICTIMS/file_private" program
OUT=$T/out
spawn -o "$OUT" -e err "$T/program" "$GO" "$T/mapped"
wait_for 5 "it to be ready" ready_or_dead
checkpoint
cp -a mapped mapped.then
echo more >>mapped
log_clear_mark
fails_with "busy" restore
log_since_has "$T/mapped"
no_process "$PID"
mv mapped elsewhere
if restore 2>/dev/null; then
	fail "restored although the file is gone"
fi
log_has "$T/mapped"
no_process "$PID"
cp -a mapped.then mapped
restore
restored
finish
