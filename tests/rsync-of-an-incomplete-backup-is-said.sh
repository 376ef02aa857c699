#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# When rsync has finished with a tree that lacks files, log and .status name them at once. (rsync
# does not look at the result of the last thing it does, and ends with 0.)
. "${0%/*}/lib.sh"

mount_ckpt
start counter
checkpoint
some=$(cd "dump/$PID" && find vmas -name meta | sort | tail -n 1)

# incomplete RSYNC-OPTION...: without some files of a copy.
incomplete() {
	rm -rf less && mkdir less && cp -a "dump/$PID" less/ && rm "less/$PID/$some" "less/$PID/cpu"
	find less -type d -exec touch -d "2 hours ago" {} + # a backup is not of this second
	log_clear_mark
	rsync -a "$@" "less/$PID" "$MNT/restore/" 
	log_since_has 'cpu missing'
	log_since_has "$some missing"
	grep -qE '^state staging' "$MNT/restore/$PID/.status" || fail "$(cat "$MNT/restore/$PID/.status")"
	grep -qE '^error incomplete: .*missing' "$MNT/restore/$PID/.status" ||
		fail "$(cat "$MNT/restore/$PID/.status")"
	no_process "$PID"
}

incomplete
rmdir "$MNT/restore/$PID"
incomplete --no-inc-recursive
rmdir "$MNT/restore/$PID"
incomplete --inplace
# Once more, with nothing missing.
rsync -a "dump/$PID" "$MNT/restore/" || fail "rsync of the whole tree: $?"
restored
kill_and_reap
rmdir "$MNT/restore/$PID"

# None of a whole tree is told that something is missing, however rsync goes about it.
for way in "" --no-inc-recursive --inplace --whole-file --no-whole-file --no-times --omit-dir-times; do
	log_clear_mark
	rsync -a ${way:+"$way"} "dump/$PID" "$MNT/restore/" || fail "rsync $way: $?"
	log_since | grep -E 'missing' && fail "rsync $way: told of missing files"
	restored
	kill_and_reap
	rmdir "$MNT/restore/$PID"
done
