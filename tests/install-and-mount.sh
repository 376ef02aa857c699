#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make install; mount -t fuse.ckptfs and an fstab line work; make uninstall removes all of it.
. "${0%/*}/lib.sh"

# Into a file system of its own, so that nothing of the machine changes: a private mount
# namespace with overlays on /usr/local and /sbin.
if [[ -z ${IN_NAMESPACE:-} ]]; then
	IN_NAMESPACE=1 exec unshare -m --propagation private "$BASH" "$0"
fi
overlay() {
	mkdir -p "$T/over/$1/"{up,work}
	mount -t overlay -o "lowerdir=$2,upperdir=$T/over/$1/up,workdir=$T/over/$1/work" none "$2"
}
mkdir "$T/over" && mount -t tmpfs none "$T/over"
sbin=$(readlink -f /sbin)
overlay local /usr/local
overlay sbin "$sbin"
find /usr/local "$sbin" | sort >list.before
build=$(realpath -s --relative-to="$SRC" "$BUILD") # make takes no spaces; where $SRC has some
make -s -C "$SRC" install BUILD="$build" >make.out 2>&1 || fail "$(cat make.out)"
[[ -x /usr/local/bin/ckptfs ]]
[[ -e $sbin/mount.fuse.ckptfs ]]
[[ -s /usr/local/share/man/man1/ckptfs.1 && -s /usr/local/share/man/man5/ckptfs.5 ]]

mkdir "$MNT"
work() {
	mountpoint -q "$MNT"
	start anon
	freeze
	dump
	kill_and_reap
	restore
	finish
	rm -rf "$GO" dump
	umount_daemonized
}
mount -t fuse.ckptfs none "$MNT" -o allow_other,timeout=5000
[[ $(findmnt -n -o FSTYPE "$MNT") = fuse.ckptfs ]] || fail "type $(findmnt -n -o FSTYPE "$MNT")"
work
mount -n -v -t fuse.ckptfs none "$MNT" >/dev/null
work

# The fstab line of mount-examples/, with our mount point.
grep -v '^#' "$SRC/mount-examples/fstab" >line
(($(wc -l <line) == 1)) || fail "mount-examples/fstab has more than one line"
sed "s|[[:space:]]/ckpt[[:space:]]| $MNT |" line >fstab
findmnt --verify --tab-file fstab >/dev/null || fail "$(findmnt --verify --tab-file fstab)"
mount -T fstab "$MNT"
work

make -s -C "$SRC" uninstall BUILD="$build"
find /usr/local "$sbin" ! -type d | sort >list.after
find /usr/local "$sbin" -type d | sort >>list.after
leftover=$(sort list.after | comm -13 list.before - | while read -r f; do [[ -d $f ]] || echo "$f"; done)
[[ -z $leftover ]] || fail "uninstall leaves: $leftover"
mkdir staged
make -s -C "$SRC" install BUILD="$build" DESTDIR="$T/staged" PREFIX=/usr
[[ -x staged/usr/bin/ckptfs && -x staged/sbin/mount.fuse.ckptfs ]]
make -s -C "$SRC" uninstall BUILD="$build" DESTDIR="$T/staged" PREFIX=/usr
[[ -z $(find staged ! -type d) ]] || fail "uninstall leaves: $(find staged ! -type d)"
