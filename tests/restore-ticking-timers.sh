#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Interval timers that tick all the time tick on.
. "${0%/*}/lib.sh"

survives timers ticking restore
