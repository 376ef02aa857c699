#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process with another root directory.
. "${0%/*}/lib.sh"

# It can't see $GO in there: the jail has one of its own, at the same path.
mkdir -p "$T/jail$T" "$T/jail/proc"
mount --bind /proc "$T/jail/proc"
trap 'umount "$T/jail/proc"; at_exit' EXIT
mount_ckpt
start state "chroot=$T/jail" chdir=/proc umask=011
checkpoint
restore
restored
[[ $(readlink "/proc/$PID/root") = "$T/jail" ]] || fail "its root is $(readlink "/proc/$PID/root")"
touch "$T/jail$GO"
finish
