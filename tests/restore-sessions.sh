#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Session leaders stay leaders, group leaders keep their group, others get a session of their own.
. "${0%/*}/lib.sh"

ids() { ps -o pgid=,sid= -p "$1" | tr -s ' ' | sed 's/^ //'; }
mount_ckpt
declare -A pid out
for how in new group same; do
	START_AS=$how start anon
	pid[$how]=$PID out[$how]=$OUT
	log_clear_mark
	checkpoint
	restore
	restored
	case $how in
	new) [[ $(ids "$PID") = "$PID $PID" ]] || fail "$how: $(ids "$PID")" ;;
	group | same)
		[[ $(ids "$PID") = "$PID $PID" ]] || fail "$how: $(ids "$PID")"
		log_since_has 'session'
		;;
	esac
done
touch "$GO"
for how in new group same; do
	PID=${pid[$how]} OUT=${out[$how]}
	finish
done
