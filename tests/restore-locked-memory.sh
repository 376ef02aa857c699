#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mlockall for mappings to come, and memory that is locked beyond the soft limit; by a user, as far
# as his own limit goes.
. "${0%/*}/lib.sh"

mount_ckpt allow_other
for kind in future onfault; do
	start locked "$kind"
	checkpoint
	restore
	restored
	finish
	rm -f "$GO"
done

as_user=(setpriv --reuid 1234 --regid 1234 --clear-groups)
restorer=("${as_user[@]}" --inh-caps +checkpoint_restore --ambient-caps +checkpoint_restore)
chmod 777 .
RUN_WITH=(prlimit --memlock=262144:524288 "${as_user[@]}")
start locked limit
checkpoint
chmod -R a+rX dump
fails_with "Cannot allocate memory" prlimit --memlock=65536:131072 "${restorer[@]}" \
	cp -r "dump/$PID" "$MNT/restore/"
log_has 'vmas/.*locked.*RLIMIT_MEMLOCK.*131072'
wait_for 10 "the skeleton to be gone" exited "$PID"
rm -f "$T/exits/$PID" # its exit status
rm -rf "$MNT/restore/$PID"
chmod 666 "$OUT" "$OUT.err"
prlimit --memlock=65536:524288 "${restorer[@]}" cp -r "dump/$PID" "$MNT/restore/"
restored
finish
rm -f "$GO"

start locked full
fails_with "not supported" freeze
log_has 'mlockall.*RLIMIT_MEMLOCK'
finish
