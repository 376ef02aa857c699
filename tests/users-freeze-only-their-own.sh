#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# With allow_other, another user's tasks can't be frozen or read: EPERM; his own can.
. "${0%/*}/lib.sh"

as_user=(setpriv --reuid 1234 --regid 1234 --clear-groups)
mount_ckpt allow_other
start anon # root's
fails_with "not permitted" "${as_user[@]}" mkdir "$MNT/$PID"
in_state "$PID" RSD || fail "it is in state $(state "$PID")"
freeze
if "${as_user[@]}" cat "$MNT/$PID/task" 2>/dev/null; then
	fail "a user read root's process"
fi
if "${as_user[@]}" rmdir "$MNT/$PID" 2>/dev/null; then
	fail "a user thawed root's process"
fi
in_state "$PID" tT || fail "it is in state $(state "$PID")"
thaw
finish
rm "$GO"
RUN_WITH=("${as_user[@]}")
start anon
"${as_user[@]}" mkdir "$MNT/$PID"
[[ $(stat -c '%u %g' "$MNT/$PID") = "1234 1234" ]] || fail "owner: $(stat -c '%u %g' "$MNT/$PID")"
mkdir -m 777 copies
"${as_user[@]}" cp -a "$MNT/$PID" copies/
"${as_user[@]}" rmdir "$MNT/$PID"
finish
rm "$GO"

# A descendant that has become root's is not his to stop, whoever its parent is.
umount_ckpt
mount_ckpt allow_other,inspect
cp "$(command -v sleep)" doze && chmod 4755 doze && chmod 755 .
OUT=$T/family.out
cat >family.sh <<-END
	$T/doze 120 & echo \$! >$T/copies/child
	echo ready; while [ ! -e $GO ]; do $T/doze 0.1; done; kill \$!; echo PASS
END
spawn -o "$OUT" -e "$OUT.err" "${as_user[@]}" bash family.sh
wait_for 10 "the family" has_line "$OUT" ready
child=$(<copies/child)
if [[ $(awk '/^Uid/{print $3}' "/proc/$child/status") = 0 ]]; then
	fails_with "not permitted" "${as_user[@]}" mkdir "$MNT/$PID"
	in_state "$child" RSD || fail "the child is in state $(state "$child")"
	in_state "$PID" RSD || fail "the parent is in state $(state "$PID")"
else
	echo "this file system is mounted nosuid: no child of root's"
fi
kill "$child"
touch "$GO"
wait_for 20 "the family to end" exited "$PID"
