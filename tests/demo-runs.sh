#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make demo does what it says.
. "${0%/*}/lib.sh"

if ! BUILD=$BUILD bash "$SRC/tests/demo.sh" >demo.out 2>&1; then
	fail "$(cat demo.out)"
fi
(($(wc -l <demo.out) > 10)) || fail "it says too little"
grep -qi 'identical' demo.out
