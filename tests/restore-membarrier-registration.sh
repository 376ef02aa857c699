#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a process has registered for with membarrier(2), it can use afterwards.
. "${0%/*}/lib.sh"

survives membarrier
