#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An edit that is not good fails the close or the rename; the log names file and line, and the file
# shows again what it was.
. "${0%/*}/lib.sh"

# refused WHAT-THE-LOG-SAYS COMMAND...: it fails, and no file is another one.
refused() {
	local want=$1 text
	shift
	log_clear_mark
	if text=$("$@" 2>&1); then
		fail "'$*' succeeded"
	fi
	log_since_has "$want"
	diff -r before "$MNT/$PID" || fail "'$*' changed something"
}
put() { cat "$1" >"$2"; }
start_of() { head -c 100 "$1" >"$2"; }

mount_ckpt
start edit argument
freeze
task=$MNT/$PID
cp -a "$task" before
pages=$(find before/vmas -name pages -size +4k | head -n 1)
pages=${pages#before/}

refused "cpu:13: no key 'foo'" sed -i '13s/.*/foo 0x1/' "$task/cpu"
refused 'cpu:4: .*not a hex' sed -i '4s/0x/0y/' "$task/cpu"
refused 'cpu:[0-9]+: ' sed -i 's/^r12 .*/&\n&/' "$task/cpu"
refused "cpu:[0-9]+: " sed -i '/^r12 /d' "$task/cpu"
refused "cpu:[0-9]+: no line 'end'" sed -i '/^end$/d' "$task/cpu"
refused "signals:.* signal 9 " sed -i 's/^action 10 /action 9 /' "$task/signals"
refused 'limits:[0-9]+: ' sed -i 's/^limit nofile /limit nofiles /' "$task/limits"
# shellcheck disable=SC2016 # not for the shell
refused 'limits:[0-9]+: ' perl -pi -e 's/^(limit nofile) \d+/$1 many/' "$task/limits"
sed '5s/ .*/ junk/' before/cpu >bad
refused 'cpu:5: ' cp bad "$task/cpu"
refused 'cpu:5: ' put bad "$task/cpu"
refused 'cpu:5: ' dd if=bad of="$task/cpu" status=none
refused 'cpu: .*stays whole' mv bad "$task/cpu"
refused "cpu:[0-9]+: " start_of before/cpu "$task/cpu"
refused "cpu:[0-9]+: " truncate -s 0 "$task/cpu"
refused "cpu:[0-9]+: " put /dev/null "$task/cpu"
cp "before/$pages" short
truncate -s -4096 short
refused "$pages: .*keeps the size" cp short "$task/$pages"
refused "$pages: .*keeps the size" dd if=/dev/zero of="$task/$pages" bs=1 count=10 status=none
refused "$pages: .*keeps the size" truncate -s +4096 "$task/$pages"
# shellcheck disable=SC2016 # not for the shell
refused "$pages: .*keeps the size" sed -i '$s/$/ more/' "$task/$pages"

# what can't be edited at all
for file in task mm creds timers manifest fds/1 "${pages%pages}meta" "${pages%pages}sums"; do
	refused "$file: only cpu" sed -i 's/0/1/' "$task/$file"
done

# after all that a good one is taken, and what it changed is not lost to a bad one
sed -i 's/^r12 .*/r12 0x2222/' "$task/cpu"
sed -i 's/^r12 .*/r12 junk/' "$task/cpu" 2>/dev/null && fail "junk was taken"
printf 'x' | dd of="$task/cpu" conv=notrunc status=none 2>/dev/null && fail "dd was taken"
grep -q '^r12 0x2222$' "$task/cpu" || fail "the good edit is lost"
touch "$GO"
thaw
wait_for 10 "the process to see the edit" has_line "$OUT" '^r12 0x2222 argument argument '
finish
