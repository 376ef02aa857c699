#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shells that run a script and have no child at that moment: busy with builtins, waiting in read.
. "${0%/*}/lib.sh"

cat >script <<'END'
# Only what every shell has; the sum shows whether a step was lost or made twice.
trap 'signals=$((signals + 1))' USR1
count() { i=$((i + 1)); sum=$((sum + i)); }
i=0 sum=0 signals=0 text='a b'
set -- one "two  three" ''
echo ready
while [ ! -e "$GO_FILE" ]; do
	count
done
while read -r line; do last=$line; done <"$0"
[ "$sum" = $((i * (i + 1) / 2)) ] || echo "FAIL: $i makes $sum"
[ "$#/$2/$text" = '3/two  three/a b' ] || echo "FAIL: $#/$2/$text"
[ "$signals" = 1 ] || echo "FAIL: $signals signals"
[ "$last" = 'echo PASS # the last line' ] || echo "FAIL: $last"
[ "$(echo fine)" = fine ] || echo 'FAIL: no children'
echo PASS # the last line
END
cat >waits.bash <<'END'
declare -A map=([key]='value of key')
list=({1..2000})
exec {own}<><(:)
wait
echo ready
while [[ ! -e $GO_FILE ]]; do
	read -r -t 0.05 -u "$own" line
	((n++))
done
[[ ${map[key]} = 'value of key' && ${#list[@]} = 2000 && ${list[1999]} = 2000 ]] || echo FAIL: arrays
echo into >&"$own"
read -r -t 5 -u "$own" line
[[ $line = into ]] || echo "FAIL: its pipe gives '$line'"
[[ $(cat <<<"$n") -gt 0 ]] || echo FAIL: here
echo PASS
END
chmod 755 script waits.bash

# runs SHELL SCRIPT
runs() {
	OUT=$T/${1##*/}.$2
	command -v "$1" >/dev/null || { echo "no $1" && return; }
	rm -f "$GO"
	spawn -o "$OUT" -e "$OUT.err" env -i "GO_FILE=$GO" PATH="$PATH" "$(command -v "$1")" "$T/$2"
	wait_for 10 "$1 to be ready" has_line "$OUT" '^ready$'
	checkpoint
	restore
	restored
	[[ $2 != script ]] || kill -USR1 "$PID"
	finish
	[[ ! -s $OUT.err ]] || fail "$1: $(<"$OUT.err")"
}

mount_ckpt
for shell in bash dash ksh zsh mksh; do
	runs "$shell" script
done
runs bash waits.bash
