# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Trees damaged in every way: a test sources this after lib.sh and calls damage with a part of
# damage_sweep.py. DAMAGE_SECONDS is for the bits (20; 0: every byte), DAMAGE_SEED their order.

# dumped COMMAND...: runs it, and sets TREE to its dump; it is gone afterwards.
dumped() {
	"$@"
	freeze
	dump
	thaw
	kill_and_reap
	TREE=$T/dump/$PID
	# shellcheck disable=SC2034 # lib.sh shows it
	OUT=''
}

start_perl() {
	spawn -o "$T/perl.out" perl -e '$| = 1; print "ready\n"; sleep 1 while 1;'
	wait_for 20 "perl to be ready" has_line "$T/perl.out" ready
}

# damage PART [real]: of the tree of a small victim, or of a real program.
damage() {
	local other tree # the seed is printed: DAMAGE_SEED= repeats it
	mount_ckpt
	dumped start anon
	other=$TREE
	if [[ ${2:-} = real ]]; then
		dumped start_perl
	else
		dumped start counter
	fi
	tree=$TREE
	"$PYTHON" "$SRC/tests/damage_sweep.py" "$1" "$MNT" "$tree" "$other" "$DAEMON" \
		"$(echo "$T"/daemon.err.*)" "${DAMAGE_SECONDS:-20}" "${DAMAGE_SEED:-$RANDOM}"
	# After all that it still works.
	PID=${tree##*/}
	restore
	restored
	kill_and_reap
}
# vim: ft=bash
