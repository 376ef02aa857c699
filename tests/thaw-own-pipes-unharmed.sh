#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Reading what is in a process's pipes takes nothing out of them.
. "${0%/*}/lib.sh"

survives_freeze pipes
