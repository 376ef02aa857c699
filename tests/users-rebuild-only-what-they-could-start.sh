#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A user edits a tree of his own to be more than he is: refused, no process, whatever he lays claim
# to. The same tree as it was is restored.
. "${0%/*}/lib.sh"

as_user=(setpriv --reuid 1234 --regid 1234 --clear-groups)

# claim NAME FILE SED SAYS: a copy of the tree with that edit; wants it refused with that sentence.
claim() {
	local name=$1 file=$2 edit=$3 says=$4
	rm -rf "copy/$PID"
	cp -a "dump/$PID" copy/
	sed -Ei "$edit" "copy/$PID/$file"
	cmp -s "dump/$PID/$file" "copy/$PID/$file" && fail "$name: the edit changes nothing"
	sed -Ei "s|^file $file .*|file $file edited|" "copy/$PID/manifest"
	chown -R 1234:1234 copy
	log_clear_mark
	if "${as_user[@]}" cp -a "copy/$PID" "$MNT/restore/$name" 2>err; then
		fail "$name: it was restored"
	fi
	log_since_has "restore/$name: .*$says"
	[[ $("${as_user[@]}" sed -n 's/^state //p' "$MNT/restore/$name/.status") = failed ]] ||
		fail "$name: $(cat "$MNT/restore/$name/.status")"
	no_victim "$name"
	rm -rf "$MNT/restore/$name"
}
no_victim() {
	local left
	left=$(pgrep -x "anon|evil" || true)
	for left in $left; do
		[[ $(readlink "/proc/$left/cwd") != "$T" ]] || fail "$1: process $left is there"
	done
}

chmod 755 "$T"
mount_ckpt allow_other,pid=any
chmod 1777 .
AS=("${as_user[@]}")
start anon
AS=()
checkpoint
mkdir -m 700 private copy
chmod 755 copy
mkdir -m 755 private/jail
echo secret >private/file
cp "$VICTIMS/anon" evil
chmod 4755 evil
size=$(stat -c %s evil)
mtime=$(date -r evil +%s%N)

claim uid creds 's/^uid .*/uid 0 0 0 0/' 'uid: Operation not permitted'
claim suid creds 's/^uid .*/uid 1234 1234 0 1234/' 'uid: Operation not permitted'
claim gid creds 's/^gid .*/gid 0 0 0 0/' 'gid: Operation not permitted'
claim group creds '/^gid/a group 0' 'groups: Operation not permitted'
claim capabilities creds 's/^cap_(prm|eff) .*/cap_\1 0x200000/' 'capabilit.*(not permitted|than yours)'
claim inheritable creds 's/^cap_inh .*/cap_inh 0x200000/' 'capabilit.*(not permitted|than yours)'
claim ambient creds 's/^cap_(inh|amb) .*/cap_\1 0x200000/' 'capabilit.*(not permitted|than yours)'
claim nice thread 's/^nice .*/nice -10/' '(nice|schedul).*not permitted|Permission denied'
claim policy thread 's/^policy .*/policy fifo/; s/^priority .*/priority 10/' 'schedul.*not permitted'
claim oom thread 's/^oom_score_adj .*/oom_score_adj -900/' 'oom_score_adj'
claim limit limits 's/^(limit nofile [0-9]+) .*/\1 999999999/' 'nofile'
claim cwd task "s|^cwd .*|cwd $T/private|" 'cwd.*Permission denied'
claim root task "s|^root .*|root $T/private/jail|" 'root.*(Permission denied|not permitted)'
claim jail task "s|^root .*|root $T|" 'root.*not permitted'
claim setuid task "s|^exe .*|exe $T/evil $size $mtime|" \
	'would give the process other ids'
claim file files/1 "s|^path .*|path $T/private/file|" 'private/file: Permission denied'

# who he is he may be
rm -rf "copy/$PID"
cp -a "dump/$PID" copy/
chown -R 1234:1234 copy
"${as_user[@]}" cp -a "copy/$PID" "$MNT/restore/good"
PID=$(sed -n 's/^pid //p' "$MNT/restore/good/.status")
grep -qE '^Uid:[[:space:]]+1234' "/proc/$PID/status" || fail "$(grep Uid "/proc/$PID/status")"
finish
