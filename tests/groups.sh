# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Control groups of a test's own that freeze, of version 1 or 2; gone when it ends. Sourced after
# lib.sh.

GROUPS_MADE=()

# group_top VERSION: where the hierarchy with the freezer is mounted.
group_top() {
	awk -v version="$1" '
		version == 1 && $3 == "cgroup" && ("," $4 ",") ~ /,freezer,/ { print $2; exit }
		version == 2 && $3 == "cgroup2" { print $2; exit }' /proc/mounts
}

# has_version VERSION: sets TOP and VERSION, of make_group; false, and WHY, where no groups can be made.
has_version() {
	local probe
	# shellcheck disable=SC2034 # for the tests
	VERSION=$1 TOP=$(group_top "$1") WHY=''
	probe=$TOP/ckptfs-$$-probe
	if [[ -z $TOP ]]; then
		WHY="no freezer of version $1 is mounted"
	elif ! mkdir "$probe" 2>/dev/null; then
		WHY="no groups can be made in $TOP"
	else
		[[ -e $probe/freezer.state || -e $probe/cgroup.freeze ]] || WHY="$TOP has no freezer"
		rmdir "$probe"
	fi
	[[ -z $WHY ]]
}
use_version() { has_version "$1" || skip "$WHY"; }

# make_group NAME [ABOVE]: sets GROUP, its directory.
make_group() {
	GROUP=${2:-$TOP}/ckptfs-$$-$1
	mkdir "$GROUP" 2>/dev/null || return 1
	GROUPS_MADE=("$GROUP" ${GROUPS_MADE[@]+"${GROUPS_MADE[@]}"})
}

# set_frozen 0|1 [GROUP]
set_frozen() {
	local group=${2:-$GROUP} words=(THAWED FROZEN)
	if [[ -e $group/freezer.state ]]; then
		echo "${words[$1]}" >"$group/freezer.state"
	else
		echo "$1" >"$group/cgroup.freeze"
	fi
}
# Everything in it has come to rest.
is_frozen() {
	local group=${1:-$GROUP}
	grep -qx FROZEN "$group/freezer.state" 2>/dev/null ||
		grep -qx 'frozen 1' "$group/cgroup.events" 2>/dev/null
}
freeze_group() {
	set_frozen 1 "${1:-$GROUP}"
	wait_for 5 "the group to be frozen" is_frozen "${1:-$GROUP}"
}
thaw_group() { set_frozen 0 "${1:-$GROUP}"; }

# in_group [PID] [GROUP]
in_group() { grep -qx "${1:-$PID}" "${2:-$GROUP}/cgroup.procs"; }
untraced() { grep -q '^TracerPid:[[:space:]]*0$' "/proc/${1:-$PID}/status"; }

# shellcheck disable=SC2317 # called by the trap
groups_at_exit() {
	local status=$? group pid i
	set +e
	trap - ERR
	((status == 0 || status == 77)) || at_exit_report
	for group in "${GROUPS_MADE[@]}"; do
		for pid in $(<"$group/cgroup.procs"); do
			kill -KILL "$pid"
		done
		set_frozen 0 "$group" 2>/dev/null
		for ((i = 0; i < 250; i++)); do
			rmdir "$group" 2>/dev/null && break
			sleep 0.02
		done
	done
	(exit "$status")
	at_exit
}
# shellcheck disable=SC2317
at_exit_report() {
	[[ -z $PID ]] || cat "/proc/$PID/status" "/proc/$PID/cgroup" 2>/dev/null |
		grep -E '^State|^Tracer|:/ckptfs' >&2
}
trap groups_at_exit EXIT
