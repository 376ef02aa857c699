#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# POSIX, OFD and flock locks.
. "${0%/*}/lib.sh"

survives locks "$T"
