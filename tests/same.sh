# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Dump, restore, dump again, for every victim that a test sends through the mount by `survives`: the
# second tree is the first, and what /proc shows of the process is what it showed, but for what
# ckptfs(5) says. The victim is stopped by job control all the time, so that it does not run in
# between. A test sources this after lib.sh and compare.sh, and calls same_victims.

# What may differ, as extended regular expressions of lines, by file.
declare -A tree_differs=(
	[task]='tree|clock_realtime|clock_monotonic|clock_boottime|ppid|pgid|sid'
	[cpu]='restart' # a wait goes on while the process is stopped
)
comparable_tree() { # DIR FILE
	local differs=${tree_differs[$2]:-}
	if [[ $2 = timers ]]; then
		sed -E 's/^(itimer [a-z]+) [0-9]+ /\1 LEFT /; s/^(timer .*) [0-9]+ ([0-9]+)$/\1 LEFT \2/' "$1/$2"
	elif [[ -n $differs ]]; then
		sed -E "s/^($differs) .*/\1 DIFFERS/" "$1/$2"
	else
		cat "$1/$2"
	fi
}
# The kernel writes the number of the CPU into the rseq area (rseq(2)): cpu_id_start, cpu_id, node_id,
# mm_cid. Packed pages are told apart by the runs of meta.
same_pages() { # A B FILE
	"$PYTHON" - "$1" "$2" "$3" <<-'END'
		import sys
		a, b, name = sys.argv[1:]
		rseq = 0
		for line in open(a + "/thread"):
		    if line.startswith("rseq "):
		        rseq = int(line.split()[1], 16)
		free = set(range(rseq, rseq + 8)) | set(range(rseq + 20, rseq + 28))
		one, two = (open(d + "/" + name, "rb").read() for d in (a, b))
		if len(one) != len(two):
		    sys.exit("%s: %d bytes, then %d" % (name, len(one), len(two)))
		for line in open(a + "/" + name[:-5] + "meta"):
		    if not line.startswith("run "):
		        continue
		    _, start, n, _, offset = line.split()
		    start, n, offset = int(start, 16), int(n), int(offset)
		    for page in range(n):
		        at = (offset + page) * 4096
		        if one[at:at + 4096] == two[at:at + 4096]:
		            continue
		        for i in range(at, at + 4096):
		            where = start + page * 4096 + i - at
		            if one[i] != two[i] and where not in free:
		                sys.exit("%s: %#x: %02x, then %02x" % (name, where, one[i], two[i]))
	END
}
same_trees() { # A B
	local file
	diff <(cd "$1" && find . | sort) <(cd "$2" && find . | sort) ||
		fail "$victim: other files"
	while read -r file; do
		case $file in
		manifest | */sums) ;; # digests of the rest
		*/pages)
			cmp -s "$1/$file" "$2/$file" || same_pages "$1" "$2" "$file" ||
				fail "$victim: $file differs"
			;;
		*)
			diff <(comparable_tree "$1" "$file") <(comparable_tree "$2" "$file") ||
				fail "$victim: $file differs"
			;;
		esac
	done < <(cd "$1" && find . -type f -printf '%P\n')
}

# same LINE: one victim, all of the above. In a subshell of its own: a skip is only its own.
same() {
	local args
	victim=$1
	mount_ckpt
	eval "args=($victim)"
	start "${args[@]}"
	kill -STOP "$PID"
	wait_for 5 "$victim to stop" in_state "$PID" T
	see "$PID" proc/before
	dump
	mv "dump/$PID" before
	kill_and_reap
	umount_ckpt # what is left of the directory of the killed process goes with it
	mount_ckpt
	cp -a before "$MNT/restore/$PID"
	wait_for 5 "$victim to be there" in_state "$PID" T
	see "$PID" proc/after
	diff -r proc/before proc/after || fail "$victim: /proc differs"
	dump
	same_trees before "dump/$PID"
	kill_and_reap
	umount_ckpt
}

# same_victims PART OF: every OFth of them.
same_victims() {
	local failed=0 n=0 i=0 line status
	while read -r line; do
		((i++ % $2 == $1)) || continue
		rm -rf "$GO" files mapped before proc dump
		mkdir proc
		status=0
		(
			trap - EXIT ERR
			same "$line"
		) >same.out 2>&1 </dev/null || status=$?
		if ((status == 0)); then
			n=$((n + 1))
		else
			((status == 77)) || failed=$((failed + 1))
			echo "$line:"
			sed 's/^/    /' same.out
		fi
		! mounted || umount -l "$MNT"
		pkill -KILL -f "^$VICTIMS/[a-z_0-9]* $GO" || true
	done < <(grep -L RUN_WITH "$SRC"/tests/*.sh | xargs sed -n "s/^survives //p" | sort -u |
		grep -v '^timers ticking') # its timer goes off while it is stopped
	echo "$n are the same"
	((failed == 0 && n > 0)) || fail "$failed are not"
}
