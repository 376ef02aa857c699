#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A program whose file was removed, or replaced as by an upgrade, while it ran; and once more.
. "${0%/*}/lib.sh"

mount_ckpt
mkdir bin
cp "$VICTIMS/spawn" .
VICTIMS=$T/bin
ln -s ../spawn bin/spawn
for how in removed replaced; do
	cp "$BUILD/victims/unlinked" bin/unlinked
	start unlinked exe
	if [[ $how = removed ]]; then
		rm bin/unlinked
	else
		echo new >bin/new
		mv bin/new bin/unlinked
	fi
	for round in 1 2; do
		checkpoint
		restore
		restored
		[[ $(readlink "/proc/$PID/exe") = "$T"/bin/unlinked*" (deleted)" ]] ||
			fail "$how, $round: $(readlink "/proc/$PID/exe")"
		rm -rf "$T/dump/$PID" "$MNT/restore/$PID"
	done
	finish
	rm "$GO"
	[[ $how = removed ]] || [[ $(<bin/unlinked) = new ]]
	rm -f bin/unlinked
	[[ $(echo bin/*) = bin/spawn ]] || fail "left: $(echo bin/*)"
done
