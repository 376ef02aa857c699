#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs with the C library musl, shared and static.
. "${0%/*}/lib.sh"
. "${0%/*}/kinds.sh"

victims=$VICTIMS
mount_ckpt
for kind in musl musl-static; do
	VICTIMS=$victims
	survives_linked "$kind"
done
