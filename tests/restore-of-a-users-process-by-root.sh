#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Root restores a user's process: it has the user's credentials, and writes as he does.
. "${0%/*}/lib.sh"

mount_ckpt
RUN_WITH=(setpriv --reuid 1234 --regid 2345 --groups "10,20")
start state
checkpoint
restore
restored
grep -qE '^Uid:[[:space:]]+1234[[:space:]]+1234[[:space:]]+1234[[:space:]]+1234$' "/proc/$PID/status" ||
	fail "$(grep Uid "/proc/$PID/status")"
grep -qE '^CapEff:[[:space:]]+0+$' "/proc/$PID/status" || fail "$(grep CapEff "/proc/$PID/status")"
[[ $(stat -c '%u' "/proc/$PID") = 1234 ]] || fail "owner of /proc/PID"
finish
