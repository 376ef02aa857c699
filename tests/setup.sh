#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# setup.sh [build|check|lint|fuzz]: installs from Debian's archive what building (testing, linting)
# needs. Does nothing when all of it is there. Who is not root is told what is missing.

set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive

build=(gcc libc6-dev make pkg-config libfuse3-dev fuse3 libproc2-dev zlib1g-dev libxxhash-dev)
build+=(xz-utils procps mount) # what the demonstration runs
check=(check strace rsync tar gzip sqlite3 perl python3 util-linux coreutils diffutils vim-tiny musl-tools ed patch)

fuzz=(clang libclang-rt-14-dev)
lint=(check clang-format clang-tidy cppcheck shellcheck)

wanted=("${build[@]}")
case ${1:-build} in
check) wanted+=("${check[@]}") ;;
lint) wanted+=("${lint[@]}") ;;
fuzz) wanted+=("${check[@]}" "${fuzz[@]}") ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "setup: not a Debian system; these packages of Debian 12 are needed, whatever they" \
		"are called here: ${wanted[*]}" >&2
	exit 0
fi

missing=()
for package in "${wanted[@]}"; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[[ $state = installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ((EUID != 0)); then
	echo "setup: missing, to be installed by root: apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "setup: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# That one of its sources can't be read (a CD, a lock held by the daily update) does not matter
# when the packages come from another.
install_missing() {
	apt-get update -qq || true
	apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}"
}
if ! install_missing >"$log" 2>&1 </dev/null; then
	tail -n 20 "$log" >&2
	echo "setup: apt-get failed" >&2
	exit 1
fi
