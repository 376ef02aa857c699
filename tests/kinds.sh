# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Victims that are linked otherwise than the usual: a test sources this file after lib.sh.

# survives_linked KIND: those of build/victims-KIND.
survives_linked() {
	local victim
	[[ -d $BUILD/victims-$1 ]] || skip "there are no programs of the kind $1 (see Makefile, KINDS)"
	mkdir -p "$T/$1"
	ln -s "$BUILD/victims-$1"/* "$VICTIMS/spawn" "$T/$1/"
	VICTIMS=$T/$1
	for victim in anon counter heap shm_anon signals stack; do
		# musl has no sbrk, and keeps signals for itself
		[[ $1/$victim != musl*/heap && $1/$victim != musl*/signals ]] || continue
		start "$victim"
		checkpoint
		restore
		restored
		finish
		rm -f "$GO"
	done
}
