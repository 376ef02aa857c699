#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Dump, restore, dump again: the same tree, and the same in /proc; of 32-bit programs, processes that
# run other code than 64-bit one, and those that live with traps.
. "${0%/*}/lib.sh"
. "${0%/*}/compare.sh"
. "${0%/*}/same.sh"

for victim in bare32 "modes code16 quiet" "modes stack16 quiet" "modes stack32 quiet" \
	"modes compat quiet" "traps debug" "traps step" "traps autodisarm" "segments gs"; do
	rm -rf "$GO" before proc dump
	mkdir proc
	echo "$victim"
	same "$victim"
done
