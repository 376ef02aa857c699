#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process goes back into its control groups, of version 1 and 2, frozen ones too, where who restores
# it may put it there; else it stays in his, and the log says so.
. "${0%/*}/lib.sh"

v1=/sys/fs/cgroup/freezer v2=/sys/fs/cgroup/unified
[[ -d $v2 ]] || v2=/sys/fs/cgroup
groups=()
# make_group TOP NAME: sets GROUP; the test's end removes it.
make_group() {
	GROUP=$1/ckptfs-$$-$2
	mkdir "$GROUP" 2>/dev/null || return 1
	groups+=("$GROUP")
}
remove_groups() {
	local group i
	for group in "${groups[@]}"; do
		[[ ! -e $group/freezer.state ]] || echo THAWED >"$group/freezer.state"
		[[ ! -e $group/cgroup.freeze ]] || echo 0 >"$group/cgroup.freeze"
		for ((i = 0; i < 100; i++)); do
			rmdir "$group" 2>/dev/null && break
			sleep 0.02
		done
	done
	groups=()
}
trap 'status=$?; set +e; kill -KILL $PID 2>/dev/null; remove_groups; (exit $status); at_exit' EXIT
in_groups() { cmp -s <(grep -v systemd "/proc/$PID/cgroup") <(grep -v systemd was); }

tops=()
for top in "$v1" "$v2"; do
	[[ -e $top/cgroup.procs ]] && make_group "$top" probe && tops+=("$top")
done
remove_groups
((${#tops[@]})) || skip "no control groups can be made here"

echo "in ${tops[*]}"
mount_ckpt allow_other
chmod 755 "$T"
may=(setpriv --reuid 1234 --regid 1234 --clear-groups --inh-caps +checkpoint_restore
	--ambient-caps +checkpoint_restore)
for top in "${tops[@]}"; do
	make_group "$top" a
	start counter
	echo "$PID" >"$GROUP/cgroup.procs"
	cat "/proc/$PID/cgroup" >was
	freeze
	dump
	grep -qE "^cgroup [^ ]+ /ckptfs-$$-a$" "dump/$PID/task" || fail "$(grep cgroup "dump/$PID/task")"
	kill_and_reap
	log_clear_mark
	restore
	restored
	in_groups || fail "it is in other groups: $(diff was "/proc/$PID/cgroup")"
	! log_since | grep 'it stays' || fail "it did not stay"
	finish
	rm "$GO"

	# A user: not into a group that is not his; into one that is.
	RUN_WITH=(setpriv --reuid 1234 --regid 1234 --clear-groups)
	start counter
	chmod 666 "$OUT" "$OUT.err"
	echo "$PID" >"$GROUP/cgroup.procs"
	cat "/proc/$PID/cgroup" >was
	freeze
	dump
	chown -R 1234:1234 dump
	kill_and_reap
	"${may[@]}" cp -a "dump/$PID" "$MNT/restore/"
	restored
	grep -q "/ckptfs-$$-a" "/proc/$PID/cgroup" && fail "a user put a process into root's group"
	log_since_has "restore $PID: it stays in control group .*ckptfs-$$-a.*ermission denied"
	finish
	rm "$GO"
	# version 2 asks for the common ancestor too
	chown 1234 "$GROUP/cgroup.procs"
	ancestor=$(stat -c %u "$top/cgroup.procs")
	[[ $top != "$v2" ]] || chown 1234 "$top/cgroup.procs"
	if "${may[@]}" cp -a "dump/$PID" "$MNT/restore/"; then
		restored
		chown "$ancestor" "$top/cgroup.procs"
		in_groups || fail "not in the user's own group: $(diff was "/proc/$PID/cgroup")"
	else
		chown "$ancestor" "$top/cgroup.procs"
		fail "not restored"
	fi
	finish
	rm "$GO"

	# The group is gone.
	RUN_WITH=()
	rmdir "$MNT/restore/$PID"
	remove_groups
	restore
	restored
	log_since_has "it stays in control group .*ckptfs-$$-a.*No such file"
	finish
	rm "$GO"
done
# comes_back_frozen FILE FREEZE THAW: by the group's own switch
comes_back_frozen() {
	start counter
	echo "$PID" >"$GROUP/cgroup.procs"
	cat "/proc/$PID/cgroup" >was
	checkpoint
	echo "$2" >"$GROUP/$1"
	restore
	restored
	in_groups || fail "it is in other groups: $(diff was "/proc/$PID/cgroup")"
	lines=$(wc -l <"$OUT")
	sleep 0.2
	[[ $(wc -l <"$OUT") = "$lines" ]] || fail "it runs in a frozen group"
	echo "$3" >"$GROUP/$1"
	finish
	rm "$GO"
}
for top in "${tops[@]}"; do
	make_group "$top" frozen
	[[ ! -e $GROUP/freezer.state ]] || comes_back_frozen freezer.state FROZEN THAWED
	[[ ! -e $GROUP/cgroup.freeze ]] || comes_back_frozen cgroup.freeze 1 0
done

# No path leads out of the hierarchy.
start counter
checkpoint
sed -Ei '0,/^cgroup /s|^(cgroup [^ ]+) .*|\1 /../../../tmp|' "dump/$PID/task"
sed -Ei 's/^file task .*/file task edited/' "dump/$PID/manifest"
fails_with "Invalid argument" restore
log_since_has "cgroup: a path begins with / and has no part '..'"
