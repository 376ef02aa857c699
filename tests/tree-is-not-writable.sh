#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Removing, renaming and creating inside a task's tree: EPERM.
. "${0%/*}/lib.sh"

mount_ckpt
start counter
freeze
fails_with "not permitted" rm -f "$MNT/$PID/task"
fails_with "not permitted" rmdir "$MNT/$PID/vmas"
fails_with "not permitted" mv "$MNT/$PID/task" "$MNT/$PID/other"
fails_with "not permitted" mkdir "$MNT/$PID/new"
for way in "mv $MNT/$PID $T/moved" "mv $MNT/$PID $MNT/1" "touch $MNT/$PID/new" "touch $MNT/new" \
	"ln -s a $MNT/b" "mkdir $MNT/word"; do
	if $way 2>/dev/null; then
		fail "'$way' succeeded"
	fi
done
[[ -d $MNT/$PID ]] && in_state "$PID" tT
thaw
finish
