#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Timers of a process that was frozen and thawed ran on meanwhile.
. "${0%/*}/lib.sh"

survives_freeze timers posix thaw
