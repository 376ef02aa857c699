#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of the daemon at every step of looking at a process that a cgroup of version 1 has frozen: see
# frozen-step.sh. With the guardian killed as well, it moves itself home.
. "${0%/*}/lib.sh"
. "${0%/*}/groups.sh"
. "${0%/*}/frozen-step.sh"

use_version 1
killed_at_every_step 40 29
the_end
