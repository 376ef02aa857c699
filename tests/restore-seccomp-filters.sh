#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Seccomp filters come back, all of them and in their order: root's without no_new_privs, a user's
# with it; frozen and thawed, a process has those it had.
. "${0%/*}/lib.sh"

mount_ckpt
for kind in errno traces logs no-ldt restart no-keys; do
	rm -f "$GO"
	start filtered "$kind"
	freeze
	dump
	grep -q '^filter -$' "dump/$PID/seccomp" || fail "$kind: $(head -5 "dump/$PID/seccomp")"
	thaw
	finish
	rm "$GO"
	start filtered "$kind"
	checkpoint
	restore
	restored
	finish
done
log_has "process $PID: whether it has keys is not known: seccomp: its filter kills on keyctl"
RUN_WITH=(setpriv --reuid 1234 --regid 1234 --clear-groups)
for kind in errno stacked numbers; do
	rm -f "$GO"
	start filtered "$kind"
	checkpoint
	restore
	restored
	freeze # and they are read again as they were
	cmp "dump/$PID/seccomp" "$MNT/$PID/seccomp"
	thaw
	finish
done
grep -q '^filter log$' "dump/$PID/seccomp" || fail "no flag: $(head -5 "dump/$PID/seccomp")"
