#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A frozen control group that a process can't leave for a moment: with version 2 the process can be looked
# at, but not copied, with version 1 not even that; the log names the group, and nothing is changed.
. "${0%/*}/lib.sh"
. "${0%/*}/groups.sh"

# read_only WHAT: what of the process can be read by a daemon that sees the hierarchy read-only.
read_only() {
	# shellcheck disable=SC2016 # expanded by the shell in there
	unshare -m bash -c 'mount -o remount,bind,ro "$1" || exit 99
		"$2" none "$3" -f >/dev/null 2>&1 & daemon=$!
		for ((i = 0; i < 500; i++)); do mountpoint -q "$3" && break; sleep 0.02; done
		ls "$3/$4" >names 2>/dev/null; cat "$3/$4/manifest" >manifest 2>/dev/null
		cat "$3/log" >log
		umount "$3"; wait $daemon' - "$TOP" "$CKPTFS" "$MNT" "$PID" || skip "can't make $TOP read-only"
}

tried=0
mkdir -p "$MNT"
for version in 1 2; do
	if ! has_version "$version"; then
		echo "version $version: $WHY"
		continue
	fi
	rm -f "$GO"
	start counter
	make_group kept
	echo "$PID" >"$GROUP/cgroup.procs"
	freeze_group
	read_only
	grep -qE "frozen by control group /${GROUP##*/} .*can't leave for a moment: Read-only" log ||
		fail "the log does not name the group: $(<log)"
	[[ ! -s manifest ]] || fail "it can be copied"
	grep -qx cpu names || ((version == 1)) || fail "it can't be looked at"
	is_frozen || fail "it is not frozen"
	in_group || fail "it is in another group"
	wait_for 5 "it to be let go of" untraced
	thaw_group
	finish
	tried=$((tried + 1))
done
((tried)) || skip "no freezer"
