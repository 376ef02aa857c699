#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process that was frozen, copied and thawed has its memory as before.
. "${0%/*}/lib.sh"

survives_freeze anon
