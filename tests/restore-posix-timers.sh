#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# POSIX timers: clocks, ids with gaps, intervals, the time that was left.
. "${0%/*}/lib.sh"

survives timers posix restore
