#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A tree whose working directory is looked up where the kernel waits for our answer: an error, in
# time, and the mount lives on.
. "${0%/*}/lib.sh"

mount_ckpt
start counter
checkpoint
sed -i "s,^cwd .*,cwd $MNT/restore/none," "$T/dump/$PID/task"
sed -Ei 's/^file task .*/file task edited/' "$T/dump/$PID/manifest"
timeout -s KILL 60 ln -s "$T/dump/$PID" "$MNT/restore/$PID" && fail "it was restored"
timeout -s KILL 5 ls "$MNT/restore" || fail "restore/ can't be read any more"
wait_for 10 "the skeleton to be gone" gone "$PID"
