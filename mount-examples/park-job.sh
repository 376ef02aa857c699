#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   park-job.sh park PID DIRECTORY	stop a job and keep it as files under DIRECTORY/PID
#   park-job.sh resume DIRECTORY/PID	let it run on from there
#
# A parked job uses neither memory nor a PID. Nothing is killed before all of it is on the disk,
# and what can't be parked runs on. The mount is at /ckpt, or at $CKPT.

set -euo pipefail
ckpt=${CKPT:-/ckpt}

die() {
	echo "park-job: $*" >&2
	tail -n 5 "$ckpt/log" >&2 || true
	exit 1
}

park() {
	local pid=$1 dir=$2
	mkdir -p "$dir"
	[[ ! -e $dir/$pid ]] || die "$dir/$pid exists"
	mkdir "$ckpt/$pid" || die "process $pid can't be frozen"
	if ! cp -a "$ckpt/$pid" "$dir/" || ! sync -f "$dir/$pid"; then
		rmdir "$ckpt/$pid"
		rm -rf "${dir:?}/$pid"
		die "process $pid could not be copied; it runs on"
	fi
	kill -KILL "$pid" # it is frozen: nothing happens between the copy and this
	rmdir "$ckpt/$pid" 2>/dev/null || true
	echo "parked: $dir/$pid"
}

resume() {
	local tree=$1 pid=${1##*/}
	cp -a "$tree" "$ckpt/restore/" || die "$tree could not be restored; it is kept"
	rmdir "$ckpt/restore/$pid"
	rm -rf "$tree"
	echo "resumed: process $pid"
}

case ${1:-} in
park) park "${2:?PID}" "${3:?DIRECTORY}" ;;
resume) resume "${2:?DIRECTORY/PID}" ;;
*)
	sed -n 's/^#   //p' "$0"
	exit 2
	;;
esac
