#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# umount ends the daemon, and what it froze runs on.
. "${0%/*}/lib.sh"

wrote() { (($(wc -l <"$OUT") > $1)); }
mount_ckpt
start counter
one=$PID one_out=$OUT
freeze
start anon
freeze
lines=$(wc -l <"$one_out")
daemon=$DAEMON
umount "$MNT"
wait_for 10 "the daemon's end" gone "$daemon"
finish
PID=$one OUT=$one_out
wait_for 10 "it to go on" wrote "$lines"
finish
