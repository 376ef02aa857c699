#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The clocks that start at boot go on from the freeze in a time namespace, on a machine whose own
# are behind and on one whose own are ahead; the process can be checkpointed there again.
. "${0%/*}/lib.sh"

another_boot() {
	sed -i 's/^boot_id .*/boot_id 00000000-0000-0000-0000-000000000000/' "dump/$PID/task"
	sed -Ei 's/^file task .*/file task edited/' "dump/$PID/manifest"
}

mount_ckpt
for ahead in 500000 -20 0; do
	for deadline in 0 3; do
		rm -f "$GO"
		start clocks "$ahead" "$deadline"
		((deadline == 0)) || wait_for 5 "it to sleep" in_syscall "$PID" 230
		checkpoint
		another_boot
		restore
		restored
		freeze
		dump
		if ((deadline == 0)); then
			kill_and_reap
			restore
			restored
		else
			thaw
		fi
		finish
	done
done
