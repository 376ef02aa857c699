#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ckptfs(5) names every file and every key of the tree, and no other key.
. "${0%/*}/lib.sh"

"$BUILD/list_keys" >keys
(($(wc -l <keys) > 100)) || fail "the tables list too little"
page=$SRC/man/ckptfs.5
[[ -s $page ]] || fail "there is no ckptfs(5)"
# In the page a file is a line ".SS NAME", and each of its keys starts a tagged paragraph: ".TP",
# then ".B KEY" or ".BI KEY ..." or \fBKEY\fR ....
awk '
	{ gsub(/\\-/, "-") }
	/^\.S[SH] / { file = $0; sub(/^\.S[SH] +/, "", file); gsub(/"|\\f[BIRP]/, "", file); next }
	/^\.T[PQ]/ { tagged = 1; next }
	tagged {
		tagged = 0
		line = $0
		sub(/^\.B[IR]* +/, "", line)
		gsub(/"|\\f[BIRP]/, "", line)
		split(line, word, " ")
		print file, word[1]
	}' "$page" | sort -u >documented
missing=$(sort -u keys | comm -23 - documented)
[[ -z $missing ]] || fail "not in ckptfs(5): $missing"
files=$(cut -d ' ' -f 1 keys | sort -u | tr '\n' '|')
extra=$(sort -u keys | comm -13 - documented | grep -E "^(${files%|}) " || true)
[[ -z $extra ]] || fail "in ckptfs(5), but no key: $extra"
man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>warnings >/dev/null || true
[[ ! -s warnings ]] || ! command -v man >/dev/null || fail "man: $(cat warnings)"
