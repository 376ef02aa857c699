# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What /proc says of a process, without what must differ: for comparing before with after.

# shellcheck disable=SC2034
STAT_FIELDS=(pid comm state ppid pgrp session tty_nr tpgid flags minflt cminflt majflt cmajflt utime
	stime cutime cstime priority nice num_threads itrealvalue starttime vsize rss rsslim startcode
	endcode startstack kstkesp kstkeip signal blocked sigignore sigcatch wchan nswap cnswap
	exit_signal processor rt_priority policy delayacct guest cguest start_data end_data start_brk
	arg_start arg_end env_start env_end exit_code)

# Faults, times, residency and the place in the kernel differ; so may two bits of flags that say
# how a process came to be (PF_FORKNOEXEC, PF_SUPERPRIV) and that it has used vector registers.
stat_of() {
	local stat comm rest i=2 name value
	stat=$(<"/proc/$1/stat")
	comm=${stat#*(}
	comm=${comm%)*}
	rest=${stat##*) }
	printf 'comm %s\n' "$comm"
	for value in $rest; do
		name=${STAT_FIELDS[i++]}
		case $name in
		state | minflt | cminflt | majflt | cmajflt | utime | stime | starttime | rss | kstkesp | \
			kstkeip | processor | wchan | delayacct | guest | flags) ;;
		*) printf '%s %s\n' "$name" "$value" ;;
		esac
	done
}

# The inode of what has no name is that of a file that is made anew.
maps_of() {
	sed -E 's|[0-9a-f]+:[0-9a-f]+ [0-9]+ +(/.* \(deleted\))$|\1|' "/proc/$1/maps"
}

smaps_flags_of() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / { where = $1 } /^VmFlags:/ { print where, $0 }' "/proc/$1/smaps"
}

status_of() {
	grep -vE '^(State|VmPeak|VmHWM|VmRSS|RssAnon|RssFile|RssShmem|VmPTE|VmSwap|TracerPid|SigQ|Cpus_allowed|Mems_allowed|voluntary_ctxt|nonvoluntary_ctxt)' "/proc/$1/status"
	grep -E '^(Cpus_allowed|Mems_allowed)' "/proc/$1/status"
}

fds_of() {
	local fd
	for fd in "/proc/$1/fd"/*; do
		# pipes are numbered anew
		printf '%s -> %s\n' "${fd##*/}" "$(readlink "$fd" | sed 's/^pipe:.*/pipe/')"
		grep -E '^(pos|flags|lock):' "/proc/$1/fdinfo/${fd##*/}"
	done
}

# see PID DIRECTORY: writes it all there.
see() {
	local name
	mkdir -p "$2"
	for name in cmdline environ auxv comm limits personality timerslack_ns oom_score_adj \
		coredump_filter cgroup uid_map loginuid; do
		[[ ! -r /proc/$1/$name ]] || cat "/proc/$1/$name" >"$2/$name"
	done
	for name in exe cwd root; do
		readlink "/proc/$1/$name" >"$2/$name"
	done
	stat_of "$1" >"$2/stat"
	maps_of "$1" >"$2/maps"
	smaps_flags_of "$1" >"$2/smaps"
	status_of "$1" >"$2/status"
	fds_of "$1" >"$2/fds"
	stat -c '%u %g' "/proc/$1" >"$2/owner"
	sed -n 's/.* nice/nice/p' "/proc/$1/autogroup" >"$2/autogroup" 2>/dev/null || true
	grep -E '^(ID|signal|notify|ClockID)' "/proc/$1/timers" >"$2/timers" 2>/dev/null || true
	{ chrt -p "$1" && ionice -p "$1"; } >"$2/scheduling"
	ps -o pid=,ppid=,pgid=,sid=,tty=,nice=,pri=,cls=,psr= -p "$1" | sed 's/ [0-9]*$//' >"$2/ps"
}
