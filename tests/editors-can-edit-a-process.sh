#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every editor does it another way: in place, a temporary file that is renamed, a backup, a swap
# file. All of them can change a frozen process, and leave nothing behind.
. "${0%/*}/lib.sh"

by_sed() { sed -i "s/^r12 .*/r12 $1/" cpu; }
by_sed_backup() { sed -i.bak "s/^r12 .*/r12 $1/" cpu; }
by_perl() { perl -pi -e "s/^r12 .*/r12 $1/" cpu; }
by_patch() { sed "s/^r12 .*/r12 $1/" cpu | diff -u cpu - | patch -s cpu; }
by_ed() { printf '/^r12 /c\nr12 %s\n.\nw\nq\n' "$1" | ed -s cpu; }
by_ex() { vim.tiny -u NONE -es +"%s/^r12 .*/r12 $1/" +wq cpu; }
by_vim() { vim.tiny -u NONE -N -n -es +"%s/^r12 .*/r12 $1/" +wq cpu; }
by_vim_backup() {
	vim.tiny -u NONE -N -es +'set backup backupcopy=no writebackup' +"%s/^r12 .*/r12 $1/" +wq cpu
}
by_cp() { sed "s/^r12 .*/r12 $1/" cpu >"$T/new" && cp "$T/new" cpu; }
by_mv() { sed "s/^r12 .*/r12 $1/" cpu >new && mv new cpu; }
by_cat() { sed "s/^r12 .*/r12 $1/" cpu >"$T/new" && cat "$T/new" >cpu; }
by_tee() { sed "s/^r12 .*/r12 $1/" cpu >"$T/new" && tee cpu <"$T/new" >"$T/tee"; }
by_rsync() { sed "s/^r12 .*/r12 $1/" cpu >"$T/cpu" && rsync -I "$T/cpu" cpu; }
by_install() { sed "s/^r12 .*/r12 $1/" cpu >"$T/new" && dd if="$T/new" of=cpu status=none; }
by_python() {
	"$PYTHON" - "$1" <<'END'
import re, sys
with open('cpu', 'r+') as f:
    text = re.sub('(?m)^r12 .*$', 'r12 ' + sys.argv[1], f.read())
    f.seek(0)
    f.truncate()
    f.write(text)
END
}

mount_ckpt
start edit argument
freeze
cd "$MNT/$PID"
cp -a . "$T/before"
value=0x20
for editor in sed sed_backup perl patch ed ex vim vim_backup cp mv cat tee rsync install python; do
	((value += 1))
	want=$(printf '%#x' $value)
	timeout 20 bash -c "$(declare -f "by_$editor"); PYTHON=$PYTHON; by_$editor $want" ||
		fail "$editor: exit status $?"
	grep -q "^r12 $want$" cpu || fail "$editor: $(grep '^r12' cpu)"
	sed "s/^r12 .*/r12 $want/" "$T/before/cpu" | cmp - cpu || fail "$editor changed more"
	[[ $(stat -c '%s %h %a' cpu) = "$(wc -c <cpu) 1 600" ]] || fail "$editor: $(stat cpu)"
	[[ $(ls -A) = $(ls -A "$T/before") ]] || fail "$editor leaves something: $(ls -A)"
done
cd "$T"
grep -vF cpu before/manifest >expected
grep -vF cpu "$MNT/$PID/manifest" | diff expected - || fail "more than cpu has changed"
touch "$GO"
thaw
wait_for 10 "the process to see the edit" has_line "$OUT" "^r12 $want argument argument "
finish
