#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# -V, -h, --check and wrong options.
. "${0%/*}/lib.sh"

"$CKPTFS" -V | grep -qE 'ckptfs.* [0-9]+\.[0-9]+'
"$CKPTFS" -h 2>&1 | grep -q 'MOUNTPOINT'
"$CKPTFS" --check >check.out || fail "--check says: $(cat check.out)"
(($(wc -l <check.out) > 3)) || fail "--check says too little: $(cat check.out)"
mkdir mnt
for options in nonsense timeout=x timeout= stage_limit=1Q; do
	if "$CKPTFS" none mnt -f -o "$options" 2>err; then
		fail "-o $options was accepted"
	fi
	grep -q "${options%%=*}" err || fail "-o $options: $(cat err)"
done
if "$CKPTFS" 2>/dev/null; then
	fail "no arguments were accepted"
fi
