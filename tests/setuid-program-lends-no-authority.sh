#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A setuid program that closes an inherited descriptor of restore/ restores nothing by it.
. "${0%/*}/lib.sh"

as_user=(setpriv --reuid 1234 --regid 1234 --clear-groups)
mount_ckpt allow_other
start anon # root's
checkpoint
chmod -R a+rX dump
cp "$VICTIMS/lend" closer
chown 0:0 closer
chmod 4755 closer
chmod 755 "$T"

# The user writes root's process, all but the last file; a setuid-root program closes that one.
"${as_user[@]}" mkdir "$MNT/restore/$PID"
(cd "dump/$PID" && find . -type d ! -name .) | while read -r dir; do
	"${as_user[@]}" mkdir "$MNT/restore/$PID/$dir"
done
(cd "dump/$PID" && find . -type f ! -name manifest) | while read -r file; do
	"${as_user[@]}" cp "dump/$PID/$file" "$MNT/restore/$PID/$file"
done
no_process "$PID"
"${as_user[@]}" "$VICTIMS/lend" "dump/$PID/manifest" "$MNT/restore/$PID/manifest" \
	"$T/closer" >lend.out 2>&1 || true
grep -qE 'not permitted|closed' lend.out || fail "the helper says: $(cat lend.out)"
sleep 0.3 # time in which a restore would have happened
no_process "$PID"
rm -rf "$MNT/restore/$PID"

# The user himself can't have root's process either, by any way of copying.
if "${as_user[@]}" cp -r "dump/$PID" "$MNT/restore/" 2>err; then
	fail "a user restored a process of root's"
fi
no_process "$PID"
log_has '[Nn]ot permitted|EPERM|uid|PID|CAP_'
rm -rf "$MNT/restore/$PID"
if "${as_user[@]}" ln -s "$T/dump/$PID" "$MNT/restore/$PID" 2>err; then
	fail "a user restored a process of root's by reference"
fi
no_process "$PID"
rm -rf "$MNT/restore/$PID"

# Nobody else writes into a directory of his.
"${as_user[@]}" mkdir "$MNT/restore/mine"
other=(setpriv --reuid 4321 --regid 4321 --clear-groups)
if "${other[@]}" touch "$MNT/restore/mine/task" 2>/dev/null; then
	fail "another user wrote into his directory"
fi
rmdir "$MNT/restore/mine"
restore
finish
