#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# After success and after failure the staged files are gone; cp still sets times and modes.
. "${0%/*}/lib.sh"

mount_ckpt
start ballast 64
checkpoint
size=$(du -s -k --apparent-size "dump/$PID" | cut -f 1)
# Ours and what shared memory holds: wherever the stage is.
held() {
	awk '/^Rss(Anon|Shmem)/ { n += $2 } END { print n }' "/proc/$DAEMON/status"
}
before=$(held)
restore
restored
[[ -d $MNT/restore/$PID ]] || fail "the directory is gone"
[[ -z $(find "$MNT/restore/$PID" -type f) ]] || fail "staged files stay"
grew=$(($(held) - before))
# A sanitizer keeps shadow memory and what was freed.
[[ -n ${CKPT_TEST_SLOWER:-} ]] || ((grew < size / 2)) || fail "$grew KiB stay after a restore of $size KiB"
kill_and_reap
rmdir "$MNT/restore/$PID"
[[ ! -e $MNT/restore/$PID ]] || fail "rmdir left it"
[[ -z $(ls -A "$MNT/restore") ]] || fail "restore/ is not empty"
restore
finish
