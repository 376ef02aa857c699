#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A file that no manifest lists, and that comes when the process is there already, fails its own
# copy, and the log says both; after a failure it says what has failed.
. "${0%/*}/lib.sh"

# copied: all files of the tree and, after the one that completes it, one more, by one process.
copied() {
	"$PYTHON" - "$1" "$MNT/restore/$PID" <<-'END'
		import os, shutil, sys
		tree, to = sys.argv[1:]
		os.mkdir(to)
		for where, dirs, names in os.walk(tree):
		    for name in dirs:
		        os.mkdir(os.path.join(to, os.path.relpath(where, tree), name))
		    for name in names:
		        if name != "manifest":
		            path = os.path.relpath(os.path.join(where, name), tree)
		            shutil.copyfile(os.path.join(tree, path), os.path.join(to, path))
		for path, name in ("manifest", "manifest"), ("cpu", "vmas/0000000000001000/meta"):
		    try:
		        os.makedirs(os.path.dirname(os.path.join(to, name)), exist_ok=True)
		        shutil.copyfile(os.path.join(tree, path), os.path.join(to, name))
		    except OSError as error:
		        print(name, error.strerror)
	END
}

mount_ckpt
start counter
checkpoint
[[ $(copied "dump/$PID") = "vmas/0000000000001000/meta Invalid argument" ]] || fail "the extra file"
restored
log_has "vmas/0000000000001000/meta: not a file of this tree: .*; process $PID was restored without it"
grep -qE '^state done' "$MNT/restore/$PID/.status" || fail "$(cat "$MNT/restore/$PID/.status")"
kill_and_reap
rmdir "$MNT/restore/$PID"

cp -a "dump/$PID" bad
echo junk >>bad/manifest
[[ $(copied bad | wc -l) = 2 ]] || fail "both had to fail"
log_has "vmas/0000000000001000/meta: thrown away: the restore has failed before: manifest:[0-9]+: "
no_process "$PID"
