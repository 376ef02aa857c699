#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of the daemon at every step of a freeze of a process that runs 16- and 32-bit code on
# stacks of the LDT, or steps itself, or of a 32-bit program: see every-step.sh.
. "${0%/*}/lib.sh"
. "${0%/*}/every-step.sh"

for kind in stack16 compat step-code32 step-stack32; do
	rm -f "$GO"
	survives_every_step 20 31 modes "$kind"
done
rm -f "$GO"
survives_every_step 20 31 traps step
rm -f "$GO"
survives_every_step 20 31 bare32
