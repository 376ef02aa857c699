#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Deadline scheduling, a slice of its own, an autogroup's nice value, memory that is never executable
# and writable, no time stamp counter: of root, and of a user who may do less.
. "${0%/*}/lib.sh"

mount_ckpt
for settings in "deadline=1000000" "slice=9000000 autogroup=-4 mdwe=1" "slice=3000000 mdwe=3"; do
	rm -f "$GO"
	# shellcheck disable=SC2086 # words
	start state $settings
	checkpoint
	restore
	restored
	finish
done
rm "$GO"
start odd tsc
checkpoint
restore
restored
finish
rm "$GO"
start state deadline-overrun=1000000
fails_with "not supported" freeze
log_has 'SCHED_FLAG_DL_OVERRUN'
finish
rm "$GO"
umount_ckpt

# Several at once: those without CAP_SYS_ADMIN may set an autogroup every 100 ms only.
mount_ckpt allow_other
chmod 755 "$T"
may=(setpriv --reuid 1234 --regid 1234 --clear-groups --inh-caps +checkpoint_restore
	--ambient-caps +checkpoint_restore)
RUN_WITH=(setpriv --reuid 1234 --regid 1234 --clear-groups)
rm -rf dump
mkdir -m 777 dump
pids=() outs=()
for n in 1 2 3; do
	start state "autogroup=$n" "slice=1100000" "oom=30$n" coredump_filter=0x7f
	chmod 666 "$OUT" "$OUT.err"
	"${may[@]}" mkdir "$MNT/$PID"
	"${may[@]}" cp -a "$MNT/$PID" dump/
	kill_and_reap
	pids+=("$PID") outs+=("$OUT")
done
for n in 0 1 2; do
	"${may[@]}" cp -a "dump/${pids[n]}" "$MNT/restore/" &
	copy[n]=$!
done
for n in 0 1 2; do
	wait "${copy[n]}"
done
for n in 0 1 2; do
	PID=${pids[n]} OUT=${outs[n]}
	restored
	finish
done
