#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What can't be captured yet is named, mkdir fails with ENOTSUP, and the task goes on.
. "${0%/*}/lib.sh"

# kind: what the log must say besides the descriptor or address that the victim names
kinds="thread:thread child:child|descendant|process zombie:zombie|child|process pipe:pipe
	socket:socket epoll:epoll|eventpoll signalfd:signalfd timerfd:timerfd inotify:inotify
	memfd:memfd unlinked:deleted|unlinked|removed fifo:fifo|FIFO|pipe io_uring:io_uring
	seccomp:seccomp sem-undo:semaphore dnotify:notification aio:aio|AIO sysv-shm:System.V|SYSV|shm
	pidfd:pidfd userfaultfd:userfaultfd"
mount_ckpt
declare -A pid out
bad=
for entry in $kinds; do
	kind=${entry%%:*} words=${entry#*:}
	OUT=$T/refused.$kind
	spawn -o "$OUT" -e "$OUT.err" "$VICTIMS/refused" "$GO" "$kind"
	wait_for 20 "$kind to be ready" ready_or_dead
	if has_line "$OUT" '^SKIP'; then
		echo "$kind: $(sed -n 's/^SKIP: //p' "$OUT")"
		continue
	fi
	name=$(sed -n 's/^ready //p' "$OUT")
	pid[$kind]=$PID out[$kind]=$OUT
	log_clear_mark
	if text=$(mkdir "$MNT/$PID" 2>&1); then
		bad+=" $kind(frozen)"
		rmdir "$MNT/$PID"
		continue
	fi
	[[ $text == *"not supported"* ]] || bad+=" $kind($text)"
	log_since | grep -E -- "$words" | grep -qF -- "$name" || {
		bad+=" $kind(log)"
		log_since | sed "s/^/$kind $name: /"
	}
	[[ ! -e $MNT/$PID ]] || bad+=" $kind(listed)"
done
touch "$GO"
for kind in "${!pid[@]}"; do
	PID=${pid[$kind]} OUT=${out[$kind]}
	wait_for 20 "$kind to end" exited "$PID"
	has_line "$OUT" '^PASS$' || bad+=" $kind(harmed)"
done
[[ -z $bad ]] || fail "$bad"
