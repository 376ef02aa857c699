#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every advice of madvise and both ways of mlock, on memory of every kind, is in force afterwards.
. "${0%/*}/lib.sh"

each() { # VICTIM KIND...: every kind at once, through one mount
	local victim=$1 kind pids=() outs=()
	shift
	for kind; do
		# shellcheck disable=SC2086 # words
		start "$victim" $kind
		pids+=("$PID") outs+=("$OUT")
		freeze
		dump
		kill_and_reap
		restore
		restored
	done
	touch "$GO"
	for kind; do
		PID=${pids[0]} OUT=${outs[0]}
		pids=("${pids[@]:1}") outs=("${outs[@]:1}")
		wait_for 60 "$kind to end" exited "$PID"
		check_verdict
	done
}

mount_ckpt
each advice anon shared file sharedfile stack
rm -f "$GO"
each advice "anon merge"
