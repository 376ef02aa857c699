#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rsync and tar fail on a damaged tree, and restore a good one over it.
. "${0%/*}/lib.sh"

mount_ckpt
start anon
checkpoint
pages=$(cd "dump/$PID" && find vmas -name pages -size +100k | sort | head -n 1)
mkdir bad
cp -a "dump/$PID" bad/
printf x | dd of="bad/$PID/$pages" bs=1 seek=9999 conv=notrunc status=none

if rsync -a "bad/$PID" "$MNT/restore/" 2>err; then
	fail "rsync succeeded"
fi
log_has "$pages"
no_process "$PID"
tar -C bad -cf bad.tar "$PID"
if tar -C "$MNT/restore" -xf bad.tar 2>err; then
	fail "tar succeeded"
fi
no_process "$PID"
if rsync -a "bad/$PID" "$MNT/restore/" 2>err; then
	fail "rsync succeeded the second time"
fi
no_process "$PID"
rsync -a "dump/$PID" "$MNT/restore/"
restored
finish
