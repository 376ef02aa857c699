#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# umask, nice, scheduling, affinity, limits, a name that is no text, prctl settings ...
. "${0%/*}/lib.sh"

survives state umask=027 nice=5 ioprio=0x4003 affinity=0 limits $'comm=a \x80\xff(\\b) \x01' oom=300 coredump_filter=0x7f timerslack=12345 thp_disable=1 mce_kill=0 subreaper=1 autogroup=7 batch-slice=7000000 merge=1 futex-hash=32 pdeathsig=12 keepcaps dumpable=0 robust tid_address ignore=13 "chdir=$T"
