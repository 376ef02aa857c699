#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Register, argument, memory, limits, signal mask and handler of a frozen process are edited with
# sed and dd; it runs on with them, and nobody else sees a difference.
. "${0%/*}/lib.sh"

# poke ADDRESS TEXT: into the frozen process, at the place that the runs of its mapping tell.
poke() {
	local addr=$(($1)) dir name=0 start npages source offset key
	for dir in "$MNT/$PID"/vmas/*; do
		((16#${dir##*/} <= addr)) && name=$dir
	done
	while read -r key start npages source offset; do
		[[ $key = run && $source = here ]] || continue
		((addr >= start && addr < start + npages * 4096)) || continue
		printf '%s\0' "$2" | dd of="$name/pages" bs=1 conv=notrunc status=none \
			seek=$((offset * 4096 + addr - start))
		return
	done <"$name/meta"
	fail "no run of $name has $1"
}
count() { grep -c '^r12' "$OUT" || true; }
said() { (($(count) >= $1)); }

mount_ckpt
start edit argument
has_line "$OUT" '^argument at' || fail "$(cat "$OUT")"
read -r _ _ argument _ _ page _ one _ two <"$OUT"
began=$(cut -d' ' -f22 "/proc/$PID/stat")

freeze
[[ $(sed -n 's/^r12 //p' "$MNT/$PID/cpu") = 0x1111 ]] || fail "it does not spin on r12"
cp -a "$MNT/$PID" before
sed -i 's/^r12 .*/r12 0x2222/' "$MNT/$PID/cpu"
sed -Ei 's/^(limit nofile) [0-9]+ /\1 77 /' "$MNT/$PID/limits"
sed -i "s/^action 10 $one /action 10 $two /" "$MNT/$PID/signals"
poke "$argument" ARGUMENT
poke $((page + (2 << 20))) 'in its memory'
grep -q '^r12 0x2222$' "$MNT/$PID/cpu" || fail "cpu does not show the edit"
[[ $(find "$MNT/$PID" -type f -newer before/manifest | wc -l) = 8 ]] ||
	fail "new: $(find "$MNT/$PID" -type f -newer before/manifest)"
said 1 && fail "it ran"
thaw
wait_for 10 "the process to see the edit" said 1
hard=$(sed -nE 's/^limit nofile [0-9]+ //p' before/limits)
has_line "$OUT" "^r12 0x2222 argument ARGUMENT page in its memory nofile 77 $hard usr1 free by two$" ||
	fail "the edit is not what it sees"

# and again, with what the first edit left
freeze
sed -i 's/^r12 .*/r12 0x3333/' "$MNT/$PID/cpu"
sed -Ei 's/^blocked .*/blocked 0x200/' "$MNT/$PID/signals"
poke "$argument" second
poke "$argument" third.
thaw
wait_for 10 "the process to see the second edit" said 2
has_line "$OUT" "^r12 0x3333 argument third. page in its memory nofile 77 $hard usr1 blocked by nobody$" ||
	fail "the second edit is not what it sees: $(tail -n 1 "$OUT")"
[[ $(cut -d' ' -f22 "/proc/$PID/stat") = "$began" ]] || fail "it is another process"
touch "$GO"
freeze
sed -i 's/^r12 .*/r12 0x4444/' "$MNT/$PID/cpu"
thaw
finish
