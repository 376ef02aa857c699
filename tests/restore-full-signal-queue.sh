#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# More pending signals than the limit allows, and one that has lost what came with it.
. "${0%/*}/lib.sh"

RUN_WITH=(setpriv --reuid 54323 --regid 54323 --clear-groups)
survives odd full-queue
umount_ckpt
rm "$GO"
survives_freeze odd full-queue
