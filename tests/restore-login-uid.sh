#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The login uid comes back if the maker may set it; a maker who has one of his own can't get rid of it
# by a restore.
. "${0%/*}/lib.sh"

[[ -w /proc/self/loginuid ]] || skip "this kernel has no audit"
unset_id=4294967295
[[ $(</proc/self/loginuid) = "$unset_id" ]] || skip "who runs this has logged in: $(</proc/self/loginuid)"

mount_ckpt allow_other
start state loginuid=77
checkpoint
grep -q '^loginuid 77$' "dump/$PID/creds" || fail "$(grep loginuid "dump/$PID/creds")"
restore
restored
finish
rm "$GO"

chmod 755 "$T"
RUN_WITH=(setpriv --reuid 1234 --regid 1234 --clear-groups)
start counter
chmod 666 "$OUT" "$OUT.err"
freeze
dump
chown -R 1234:1234 dump
kill_and_reap
# shellcheck disable=SC2016 # expanded there
bash -c 'echo 88 >/proc/self/loginuid; exec "$@"' - \
	setpriv --reuid 1234 --regid 1234 --clear-groups --inh-caps +checkpoint_restore \
	--ambient-caps +checkpoint_restore cp -a "dump/$PID" "$MNT/restore/"
restored
[[ $(<"/proc/$PID/loginuid") = 88 ]] || fail "its login uid is $(<"/proc/$PID/loginuid")"
log_has "restore $PID: its login uid stays 88"
finish
