#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What can't be changed in place is refused by file and key, by the question and by the deed, and
# the process does not notice.
. "${0%/*}/lib.sh"
applier=$BUILD/applier

start twice "$T/go2" "$T/beat"
mkdir tree
"$applier" "$PID" dump tree
before=$(stat -c %y beat)

# refused FILE SED TEXT: the tree with that file edited is refused with that text.
refused() {
	local file=$1 edit=$2 text=$3 mode
	rm -rf edited
	cp -a tree edited
	sed -i "$edit" edited/"$file"
	! cmp -s tree/"$file" edited/"$file" || fail "$file: $edit changes nothing"
	for mode in check apply; do
		! "$applier" "$PID" "$mode" edited 2>said || fail "$file: $edit: it was not refused"
		grep -qE "$text" said || fail "$file: $edit: it says: $(<said)"
	done
}
vdso=$(grep -l '^how vdso' tree/vmas/*/meta | sed 's|^tree/||')
stack=$(grep -l 'gd' tree/vmas/*/meta | head -n 1 | sed 's|^tree/||')

refused task "s/^pid .*/pid 1/" 'task: pid: the tree is of another process'
refused task "s|^exe [^ ]*|exe /bin/true|" 'task: exe: the tree is of another program'
refused task "s/^boot_id .*/boot_id 0/" 'task: boot_id: the tree is of another boot'
refused task "s/^sid .*/sid 1/" 'task: sid: '
refused task "s/^umask .*/umask 0999/" 'task:[0-9]+: umask: '
refused creds "s/^uid .*/uid 1 1 1 1/" 'creds: uid: '
refused creds "s/^cap_eff .*/cap_eff 0x0/" 'creds: cap_eff: '
refused cpu "s/^ds .*/ds 0x2b/" "cpu: ds: "
refused cpu "s/^fs_base .*/fs_base 0xffff800000000000/" 'cpu: fs_base'
refused cpu "s/^rip .*/rip zero/" 'cpu:[0-9]+: rip: '
refused cpu "s/^rip .*/no_register 0x0/" 'cpu:[0-9]+: no key'
refused mm "s/^mdwe .*/mdwe 1/" 'mm: mdwe: '
refused mm "s/^map_count .*/map_count 1/" 'mm: map_count'
refused "$vdso" "s/^flags .*/flags gd/" 'vmas/.*(vdso|flags)'
refused "$stack" "s/^fname .*//; s/^end$/fname \/nowhere 0 0\nend/" 'vmas/'
refused fds/200 "s/^file .*/file 99/" 'fds/200: there is no files/99'
refused signals "s/^blocked .*/blocked 1/" 'signals:[0-9]+: blocked'
refused limits '/^limit core/d' 'limits: no limit for core'
if ! grep -q '^cap_eff .*1......$' tree/creds; then # CAP_SYS_RESOURCE is bit 24
	refused limits "s/^limit core .*/limit core 0 18446744073709551615/" \
		'limits: core: the hard limit'
fi
rm -rf edited
cp -a tree edited
rm edited/limits
! "$applier" "$PID" apply edited 2>said || fail "a tree without limits was taken"
grep -q "'limits' is not listed" said || fail "without limits: $(<said)"

later() { [[ $(stat -c %y beat) > "$before" ]]; }
wait_for 10 "the victim to judge itself" later
touch "$T/go2"
finish
