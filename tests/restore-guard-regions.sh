#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Guard regions in memory of every kind: reading there is SIGSEGV, in a child too.
. "${0%/*}/lib.sh"

mount_ckpt
for kind in anon file shared sharedfile locked; do
	start guards "$kind"
	checkpoint
	restore
	restored
	finish
	rm -f "$GO"
done
