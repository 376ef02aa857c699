#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Huge pages of hugetlb: anonymous, private and shared, and files; ENOMEM where there are too few.
. "${0%/*}/lib.sh"

pages=/proc/sys/vm/nr_hugepages
[[ -w $pages ]] || skip "this kernel has no huge pages"
exec 8>/tmp/ckptfs-hugepages.lock # their number is the machine's
flock -w 100 8
had=$(<$pages)
give_back() {
	local status=$?
	trap - ERR
	set +e
	umount "$T/huge" 2>/dev/null
	echo "$had" >$pages
	(exit $status)
	at_exit
}
trap give_back EXIT
echo $((had + 14)) >$pages
(($(<$pages) == had + 14)) || skip "no 28 MiB for huge pages"

mount_ckpt
start hugetlb
checkpoint
echo "$had" >$pages
fails_with "Cannot allocate memory" restore
log_has 'huge pages of 2048 kB: .*vm.nr_hugepages'
wait_for 10 "the skeleton to be gone" exited "$PID"
rm -f "$T/exits/$PID" # its exit status
echo $((had + 14)) >$pages
rm -rf "${MNT:?}/restore/$PID"
restore
restored
finish
rm -f "$GO"

mkdir huge
mount -t hugetlbfs none huge || skip "no hugetlbfs"
start hugetlb "$T/huge"
checkpoint
restore
restored
finish
