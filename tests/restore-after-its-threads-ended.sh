#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process that had threads has a list of semaphore adjustments, which may be empty: no obstacle as
# long as there are no semaphores that it can have used.
. "${0%/*}/lib.sh"

RUN_WITH=(setpriv --reuid 54322 --regid 54322 --clear-groups)
survives odd had-thread
