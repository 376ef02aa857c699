#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real, effective and saved ids that all differ, and supplementary groups.
. "${0%/*}/lib.sh"

survives state groups gids=3000 securebits=0 uids=2000
