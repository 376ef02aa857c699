#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory that the kernel may drop, and that a child does not get (MAP_DROPPABLE).
. "${0%/*}/lib.sh"

survives guards droppable
