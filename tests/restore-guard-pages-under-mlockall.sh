#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Pages that can't be touched are locked all the same.
. "${0%/*}/lib.sh"

survives odd mlockall
