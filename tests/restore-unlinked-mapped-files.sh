#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Files that are mapped and have no name any more, also those whose name is another file's now:
# contents, sharing, the ends where SIGBUS is; and nothing of it stays in the directory.
. "${0%/*}/lib.sh"

mount_ckpt allow_other
for kind in files replaced ends; do
	mkdir "$kind"
	RUN_WITH=(env -C "$T/$kind")
	start unlinked "$kind"
	checkpoint
	find "$kind" | sort >before
	restore
	restored
	finish
	find "$kind" | sort | diff before - || fail "$kind: files were left"
	rm -f "$GO"
done
grep -q '^kind file$' "$T"/dump/*/objects/*/meta
grep -q '^kind memfd$' "$T"/dump/*/objects/*/meta
log_has 'library is another file now'

# A user who may make no file there has it in memory.
as_user=(setpriv --reuid 1234 --regid 1234 --clear-groups)
mkdir users
chmod 777 . users
RUN_WITH=(env -C "$T/users" "${as_user[@]}")
start unlinked replaced
freeze
dump
kill_and_reap
chmod 755 users
chmod -R a+rX dump
chmod 666 "$OUT" "$OUT.err"
"${as_user[@]}" --inh-caps +checkpoint_restore --ambient-caps +checkpoint_restore \
	cp -r "dump/$PID" "$MNT/restore/"
restored
log_has 'library: no file can be made there .Permission denied.'
grep -q '/memfd:library' "/proc/$PID/maps"
finish
rm -f "$GO"

# Another process that has the file keeps it from being taken along.
RUN_WITH=()
start unlinked alone
exec 5<>watched
rm watched
fails_with "not supported" freeze
log_has 'watched.*process [0-9]+ has it open'
exec 5>&-
freeze
thaw
finish
