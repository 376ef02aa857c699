#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An alternate stack with SS_AUTODISARM, in and outside of its handler.
. "${0%/*}/lib.sh"

survives traps autodisarm
umount_ckpt
rm -f "$GO"
survives traps autodisarm-later
