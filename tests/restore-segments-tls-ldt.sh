#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TLS, the bases of fs and gs, TLS descriptors, the LDT, segment registers.
. "${0%/*}/lib.sh"

survives segments
umount_ckpt
rm -f "$GO"
survives segments gs
