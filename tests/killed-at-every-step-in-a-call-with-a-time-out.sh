#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of the daemon at every step of a freeze of a process that waits in a system call which the
# kernel ends at a stop: see every-step.sh.
. "${0%/*}/lib.sh"
. "${0%/*}/every-step.sh"

survives_every_step 40 17 calls_helped loop 0
