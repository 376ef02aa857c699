#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Many renames at once in a frozen process's directory: the mount goes on answering. What the kernel
# is told of each takes the lock of the directory, which the next one holds.
. "${0%/*}/lib.sh"

mount_ckpt
start counter
freeze
"$PYTHON" - "$MNT/$PID" <<-'END'
	import os, sys, threading
	def storm(me):
	    for n in range(60):
	        name = "%s/.t%d.%d" % (sys.argv[1], me, n)
	        open(name, "w").close()
	        os.rename(name, name + ".new")
	threads = [threading.Thread(target=storm, args=(i,)) for i in range(32)]
	[t.start() for t in threads]
	[t.join() for t in threads]
END
timeout 20 cat "$MNT/log" >/dev/null || fail "the mount does not answer"
timeout 20 rmdir "$MNT/$PID"
finish
