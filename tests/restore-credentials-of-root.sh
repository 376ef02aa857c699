#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Root with another fsuid, and locked secure bits.
. "${0%/*}/lib.sh"

survives state groups gids=3000 fsuid=1234 securebits=0x2f umask=0
