#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An ordinary user.
. "${0%/*}/lib.sh"

RUN_WITH=(setpriv --reuid 1234 --regid 1234 --clear-groups --no-new-privs)
survives state umask=077 nice=7 limits
