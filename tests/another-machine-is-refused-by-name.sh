#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A tree from a CPU or kernel with what this one lacks: refused by the name of it, and no process.
. "${0%/*}/lib.sh"

mount_ckpt
start counter
checkpoint
cp -a "dump/$PID/task" task.then
grep -qx 'cpu_feature sse2' task.then || fail "no features in task"
sed -Ei 's/^file task .*/file task edited/' "dump/$PID/manifest"

# refused MESSAGE SED...
refused() {
	local message=$1
	shift
	sed "$@" task.then >"dump/$PID/task"
	! cmp -s task.then "dump/$PID/task" || fail "'$*' changes nothing"
	log_clear_mark
	fails_with "Operation not supported" restore
	log_since_has "$message"
	no_process "$PID"
}
refused 'this CPU has no avx999,' '/^cpu_feature sse2/a cpu_feature avx999'
refused 'xsave_mask 0x[0-9a-f]*: this CPU or kernel has only' 's/^xsave_mask .*/xsave_mask 0x8000000000000003/'
refused 'vdso: the kernel of the freeze .* gave another one' 's/^vdso ./vdso x/'
refused 'made for sparc' 's/^arch .*/arch sparc/'
refused 'with pages of 65536 bytes' 's/^page_size .*/page_size 65536/'
refused 'uses the feature .teleport.' '/^clocks/a feature teleport'

# One feature less than this CPU has is good.
sed '/^cpu_feature sse2/d' task.then >"dump/$PID/task"
restore
restored
finish
