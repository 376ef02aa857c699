#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process that the freezer of a control group holds, version 1 or 2, is listed, can be copied whole, and
# is left frozen as it was found.
. "${0%/*}/lib.sh"
. "${0%/*}/groups.sh"

lines() { wc -l <"$OUT"; }
wrote() { (($(lines) > $1)); }
listed() {
	local names=("$MNT"/*)
	[[ " ${names[*]} " = *" $MNT/$1 "* ]]
}
not_listed() { ! listed "$1"; }
# found: what a look must not change.
found() {
	cat "/proc/$PID/cgroup"
	readlink "/proc/$PID"/fd/*
	grep -E '^(Sig[^Q]|Shd|Cpus_allowed:|State|NSpid)' "/proc/$PID/status"
	grep -vE '^(Rss|Pss|Private|Shared|Referenced|Anonymous)' "/proc/$PID/smaps" | grep -c .
}
same_as_found() { found >now.txt && diff before.txt now.txt >difference; }
# look: copies it, and it is left as it was found.
look() {
	local before
	before=$(lines)
	found >before.txt
	rm -rf "dump/$PID"
	dump
	[[ -s dump/$PID/manifest ]] || fail "no whole copy"
	wait_for 5 "it to be let go of" untraced
	same_as_found || fail "it is not as it was found: $(<difference)"
	is_frozen || fail "the group is not frozen any more"
	in_group || fail "it is in another group"
	(($(lines) == before)) || fail "it ran"
}

# one VERSION: everything, in groups of that version.
one() {
	local before outer
	rm -f "$GO"
	start counter
	[[ ! -e $MNT/$PID ]] || fail "listed although it runs"
	make_group plain
	echo "$PID" >"$GROUP/cgroup.procs"
	freeze_group
	listed "$PID" || fail "not listed"
	fails_with "File exists" mkdir "$MNT/$PID"
	fails_with "Device or resource busy" rmdir "$MNT/$PID"
	log_has "rmdir $PID: frozen by its control group /${GROUP##*/}"
	look
	look
	grep -q '^state running' "dump/$PID/task" || fail "$(grep ^state "dump/$PID/task")"

	# Thawed while it is pinned: runs only afterwards.
	exec 5<"$MNT/$PID"
	before=$(lines)
	thaw_group
	sleep 0.2 # time in which a running counter would write
	(($(lines) == before)) || fail "it ran while it was pinned"
	exec 5<&-
	wait_for 5 "it to go on" wrote "$before"
	wait_for 5 "it to be forgotten" not_listed "$PID"

	# Its group is frozen while we have it frozen: stays so at the thaw.
	freeze
	freeze_group
	before=$(lines)
	thaw
	sleep 0.2
	(($(lines) == before)) || fail "the thaw of ours thawed the group's"
	listed "$PID" || fail "not listed as frozen by its group"
	look
	thaw_group
	wait_for 5 "it to go on" wrote "$before"

	# Frozen by the group above.
	outer=$GROUP
	make_group inner "$outer"
	echo "$PID" >"$GROUP/cgroup.procs"
	set_frozen 1 "$outer"
	wait_for 5 "the group within to be frozen" is_frozen
	listed "$PID" || fail "not listed: frozen from above"
	look
	set_frozen 0 "$outer"

	# Stopped by job control as well.
	kill -STOP "$PID"
	wait_for 5 "it to stop" in_state "$PID" T
	freeze_group
	look
	grep -q '^state stopped' "dump/$PID/task" || fail "$(grep ^state "dump/$PID/task")"
	thaw_group
	wait_for 5 "it to be stopped" in_state "$PID" T
	kill -CONT "$PID"

	# A tree of it is that of a running process: restored it runs, or is frozen with its group.
	freeze_group
	look
	thaw_group
	kill_and_reap
	restore
	restored
	in_group || fail "the restored one is in another group"
	wait_for 5 "the restored one to run" wrote "$(lines)"
	finish
	seq 0 $(($(grep -cE '^[0-9]+$' "$OUT") - 1)) | cmp - <(grep -E '^[0-9]+$' "$OUT")

	# With a child, which a tree does not hold: looked at, not to be copied, left frozen.
	make_group family
	spawn -o "$T/sh.out" -e "$T/sh.out" /bin/sh -c 'sleep 1000 & wait'
	wait_for 5 "its child" has_child
	CHILD=$(<"/proc/$PID/task/$PID/children")
	CHILD=${CHILD%% *}
	printf '%s\n' "$PID" >"$GROUP/cgroup.procs"
	printf '%s\n' "$CHILD" >"$GROUP/cgroup.procs"
	freeze_group
	listed "$PID" || fail "not listed: a family"
	listed "$CHILD" || fail "not listed: its child"
	[[ -e $MNT/$PID/cpu ]] || fail "it can't be looked at"
	fails_with "ermission denied" cat "$MNT/$PID/manifest"
	log_has "$PID: can't be captured: child process $CHILD"
	wait_for 5 "it to be let go of" untraced
	wait_for 5 "its child to be let go of" untraced "$CHILD"
	is_frozen || fail "the family is not frozen"
	in_group || fail "the family is in another group"
	in_group "$CHILD" || fail "the child is in another group"
	kill -KILL "$PID" "$CHILD"
	thaw_group
	PID=''
}
has_child() { grep -q . "/proc/$PID/task/$PID/children"; }

tried=()
mount_ckpt
for version in 1 2; do
	if has_version "$version"; then
		one
		tried+=("$version")
	else
		echo "version $version: $WHY"
	fi
done
((${#tried[@]})) || skip "no freezer"

if ((${#tried[@]} == 2)); then # by both
	rm -f "$GO"
	start counter
	for version in 2 1; do
		use_version "$version"
		make_group both
		echo "$PID" >"$GROUP/cgroup.procs"
	done
	freeze_group # what one has frozen can't go to rest in the other
	set_frozen 1 "$(group_top 2)/ckptfs-$$-both"
	look
	for version in 1 2; do
		thaw_group "$(group_top "$version")/ckptfs-$$-both"
	done
	finish
fi
echo "versions: ${tried[*]}"
