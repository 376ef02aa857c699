#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Names given to anonymous memory (PR_SET_VMA_ANON_NAME).
. "${0%/*}/lib.sh"

survives names
