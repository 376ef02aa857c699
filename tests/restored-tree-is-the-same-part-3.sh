#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Dump, restore, dump again: the same tree, and the same in /proc. Every fourth victim.
. "${0%/*}/lib.sh"
. "${0%/*}/compare.sh"
. "${0%/*}/same.sh"

same_victims 2 4
