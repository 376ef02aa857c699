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
umount_ckpt

# A user without any privilege, who can't set an executable but execute it.
as_user=(setpriv --reuid 1234 --regid 1234 --clear-groups)
mount_ckpt allow_other,pid=any
mkdir -m 777 users
ln -s ../spawn users/spawn
cp "$BUILD/victims/unlinked" users/
VICTIMS=$T/users
RUN_WITH=("${as_user[@]}")
chmod 777 .
start unlinked exe
rm users/unlinked
checkpoint
chmod -R a+rX dump
chmod 666 "$OUT" "$OUT.err"
"${as_user[@]}" cp -r "dump/$PID" "$MNT/restore/"
PID=$(sed -n 's/^pid //p' <("${as_user[@]}" cat "$MNT/restore/$PID/.status"))
[[ $(readlink "/proc/$PID/exe") = "$T/users/unlinked (deleted)" ]] ||
	fail "of a user: $(readlink "/proc/$PID/exe")"
finish
