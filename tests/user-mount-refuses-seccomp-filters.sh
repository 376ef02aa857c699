#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A mount by an ordinary user can neither read nor suspend filters: his processes that have some are
# refused and go on; a tree that has some is no process afterwards.
PRIVATE_MOUNTS=1
. "${0%/*}/lib.sh"

mount_ckpt allow_other
RUN_WITH=(setpriv --reuid nobody --regid nogroup --clear-groups)
start filtered stacked
checkpoint
umount_ckpt
rmdir "$MNT"
chown -R nobody:nogroup dump "$OUT" "$OUT.err"
tree=$PID
RUN_WITH=()

user_mounts
mount_ckpt pid=any
fails_with "" "${AS[@]}" cp -a "dump/$tree" "$MNT/restore/"
log_has "seccomp: filters can't be suspended .*CAP_SYS_ADMIN"
no_process "$tree"
start filtered stacked
fails_with "not supported" freeze
log_has "seccomp: only a ckptfs with CAP_SYS_ADMIN and without filters of its own can read"
finish
