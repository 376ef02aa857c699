#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A bit at any byte of any file of the tree of perl makes no half process.
. "${0%/*}/lib.sh"
. "${0%/*}/damage.sh"

damage bits real
