#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Files written straight into restore/ are refused with a hint.
. "${0%/*}/lib.sh"

mount_ckpt
start counter
checkpoint
if cp -a "dump/$PID/." "$MNT/restore/" 2>err; then
	fail "a tree without its directory was taken"
fi
grep -q 'Invalid argument' err
log_has 'restore/'
no_process "$PID"
rmdir "$MNT/restore"/* 2>/dev/null || true
if cp "dump/$PID/task" "$MNT/restore/" 2>err; then
	fail "a single file was taken"
fi
restore
restored
finish
