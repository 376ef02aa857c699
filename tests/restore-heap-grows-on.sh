#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The brk heap.
. "${0%/*}/lib.sh"

survives heap
