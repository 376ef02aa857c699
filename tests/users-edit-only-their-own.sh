#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# With allow_other, a user changes his own frozen process and nobody else's, and not his own when it
# has become somebody else's.
. "${0%/*}/lib.sh"

as_user=(setpriv --reuid 1234 --regid 1234 --clear-groups)
another=(setpriv --reuid 4321 --regid 4321 --clear-groups)
edit() { "$@" sed -i 's/^r12 .*/r12 0x2222/' "$MNT/$PID/cpu"; }
scribble() { "$@" sh -c "echo x >'$MNT/$PID/cpu'"; }

mount_ckpt allow_other
start edit argument # root's
freeze
cp -a "$MNT/$PID" before
for way in edit scribble; do
	fails_with "ermission denied" "$way" "${as_user[@]}"
done
for what in "touch" "cp $SRC/README.md" "rm -f" "mkdir"; do
	# shellcheck disable=SC2086 # words
	fails_with "ermission denied" "${as_user[@]}" $what "$MNT/$PID/new"
done
fails_with "ermission denied" "${as_user[@]}" cp -a before/. "$MNT/$PID/"
diff -r before "$MNT/$PID"
exec 5<"$MNT/$PID" # what root opened and hands on does not help: the kernel asks again
fails_with "ermission denied" "${as_user[@]}" sh -c 'echo x >/proc/self/fd/5/cpu'
exec 5<&-
thaw
kill_and_reap


chmod 755 .
RUN_WITH=("${as_user[@]}")
start edit argument
"${as_user[@]}" mkdir "$MNT/$PID"
fails_with "ermission denied" edit "${another[@]}"
edit "${as_user[@]}"
[[ $(stat -c '%u %g %a' "$MNT/$PID/cpu") = "1234 1234 600" ]] || fail "$(stat "$MNT/$PID/cpu")"

"${as_user[@]}" sh -c "head -c 100000 /dev/zero >'$MNT/$PID/.draft'"
used=$("${as_user[@]}" df --output=used -B1 "$MNT" | tail -n 1)
((used >= 100000)) || fail "what he writes is not counted as his"
touch "$GO"
"${as_user[@]}" rmdir "$MNT/$PID"
wait_for 10 "the process to see the edit" has_line "$OUT" '^r12 0x2222 argument argument '
finish
