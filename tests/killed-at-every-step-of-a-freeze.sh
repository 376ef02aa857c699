#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of the daemon at every step of a freeze: see every-step.sh. Also of a process whose seccomp
# filter, which we suspend while we live, fails most of our calls.
. "${0%/*}/lib.sh"
. "${0%/*}/every-step.sh"

survives_every_step 50 13 counter
rm -f "$GO"
survives_every_step 50 13 filtered errno
