#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process in a time namespace of its own comes back into one with the same offsets; without the
# right to have one it is refused, and with `clocks ignore` it does without.
. "${0%/*}/lib.sh"

restore_as_joe() {
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +checkpoint_restore \
		--ambient-caps +checkpoint_restore cp -a "dump/$PID" "$MNT/restore/"
}
offsets() { tr -s ' \n' ' ' <"/proc/$PID/timens_offsets"; }

mount_ckpt allow_other
start clocks 500000 0
before=$(offsets)
[[ $before = *500000* ]] || fail "offsets: $before"
checkpoint
restore
restored
[[ $(offsets) = "$before" ]] || fail "offsets: $before, then $(offsets)"
finish

rm -f "$GO"
rmdir "$MNT/restore/$PID"
start clocks 500000 0
checkpoint
chown -R 65534 "dump/$PID"
chmod 755 "$T" "$T/dump"
fails_with "not supported" restore_as_joe
log_has 'clock_monotonic: it would run back by .* s: .*CAP_SYS_TIME.*clocks ignore'
no_process "$PID"
rmdir "$MNT/restore/$PID"
sed -i 's/^clocks keep/clocks ignore/' "dump/$PID/task"
sed -Ei 's/^file task .*/file task edited/' "dump/$PID/manifest"
restore
restored
[[ $(offsets) = *"monotonic 0 0 boottime 0 0"* ]] || fail "offsets: $(offsets)"
kill -KILL "$PID"
