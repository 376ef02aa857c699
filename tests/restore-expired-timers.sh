#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An interval timer that expired while its signal was blocked ticks on once that is delivered.
. "${0%/*}/lib.sh"

survives timers blocked restore
