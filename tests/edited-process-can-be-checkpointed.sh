#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is copied out of a frozen process after an edit is a good checkpoint of the edited state,
# whatever becomes of the process itself.
. "${0%/*}/lib.sh"

mount_ckpt
start edit argument
freeze
sed -i 's/^r12 .*/r12 0x2222/' "$MNT/$PID/cpu"
stack=$(dirname "$(grep -lE '^flags .*gd' "$MNT/$PID"/vmas/*/meta | head -n 1)")
size=$(stat -c %s "$stack/pages")
strings -n 8 "$stack/pages" | grep -q '^argument$' || fail "no argument on the stack"
sed 's/\x00argument\x00/\x00from dd!\x00/' "$stack/pages" >new
[[ $(stat -c %s new) = "$size" ]] || fail "sed made $(stat -c %s new) bytes of $size"
cp new "$stack/pages"
cmp new "$stack/pages" || fail "the edit is not shown"
dump
rsync -a "$MNT/$PID/" byrsync/
diff -r "dump/$PID" byrsync
[[ $(stat -c %s "dump/$PID/manifest") = $(stat -c %s "$MNT/$PID/manifest") ]]
kill_and_reap
restore
restored
wait_for 10 "the process to see the edit" has_line "$OUT" '^r12 0x2222 argument from dd! '
touch "$GO"
freeze
sed -i 's/^r12 .*/r12 0x4444/' "$MNT/$PID/cpu"
thaw
finish
