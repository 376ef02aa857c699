#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process that writes numbers goes on with the next one: none is missing, none comes twice.
. "${0%/*}/lib.sh"

wrote() { (($(wc -l <"$OUT") > $1)); }
mount_ckpt
start counter
wait_for 10 "some numbers" wrote 20
checkpoint
lines=$(wc -l <"$OUT")
restore
wait_for 10 "it to go on" wrote $((lines + 20))
finish
grep -E '^[0-9]+$' "$OUT" >numbers
seq 0 $(($(wc -l <numbers) - 1)) | cmp - numbers
