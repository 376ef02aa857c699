#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A mount by an ordinary user: his own processes are frozen, copied and rebuilt with his privileges,
# under another PID with pid=any, and go on under it. Without that option he is told.
PRIVATE_MOUNTS=1
. "${0%/*}/lib.sh"

new_pid() { sed -n 's/^pid //p' < <("${AS[@]}" cat "$MNT/restore/$1/.status"); }

user_mounts
mount_ckpt
start anon
checkpoint
fails_with "not permitted" restore
log_has 'choosing a PID needs CAP_CHECKPOINT_RESTORE; the mount option pid=any'
no_process "$PID"
umount_ckpt

mount_ckpt pid=any
for victim in anon "files $T/files" "locks $T" pipes signals "signals handler" stack heap \
	"file_private $T/mapped" \
	"timers posix restore" "timers ticking restore" segments rseq membarrier counter; do
	rm -f "$GO"
	# shellcheck disable=SC2086 # words
	start $victim
	freeze
	dump
	[[ $victim != anon ]] || exe=$(readlink "/proc/$PID/exe")
	kill_and_reap
	[[ $victim != files* ]] || chmod 600 files/rw # he can't write to it again without capabilities
	restore
	old=$PID
	PID=$(new_pid "$old")
	[[ $PID -gt 0 && $PID != "$old" ]] || fail "$victim: its PID is $PID, was $old"
	log_has "PID $old: .*: it is process $PID now"
	[[ $victim != anon || $(readlink "/proc/$PID/exe") = "$exe" ]] ||
		fail "exe: $(readlink "/proc/$PID/exe")"
	# once more: what was rebuilt can be checkpointed
	freeze
	thaw
	finish
done
