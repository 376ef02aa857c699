#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sizes, blocks, inodes and contents agree, twice over; two copies of one freeze are the same.
. "${0%/*}/lib.sh"

mount_ckpt
start anon
freeze
cp -a "$MNT/$PID" one
cp -a "$MNT/$PID" two
diff -r one two
(cd one && find . -printf '%P %y %m %s %T@ %n\n' | sort) >list.one
(cd two && find . -printf '%P %y %m %s %T@ %n\n' | sort) >list.two
diff list.one list.two
(cd "$MNT/$PID" && find . -type f -printf '%P %m %s %T@\n' | sort) >list.mnt
(cd one && find . -type f -printf '%P %m %s %T@\n' | sort) >list.cp
diff list.mnt list.cp
find "$MNT/$PID" -printf '%i %p\n' | sort >inodes.1
find "$MNT/$PID" -printf '%i %p\n' | sort >inodes.2
cmp inodes.1 inodes.2
highest=$(find "$MNT/$PID" -printf '%i %p\n' | sort -n | tail -n 1)
[[ $highest == *"/$PID/manifest" ]] || fail "the highest inode is $highest"
[[ -z $(find "$MNT/$PID" -type d ! -perm 700 -o -type f ! -perm 600) ]] || fail "modes"
find "$MNT/$PID" -type f -printf '%s %b %p\n' | while read -r size blocks path; do
	((blocks == (size + 511) / 512)) || fail "$path: $size bytes, $blocks blocks"
done
[[ -z $(find one -type f ! -name pages ! -name manifest -exec sh -c \
	'for f; do [ "$(tail -n 1 "$f")" = end ] || echo "$f"; done' sh {} +) ]] ||
	fail "a text file does not end with 'end'"
# 4 TiB of reservation cost nothing.
(($(du -s --apparent-size -k one | cut -f 1) < 40000)) || fail "the dump is too large: $(du -sh one)"
exec 5<"$MNT/$PID/task" # open through the thaw
thaw
if cat <&5 >/dev/null 2>stale; then
	fail "an open handle can be read after the thaw"
fi
grep -q 'Stale file handle' stale || fail "not ESTALE: $(cat stale)"
exec 5<&-
finish
