#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is written over a frozen process counts against stage_limit: full is ENOSPC, changes nothing,
# and after the thaw the memory is free again. A few bytes of a big file cost a chunk of it.
. "${0%/*}/lib.sh"

used() { df --output=used -B1 "$MNT" | tail -n 1; }
poke() { printf 'x' | dd of="$big" bs=1 seek="$1" conv=notrunc status=none; }

mount_ckpt stage_limit=8M
start edit argument
freeze
dump
big=$(find "$MNT/$PID/vmas" -name pages -size +2M | head -n 1)
[[ $big ]] || fail "no file of 3 MiB"
(($(used) == 0)) || fail "$(used) bytes are used before anything is written"
poke 12345
one=$(used)
((one >= 1 << 20 && one < (1 << 20) + 20000)) || fail "a byte costs $one bytes"
poke 12346
poke 2000000
(($(used) < (2 << 20) + 20000)) || fail "three bytes in two chunks cost $(used) bytes"

before=$(used)
log_clear_mark
fails_with "No space left" dd if=/dev/zero of="$MNT/$PID/.draft" bs=1M count=10
log_since_has "the stage of uid 0 is full: .*stage_limit"
rm "$MNT/$PID/.draft"
(($(used) == before)) || fail "$(used) bytes are used instead of $before"
# more than the limit, by a rollback: the checkpoint does not fit twice
for size in 3M 2M; do
	head -c $size /dev/zero >"$MNT/$PID/.draft$size"
done
fails_with "No space left" cp -a "dump/$PID/." "$MNT/$PID/"
exited "$PID" && fail "it has ended"
thaw
(($(used) == 0)) || fail "after the thaw $(used) bytes are used"

# with room for it, it works
freeze
sed -i 's/^r12 .*/r12 0x2222/' "$MNT/$PID/cpu"
touch "$GO"
thaw
wait_for 10 "the process to see the edit" has_line "$OUT" '^r12 0x2222 argument argument '
finish
