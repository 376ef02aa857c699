#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A tree that is not a checkpoint of this process, is damaged, or is not all there, changes nothing
# in a frozen process: the tool fails, the log says why, and the process runs on as it was.
. "${0%/*}/lib.sh"

last() { tail -n 1 numbers; }
passed() { (($(last) >= $1)); }

# refused WHAT-THE-LOG-SAYS TREE
refused() {
	log_clear_mark
	if cp -a "$2/." "$MNT/$PID/" 2>err; then
		fail "$2 was taken"
	fi
	log_since_has "$1"
	diff -r now "$MNT/$PID" || fail "$2 changed something"
}
damaged() {
	rm -rf bad
	cp -a "dump/$PID" bad
}

mount_ckpt
: >numbers
start counter
other=$PID
freeze
dump
thaw
start append "$T/numbers"
freeze
dump
thaw
wait_for 10 "it to run on" passed 5
freeze
cp -a "$MNT/$PID" now

refused "pid" "dump/$other"
damaged
sed -i 's/^umask .*/umask 055/' bad/task
refused "task: damaged" bad
damaged
page=$(find bad/vmas -name pages -size +4k | head -n 1)
printf '\xa5\xa5\xa5' | dd of="$page" bs=1 seek=5000 conv=notrunc status=none
refused "${page#bad/}: damaged" bad
damaged
rm bad/ldt
refused "ldt missing" bad
damaged
echo "x 1" >>bad/manifest
refused "manifest:[0-9]+: " bad

# what broke off is dropped at the thaw; what is complete in the end is not
damaged
rm bad/mm
cp -a bad/. "$MNT/$PID/" 2>/dev/null && fail "a tree without mm was taken"
before=$(last)
log_clear_mark
thaw 2>err && fail "the thaw does not say that nothing was rolled back"
grep -q 'Invalid argument' err || fail "$(<err)"
log_since_has "rmdir $PID: .*the rollback is dropped: .*mm"
thaw
wait_for 10 "it to run on as it was" passed $((before + 3))
seq 0 $((before + 3)) | cmp - <(head -n $((before + 4)) numbers) || fail "it was rolled back"
freeze
cp -a bad/. "$MNT/$PID/" 2>/dev/null && fail "a tree without mm was taken"
cp -a "dump/$PID/mm" "$MNT/$PID/"
log_text | tail -n 1 | grep -q "rolled back" || fail "the missing file does not complete it"
thaw
freeze
log_clear_mark
rsync -a bad/ "$MNT/$PID/" 2>err || true # it does not mind when times of directories can't be set
log_since_has "incomplete: mm missing"
thaw 2>err && fail "the thaw does not say what rsync did not"
thaw

# rsync -c leaves out what is the same, and ends with 0
freeze
rsync -ac "dump/$PID/" "$MNT/$PID/"
thaw 2>err && fail "a rollback by rsync -c is taken for a whole one"
thaw

# an edit that was accepted does not get lost unsaid, because something else was written after it
freeze
sed -i 's/^limit core .*/limit core 0 0/' "$MNT/$PID/limits"
touch "$MNT/$PID/fds/99"
thaw 2>err && fail "the edit is lost, and nobody says so"
grep -q 'Invalid argument' err || fail "$(<err)"
grep -q '^State:[[:space:]]*t' "/proc/$PID/status" || fail "it was thawed"
sed -i 's/^limit core .*/limit core 0 0/' "$MNT/$PID/limits"
thaw
grep -q '^Max core file size *0 *0 ' "/proc/$PID/limits" || fail "the next edit is not done"
finish
