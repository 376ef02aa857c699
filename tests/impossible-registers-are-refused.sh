#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Registers that no program can have are refused by name, before there is a process.
. "${0%/*}/lib.sh"

mount_ckpt
start counter
checkpoint
cp -a "dump/$PID/cpu" cpu.then
sed -Ei 's/^file cpu .*/file cpu edited/' "dump/$PID/manifest"

# refused KEY VALUE MESSAGE
refused() {
	sed "s/^$1 .*/$1 $2/" cpu.then >"dump/$PID/cpu"
	! cmp -s cpu.then "dump/$PID/cpu" || fail "$1 was $2 already"
	log_clear_mark
	fails_with "Invalid argument" restore
	log_since_has "$3"
	no_process "$PID"
}
refused rip 0x8000000000000000 'cpu: rip 0x8000000000000000 is no address'
refused rip 0xffffffff81000000 'cpu: rip 0xffffffff81000000 is no address'
refused fs_base 0xffff888000000000 'cpu: fs_base 0xffff888000000000 is no address'
refused gs_base 0x7ffffffff000 'cpu: gs_base 0x7ffffffff000 is no address'
refused cs 0x10 'cpu: cs 0x10: no such segment'
refused cs 0x2b 'cpu: cs 0x2b: no such segment, or none for that use'
refused cs 0x7 'cpu: cs 0x7: no such segment' # there is no LDT
refused ss 0x0 'cpu: ss 0x0: no such segment'
refused ss 0x18 'cpu: ss 0x18: no such segment'
refused ss 0x33 'cpu: ss 0x33: no such segment, or none for that use'
refused ds 0x10002b 'cpu: ds 0x10002b: no such segment'
refused fs 0x63 'cpu: fs 0x63: no such segment' # no TLS entry
refused gs 0x40 'cpu: gs 0x40: no such segment'
refused eflags 0x3202 'cpu: eflags 0x3202' # I/O privilege
refused eflags 0x20202 'cpu: eflags 0x20202' # virtual-8086 mode
refused eflags 0x2 'cpu: eflags 0x2' # interrupts off
refused 'xsave 0' 7f030000000000000000000000000000000000000000000080ff0100ffff0200 'cpu: xsave 0: mxcsr 0x1ff80'
refused 'xsave 512' "0000000000000080$(printf '%048d' 0)" 'cpu: component 63 is in use'
cp -a cpu.then "dump/$PID/cpu"
restore
restored
finish
