#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shows the main job on a real program: xz is frozen, copied, killed, copied back, and goes on.
set -Eeuo pipefail
((EUID == 0)) || { echo "demo: needs root" >&2 && exit 1; }
ckptfs=$(realpath "${BUILD:-build}/ckptfs") work=$(mktemp -d) mnt=ckpt pid=''
trap 'umount "$mnt" || true; rm -rf --one-file-system "$work"' EXIT
trap 'echo "demo: this failed; the log says:"; tail -n 5 $mnt/log; kill -KILL $pid; exit 1' ERR
say() { printf '\n# %s\n' "$*"; }
run() { printf '$ %s\n' "${*/#$ckptfs/ckptfs}" && "$@" 2>&1 | sed 's/^/  /'; }
alive() { ps -o stat= -p "$pid" | grep -qv Z; }
cd "$work" && mkdir "$mnt"
seq -f '%.0f squared is not prime' 1 7 2400000 >input

say "Compress a file without interruption, to know what must come out."
run xz -9 -k input
mv input.xz expected
say "The same again in the background; this one will be stopped half-way."
for fd in /proc/self/fd/*; do # what this script inherited is not the job's
	((${fd##*/} < 3 || ${fd##*/} == 255)) || eval "exec ${fd##*/}>&-"
done
setsid xz -9 -c <input >output 2>xz.err & pid=$! && disown
say "Mount ckptfs, and freeze process $pid when it has read a part of its input."
run "$ckptfs" none "$mnt"
until (($(sed -n 's/^pos:\s*//p' /proc/$pid/fdinfo/0) > 3000000)); do sleep 0.05; done
run mkdir "$mnt/$pid"
run ls -x "$mnt/$pid"
run head -n 4 "$mnt/$pid/cpu"
run cat "$mnt/$pid/fds/0"
say "cp is the checkpoint. Then kill -9: the program is gone."
run cp -a "$mnt/$pid" backup
run du -sh backup
run kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
say "cp is the restore: the same process, in the middle of its work."
run cp -a backup "$mnt/restore/$pid"
run ps -o pid,stat,time,args -p "$pid"
say "It ends by itself; its output must be the same."
while alive; do sleep 0.05; done
run cmp output expected
say "Identical: $(sha256sum <output | cut -c1-16) = $(sha256sum <expected | cut -c1-16)."
