#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# sqlite3, stopped mid-way, copied by tar, killed and restored, prints what it prints undisturbed.
. "${0%/*}/lib.sh"
. "${0%/*}/programs.sh"

midway sqlite3 tar
