#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ln -s of a tree restores it without copying; the name then shows as a directory.
. "${0%/*}/lib.sh"

mount_ckpt
start anon
checkpoint
ln -s "$T/dump/$PID" "$MNT/restore/$PID"
restored
[[ -d $MNT/restore/$PID && ! -L $MNT/restore/$PID ]] || fail "it does not show as a directory"
grep -qE '^state done' "$MNT/restore/$PID/.status"
grep -qE "^pid $PID\$" "$MNT/restore/$PID/.status"
[[ -z $(ls "$MNT/restore/$PID") ]] || fail "files show: $(ls "$MNT/restore/$PID")"
kill_and_reap
rmdir "$MNT/restore/$PID"
[[ -f $T/dump/$PID/manifest ]] || fail "rmdir reached the backup"

# Damage is found before the first instruction.
pages=$(cd "dump/$PID" && find vmas -name pages -size +100k | sort | head -n 1)
cp -a "dump/$PID" bad
printf x | dd of="bad/$pages" bs=1 seek=9999 conv=notrunc status=none
fails_with "Invalid argument" ln -s "$T/bad" "$MNT/restore/$PID"
log_has "$pages"
no_process "$PID"
rmdir "$MNT/restore/$PID" 2>/dev/null || true
cp -a "dump/$PID" worse && rm worse/cpu
if ln -s "$T/worse" "$MNT/restore/$PID" 2>/dev/null; then
	fail "a tree without cpu was restored"
fi
log_has 'cpu'
rmdir "$MNT/restore/$PID" 2>/dev/null || true
if ln -s "$T/nowhere" "$MNT/restore/$PID" 2>/dev/null; then
	fail "a tree that is not there was restored"
fi
rmdir "$MNT/restore/$PID" 2>/dev/null || true
if (cd dump && ln -s "$PID" "$MNT/restore/$PID" 2>/dev/null); then
	fail "a relative target was taken"
fi
rmdir "$MNT/restore/$PID" 2>/dev/null || true
# A link inside the tree is not followed.
cp -a "dump/$PID" linked && rm linked/cpu && ln -s "$T/dump/$PID/cpu" linked/cpu
if ln -s "$T/linked" "$MNT/restore/$PID" 2>/dev/null; then
	fail "a symbolic link inside a tree was followed"
fi
rmdir "$MNT/restore/$PID" 2>/dev/null || true
no_process "$PID"
ln -s "$T/dump/$PID" "$MNT/restore/$PID"
finish
