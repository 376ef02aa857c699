#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs without shared libraries, at a fixed address and at any.
. "${0%/*}/lib.sh"
. "${0%/*}/kinds.sh"

victims=$VICTIMS
mount_ckpt
for kind in static static-pie; do
	VICTIMS=$victims
	survives_linked "$kind"
done
