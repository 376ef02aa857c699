#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A checkpoint copied over the frozen process brings it back to it, whatever tool copies: the
# same process, whose counter goes back.
. "${0%/*}/lib.sh"

last() { tail -n 1 numbers; }
passed() { (($(last) >= $1)); }
wrote_more() { (($(wc -l <numbers) > $1)); }
started() { cut -d' ' -f22 "/proc/$PID/stat"; }

by_cp() { cp -a "$1/." "$2/"; }
by_cp_onto() { cp -a "$1" "${2%/*}/"; }
by_cp_T() { cp -aT "$1" "$2"; }
by_rsync() { rsync -a "$1/" "$2/"; }
by_rsync_inplace() { rsync -a --inplace "$1/" "$2/"; }
by_rsync_late() { rsync -a --delay-updates "$1/" "$2/"; }
by_tar() { tar c -C "$1" . | tar x --overwrite -C "$2"; }
by_tar_backwards() {
	(cd "$1" && find . -depth ! -name . | sort -r) >list
	tar c -C "$1" --no-recursion -T list | tar x --overwrite -C "$2"
}
by_cat() {
	local file
	(cd "$1" && find . -type d) | while read -r file; do mkdir -p "$2/$file"; done
	(cd "$1" && find . -type f | sort -R) | while read -r file; do
		cat "$1/$file" >"$2/$file" || exit
	done
}

mount_ckpt
: >numbers
start append "$T/numbers"
began=$(started)
wait_for 10 "it to count" passed 3
freeze
dump
saved=$(last)
thaw
for way in cp cp_onto cp_T rsync rsync_inplace rsync_late tar tar_backwards cat; do
	wait_for 10 "it to run on" passed $((saved + 10))
	freeze
	before=$(last)
	inode=$(stat -c %i "$MNT/$PID/vmas")
	"by_$way" "dump/$PID" "$MNT/$PID" || fail "$way: exit status $?"
	log_text | tail -n 1 | grep -q "$PID: rolled back" || fail "$way: $(log_text | tail -n 1)"
	# What it had is there again. Identity and moment are those of now; its memory it judges
	# itself: the kernel and system calls that ran in it have written to its stack and rseq area.
	diff -rq "dump/$PID" "$MNT/$PID" >differs || true
	! grep -vE '/(manifest|task|cpu|files/[0-9]+|pages|sums) ' differs ||
		fail "$way: the directory does not show the checkpoint"
	[[ $(stat -c %i "$MNT/$PID/vmas") = "$inode" ]] || fail "$way: vmas is another directory"
	[[ $(last) = "$before" ]] || fail "$way: it ran"
	lines=$(wc -l <numbers)
	thaw
	wait_for 10 "$way: it to run on" wrote_more "$lines"
	next=$(sed -n "$((lines + 1))p" numbers)
	((next == saved + 1)) || fail "$way: it goes on with $next after $before, not with $((saved + 1))"
	[[ $(started) = "$began" ]] || fail "$way: it is another process"
done
finish
