#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A watchpoint that a debugger left traps in the restored process, too; nothing does meanwhile.
. "${0%/*}/lib.sh"

mount_ckpt
start traps debug
freeze
thaw
checkpoint
grep -q '^debug 7 ' "dump/$PID/cpu" || fail "no debug registers in cpu"
restore
restored
freeze
thaw
finish
