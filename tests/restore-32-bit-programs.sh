#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The programs under test, built for i386 with the C library.
. "${0%/*}/lib.sh"

VICTIMS=$BUILD/victims32
[[ -x $VICTIMS/counter ]] ||
	skip "no C library of 32 bits: apt-get install libc6-dev-i386 lib32gcc-12-dev"

comes_back() {
	rm -f "$GO"
	start "$@"
	checkpoint
	restore
	restored
	finish
	echo "$*: back"
}
mount_ckpt
mkdir locks
comes_back counter
comes_back signals
comes_back signals handler
comes_back timers ticking restore
comes_back timers posix restore
comes_back timers itimer restore
comes_back shm_anon
comes_back rseq
comes_back pipes
comes_back membarrier
comes_back many_vmas
comes_back locks "$T/locks"
comes_back heap
comes_back stack
comes_back files "$T/files"
comes_back file_shared "$T/mapped"
comes_back file_private "$T/mapped"
