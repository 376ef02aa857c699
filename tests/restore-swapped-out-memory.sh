#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory that is swapped out is in the dump, and stays where it is for the process that goes on.
. "${0%/*}/lib.sh"

swap=$T/swap
truncate -s 0 "$swap"
chmod 600 "$swap"
fallocate -l 64M "$swap" 2>/dev/null || dd if=/dev/zero of="$swap" bs=1M count=64 status=none
mkswap -q "$swap"
swapon "$swap" 2>swapon.err || skip "no swap on a file here: $(<swapon.err)"
swap_off() {
	local status=$?
	trap - ERR
	set +e
	swapoff "$swap"
	(exit $status)
	at_exit
}
trap swap_off EXIT

mount_ckpt
start swapped
freeze
dump
thaw
finish
rm -f "$GO"
start swapped
checkpoint
restore
restored
finish
