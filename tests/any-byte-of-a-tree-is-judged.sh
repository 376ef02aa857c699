#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every byte, line and file of a tree in turn is damaged, in memory: refused, or parsed, never worse.
. "${0%/*}/lib.sh"
. "${0%/*}/damage.sh"

mount_ckpt
for program in "start counter" "start segments" "start state umask=022" start_perl; do
	# shellcheck disable=SC2086 # words
	GO=$T/go.${program##* } dumped $program
	"$BUILD/tree_damage" "$TREE" ${DAMAGE_ALL_BITS:+all} || fail "$program: $?"
done
