#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An idle-class task with ADDR_NO_RANDOMIZE.
. "${0%/*}/lib.sh"

survives state policy=5 nice=-3 personality=0x0040000
