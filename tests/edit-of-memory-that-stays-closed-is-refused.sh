#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory that the task can't be made to write, or not to execute afterwards: an edit of it is
# refused when it is written, a rollback of it when it is complete, and the process is unharmed.
. "${0%/*}/lib.sh"
applier=$BUILD/applier
pages=vmas/0000010000000000/pages

# closed KIND WHY
closed() {
	rm -f "$GO"
	start closed "$1"
	freeze
	cp -a "$MNT/$PID" "$T/$1"
	if printf 'bb' | dd of="$MNT/$PID/$pages" conv=notrunc 2>said; then
		fail "$1: it was taken"
	fi
	log_has "close $PID: .*$2"
	rmdir "$MNT/$PID"
	# without its sums, which would be found wrong first
	find "$T/$1" -name '*.xxh3' -delete
	printf 'bb' | dd of="$T/$1/$pages" conv=notrunc status=none
	if "$applier" "$PID" apply "$T/$1" 2>said; then
		fail "$1: applied"
	fi
	grep -qE "$2" said || fail "$1: it says: $(<said)"
	finish
}

mount_ckpt
closed sealed 'it is sealed'
closed mdwe 'mdwe: once written'
closed both 'it is sealed'
