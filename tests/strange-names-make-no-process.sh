#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Names that lead out of a tree, or that it does not list, are refused.
. "${0%/*}/lib.sh"
. "${0%/*}/damage.sh"

damage names
