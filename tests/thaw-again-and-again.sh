#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two hundred freezes and thaws of a process that notices everything; signals meanwhile.
. "${0%/*}/lib.sh"

mount_ckpt
start endure
sent=0
for ((i = 0; i < 200; i++)); do
	kill -RTMIN "$PID" && sent=$((sent + 1))
	freeze
	if ((i % 20 == 0)); then
		rm -rf dump
		dump
	fi
	kill -RTMIN "$PID" && sent=$((sent + 1))
	thaw
done
finish
queued=$(sed -n 's/^queued //p' "$OUT")
((queued == sent)) || fail "$sent signals were sent, $queued came"
