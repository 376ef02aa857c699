#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gzip -r of the page files: the tree restores as it is, by cp, rsync, tar and by reference.
. "${0%/*}/lib.sh"

mount_ckpt
start anon
checkpoint
before=$(du -s --apparent-size -k dump | cut -f 1)
gzip "dump/$PID"/vmas/*/pages
(($(du -s --apparent-size -k dump | cut -f 1) < before)) || fail "gzip made nothing smaller"
restore
restored
kill_and_reap
rmdir "$MNT/restore/$PID"
rsync -a "dump/$PID" "$MNT/restore/"
restored
kill_and_reap
rmdir "$MNT/restore/$PID"
ln -s "$T/dump/$PID" "$MNT/restore/$PID"
restored
kill_and_reap
rmdir "$MNT/restore/$PID"
# Damage within a compressed file.
gz=$(find "dump/$PID" -name pages.gz -size +100k | sort | head -n 1)
cp -a "dump/$PID" bad
printf 'xyz' | dd of="bad/${gz#"dump/$PID/"}" bs=1 seek=9999 conv=notrunc status=none
mkdir two && mv bad "two/$PID"
if cp -a "two/$PID" "$MNT/restore/" 2>err; then
	fail "a damaged pages.gz was restored"
fi
no_process "$PID"
tar -C dump -c "$PID" | tar -C "$MNT/restore" -x
restored
finish
