#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process with a register that ptrace would not set back is refused by its name, and runs on.
. "${0%/*}/lib.sh"

mount_ckpt
start traps far-base
for ((i = 0; i < 5; i++)); do
	log_clear_mark
	fails_with "not supported" freeze
	log_since_has 'gs_base 0xffff888000000000'
done
finish
