#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Any damage fails the copy, names the file, and leaves no process; then a good copy restores.
. "${0%/*}/lib.sh"

# flip FILE: another bit in the middle of it.
flip() {
	"$PYTHON" - "$1" <<-'END'
		import sys
		with open(sys.argv[1], "r+b") as f:
		    data = f.read()
		    at = len(data) // 2
		    f.seek(at)
		    f.write(bytes([data[at] ^ 1]))
	END
}

# refused WHAT NAME [COPY...]: a copy of $T/dump/PID that was damaged must fail.
refused() {
	local what=$1 name=$2 dir=$MNT/restore/$PID
	shift 2
	log_clear_mark
	if "${@:-cp}" -a "bad/$PID" "$MNT/restore/" 2>err; then
		fail "$what: the copy succeeded"
	fi
	log_since | grep -E -- "$name" >/dev/null || fail "$what: the log does not say '$name': $(log_since)"
	grep -qE '^state failed' "$dir/.status" || fail "$what: .status: $(cat "$dir/.status")"
	grep -E '^error' "$dir/.status" | grep -qE -- "$name" || fail "$what: $(cat "$dir/.status")"
	no_process "$PID"
	[[ -z $(find "$dir" -type f ! -name .status) ]] || fail "$what: staged files stay"
	rm -rf bad
}
damaged() {
	mkdir -p bad
	cp -a "$T/dump/$PID" bad/
}

mount_ckpt
start anon
checkpoint
pages=$(cd "dump/$PID" && find vmas -name pages -size +100k | sort | head -n 1)
sums=${pages%pages}sums

damaged && flip "bad/$PID/cpu" && refused "a bit in text" cpu
damaged && flip "bad/$PID/$pages" && refused "a bit in pages" "$pages"
damaged && flip "bad/$PID/$sums" && refused "a bit in sums" "$sums"
damaged && truncate -s -1 "bad/$PID/signals" && refused "short text" signals
damaged && truncate -s -4096 "bad/$PID/$pages" && refused "short pages" "$pages"
damaged && truncate -s +4096 "bad/$PID/$pages" && refused "long pages" "$pages"
damaged && sed -i 's/^file cpu /file cqu /' "bad/$PID/manifest" && refused "manifest path" cqu
damaged && sed -i '3d' "bad/$PID/manifest" && refused "manifest line missing" manifest
damaged && sed -i '2p' "bad/$PID/manifest" && refused "manifest line twice" manifest
# cp copies in the order of inodes: the stranger comes before the tree is complete.
mkdir -p "bad/$PID" && echo more >"bad/$PID/unlisted" && damaged && refused "an unlisted file" unlisted
damaged && sed -i 's/^rip .*/rip zero/' "bad/$PID/cpu" &&
	sed -i 's/^file cpu .*/file cpu edited/' "bad/$PID/manifest" &&
	refused "edited text, bad value" 'cpu:[0-9]+'
damaged && sed -i '2i strange 1' "bad/$PID/cpu" &&
	sed -i 's/^file cpu .*/file cpu edited/' "bad/$PID/manifest" &&
	refused "edited text, unknown key" 'cpu:2.*strange'

# What is missing completes nothing: no error yet, and no process.
damaged
rm "bad/$PID/creds"
cp -a "bad/$PID" "$MNT/restore/" || true
no_process "$PID"
grep -qE '^state staging' "$MNT/restore/$PID/.status" ||
	fail "a file missing: $(cat "$MNT/restore/$PID/.status")"
rm -rf bad
# The missing file alone completes it.
cp -a "dump/$PID/creds" "$MNT/restore/$PID/creds"
restored
finish
rmdir "$MNT/restore/$PID"
