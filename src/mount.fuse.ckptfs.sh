#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mount(8) calls this as /sbin/mount.fuse.ckptfs SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS] [-t TYPE]
# for `mount -t fuse.ckptfs` and for fstab lines. Its flags are not those of ckptfs: -f means
# "do everything but the mount itself".

PATH=@PREFIX@/bin:@PREFIX@/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

if [ $# -lt 2 ]; then
	echo "usage: mount.fuse.ckptfs SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS]" >&2
	exit 1
fi
source=$1
mountpoint=$2
shift 2
options=
fake=
while getopts sfnvo:t:N: flag; do
	case $flag in
	o) options=${options:+$options,}$OPTARG ;;
	f) fake=1 ;;
	s | n | v | t | N) ;;
	*) exit 1 ;;
	esac
done
[ -z "$fake" ] || exit 0
exec ckptfs "$source" "$mountpoint" ${options:+-o "$options"}
