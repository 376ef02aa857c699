#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Interval timers have the time that was left.
. "${0%/*}/lib.sh"

survives timers itimer restore
