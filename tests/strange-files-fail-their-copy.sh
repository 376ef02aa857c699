#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Something else in place of a file of a tree: cp, tar and rsync fail, or .status says what is
# missing; no process, and what was staged is given back.
. "${0%/*}/lib.sh"

free_blocks() { stat -f -c '%f %a' "$MNT"; }

# strange NAME COMMAND: cpu is replaced by what COMMAND makes of the path that is added to it.
strange() {
	local name=$1 before tool failed
	shift
	rm -rf bad && mkdir bad && cp -a "dump/$PID" bad/ && rm "bad/$PID/cpu"
	"$@" "bad/$PID/cpu"
	before=$(free_blocks)
	for tool in "cp -a" "${others[@]}"; do
		log_clear_mark
		failed=''
		# shellcheck disable=SC2086 # words
		$tool "bad/$PID" "$MNT/restore/" 2>err || failed=yes
		[[ $failed ]] || grep -qE '^error .*(cpu|incomplete)' "$MNT/restore/$PID/.status" ||
			fail "$name: $tool: $(cat "$MNT/restore/$PID/.status")"
		log_since_has 'cpu'
		grep -qE '^state (failed|staging)' "$MNT/restore/$PID/.status" || fail "$name: $tool: .status"
		no_process "$PID"
		rmdir "$MNT/restore/$PID"
		[[ $(free_blocks) = "$before" ]] || fail "$name: $tool: $before, now $(free_blocks)"
	done
	kill -0 "$DAEMON" || fail "$name: the daemon is gone"
}
tar_copy() { tar -C "${1%/*}" -cf - "${1##*/}" | tar -C "$2" -xf -; }
device() { mknod "$1" c 1 5; }
link() { ln -s "$T/dump/$PID/cpu" "$1"; }
garbage() { head -c 1500 /dev/urandom >"$1"; }
socket() { (cd "${1%/*}" && "$PYTHON" -c 'import socket as s; s.socket(s.AF_UNIX).bind("cpu")'); }

others=("rsync -a" tar_copy)
mount_ckpt stage_limit=8G
start counter
checkpoint
find dump -type d -exec touch -d '2 hours ago' {} +
strange FIFO mkfifo
strange directory mkdir
strange device device
strange link link
strange garbage garbage
strange socket socket
strange empty touch
strange "of nothing" truncate -s 1338
others=() # which would write all of it
strange "4 GiB of nothing" truncate -s 4G
restore
restored
finish
