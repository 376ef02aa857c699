#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A name may have line ends and parentheses.
. "${0%/*}/lib.sh"

survives odd name
