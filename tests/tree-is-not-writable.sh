#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a frozen task has can't be removed or renamed, nor its tree moved away; names that no tree
# has are temporary, and nobody takes them for state.
. "${0%/*}/lib.sh"

mount_ckpt
start counter
freeze
task=$MNT/$PID
vma=$(find "$task/vmas" -mindepth 1 -maxdepth 1 | head -n 1)
for file in task cpu manifest "vmas/${vma##*/}/pages"; do
	fails_with "not permitted" rm -f "$task/$file"
	[[ $file = cpu ]] || fails_with "not permitted" mv "$task/$file" "$task/other"
done
mv "$task/cpu" "$task/cpu~" # as editors do for a backup
cmp "$task/cpu" "$task/cpu~" || fail "cpu~ is no copy"
fails_with "not permitted" mv "$task/cpu" "$task/limits"
fails_with "not permitted" rmdir "$task/vmas"
fails_with "not permitted" rmdir "$vma"
fails_with "not permitted" rm -rf "$vma"
fails_with "not permitted" mkdir "$task/new"
fails_with "not permitted" ln -s a "$task/new"
fails_with "not permitted" ln "$task/cpu" "$task/new"
fails_with "not permitted" mkfifo "$task/new"
long=$(printf 'x%.0s' {1..256})
fails_with "ame too long" touch "$task/$long"
fails_with "ame too long" mkdir "$task/.$long"
fails_with "ame too long" mkdir "$MNT/restore/$long"
cp -a "$task" "$T/before"
for way in "mv $task $T/moved" "mv $task $MNT/1" "touch $MNT/new" "ln -s a $MNT/b" "mkdir $MNT/word" \
	"truncate -s 0 $task/cpu"; do
	if $way 2>/dev/null; then
		fail "'$way' succeeded"
	fi
done
fails_with "not permitted" "$PYTHON" -c 'import os, sys; os.truncate(sys.argv[1], 0)' "$task/task"
[[ -d $task ]] && in_state "$PID" tT
diff -r "$T/before" "$task" || fail "something changed"
diff -r "$T/before" "$T/moved" || fail "mv left no good copy"

rm "$task/cpu~"
# temporary files: found by name, in no listing and no copy, gone at the thaw
echo draft >"$task/notes.txt"
[[ $(<"$task/notes.txt") = draft ]] || fail "notes.txt says $(<"$task/notes.txt")"
mv "$task/notes.txt" "$task/.notes"
[[ $(<"$task/.notes") = draft && ! -e $task/notes.txt ]] || fail "not renamed"
diff -r "$T/before" "$task" || fail "a temporary file is listed"
touch "$task/other"
thaw
freeze
[[ ! -e $task/.notes && ! -e $task/other ]] || fail "temporary files outlived the thaw"
thaw
finish
