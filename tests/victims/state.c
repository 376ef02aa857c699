// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Everything a process can ask about itself: state GO [SETTING...] applies the settings, writes
 * down what it sees, and compares when it may go.
 */
#include <grp.h>
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "victim.h"

#ifndef PR_GET_MDWE
#define PR_GET_MDWE 66
#endif
#define TEXT		  65536
#define FUTEX_HASH	  78 /* PR_FUTEX_HASH, Linux 6.16 */
#define ARCH_GET_CPUID_NR 0x1011

struct text {
	char v[TEXT];
	size_t len;
};

static void say(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->len += vsnprintf(t->v + t->len, TEXT - t->len, fmt, ap);
	va_end(ap);
}

static void say_file(struct text *t, const char *path, const char *const *keys)
{
	char line[1024];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		for (size_t i = 0; !keys || keys[i]; i++)
			if (!keys || strncmp(line, keys[i], strlen(keys[i])) == 0) {
				say(t, "%s: %s", path, line);
				break;
			}
	if (f)
		fclose(f);
}

static void say_link(struct text *t, const char *path)
{
	char to[4096];
	ssize_t n = readlink(path, to, sizeof(to) - 1);

	say(t, "%s -> %.*s\n", path, (int)(n < 0 ? 0 : n), to);
}

struct sched_attr_all {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static void say_sched(struct text *t)
{
	struct sched_attr_all a = {.size = sizeof(a)};

	syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0);
	say(t, "sched %u flags %lu nice %d priority %u %lu %lu %lu\n", a.policy, a.flags, a.nice,
	    a.priority, a.runtime, a.deadline, a.period);
}

/* "/autogroup-356 nice 5": the number is that of the session. */
static void say_autogroup(struct text *t)
{
	char line[80] = "";
	const char *nice;
	FILE *f = fopen("/proc/self/autogroup", "re");

	if (f && fgets(line, sizeof(line), f)) {
		nice = strchr(line, ' ');
		say(t, "autogroup %s", nice ? nice : line);
	}
	if (f)
		fclose(f);
}

static void say_prctl(struct text *t, const char *name, int option)
{
	say(t, "%s %d\n", name, prctl(option, 0, 0, 0, 0));
}

static void say_prctl_ptr(struct text *t, const char *name, int option)
{
	unsigned long v = 0; /* some write an int, one a pointer */

	prctl(option, &v, 0, 0, 0);
	say(t, "%s %#lx\n", name, v);
}

static void see(struct text *t)
{
	static const char *const keys[] = {"Uid",	 "Gid",
					   "Groups",	 "CapInh",
					   "CapPrm",	 "CapEff",
					   "CapBnd",	 "CapAmb",
					   "NoNewPrivs", "Seccomp:",
					   "SigBlk",	 "SigIgn",
					   "SigCgt",	 "Cpus_allowed_list",
					   "Umask",	 "THP_enabled",
					   "Name",	 "NSsid",
					   NULL};
	struct sched_param param = {0};
	struct rlimit lim;
	mode_t mask = umask(0);
	uid_t r, e, s;
	gid_t g, eg, sg;
	cpu_set_t cpus;
	void *head = NULL;
	size_t len = 0;

	umask(mask);
	say(t, "umask %o\n", mask);
	getresuid(&r, &e, &s);
	getresgid(&g, &eg, &sg);
	say(t, "uids %d %d %d %d\n", r, e, s, setfsuid(-1));
	say(t, "gids %d %d %d %d\n", g, eg, sg, setfsgid(-1));
	say(t, "pid %d tid %ld\n", getpid(), syscall(SYS_gettid));
	say_file(t, "/proc/self/status", keys);
	say_file(t, "/proc/self/oom_score_adj", NULL);
	say_file(t, "/proc/self/coredump_filter", NULL);
	say_file(t, "/proc/self/timerslack_ns", NULL);
	say_file(t, "/proc/self/loginuid", NULL);
	say(t, "\n"); /* it has no end of line */
	say_file(t, "/proc/self/personality", NULL);
	say_file(t, "/proc/self/cgroup", NULL);
	say_link(t, "/proc/self/cwd");
	say_link(t, "/proc/self/root");
	say_link(t, "/proc/self/exe");
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		getrlimit(i, &lim);
		say(t, "rlimit %d %lu %lu\n", i, lim.rlim_cur, lim.rlim_max);
	}
	say(t, "personality %#x\n", personality(0xffffffff));
	errno = 0;
	say(t, "nice %d\n", getpriority(PRIO_PROCESS, 0));
	sched_getparam(0, &param);
	say(t, "policy %d priority %d\n", sched_getscheduler(0), param.sched_priority);
	say(t, "ioprio %ld\n", syscall(SYS_ioprio_get, 1, 0));
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (int i = 0; i < 64; i++)
		say(t, "%d", CPU_ISSET(i, &cpus) != 0);
	say(t, " affinity\n");
	syscall(SYS_get_robust_list, 0, &head, &len);
	say(t, "robust list %p %zu\n", head, len);
	say_prctl(t, "dumpable", PR_GET_DUMPABLE);
	say_prctl(t, "keepcaps", PR_GET_KEEPCAPS);
	say_prctl(t, "securebits", PR_GET_SECUREBITS);
	say_prctl(t, "no_new_privs", PR_GET_NO_NEW_PRIVS);
	say_prctl(t, "timerslack", PR_GET_TIMERSLACK);
	say_prctl(t, "thp_disable", PR_GET_THP_DISABLE);
	say_prctl(t, "mce_kill", PR_MCE_KILL_GET);
	say_prctl(t, "io_flusher", PR_GET_IO_FLUSHER);
	say_prctl(t, "mdwe", PR_GET_MDWE);
	say_prctl(t, "memory_merge", 68);
	say(t, "futex hash %d\n", prctl(FUTEX_HASH, 2, 0, 0, 0));
	say(t, "cpuid %ld\n", syscall(SYS_arch_prctl, ARCH_GET_CPUID_NR, 0));
	for (int i = 0; i < 3; i++)
		say(t, "speculation %d %d\n", i, prctl(PR_GET_SPECULATION_CTRL, i, 0, 0, 0));
	say_sched(t);
	say_autogroup(t);
	say_prctl_ptr(t, "pdeathsig", PR_GET_PDEATHSIG);
	say_prctl_ptr(t, "child_subreaper", PR_GET_CHILD_SUBREAPER);
	say_prctl_ptr(t, "tsc", PR_GET_TSC);
	say_prctl_ptr(t, "clear_child_tid", PR_GET_TID_ADDRESS);
}

/* Fair: runtime is the slice; deadline has flags. */
static void set_sched(uint32_t policy, uint64_t runtime, uint64_t flags)
{
	struct sched_attr_all a = {.size = sizeof(a), .policy = policy, .runtime = runtime};

	if (policy == 6) {
		a.deadline = 10 * runtime;
		a.period = 20 * runtime;
		a.flags = flags;
	}
	MUST(syscall(SYS_sched_setattr, 0, &a, 0) == 0);
}

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	MUST(fd >= 0 && write(fd, text, strlen(text)) > 0);
	close(fd);
}

static void set_limits(void)
{
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit lim;

		getrlimit(i, &lim);
		if (i == RLIMIT_AS || i == RLIMIT_DATA || i == RLIMIT_STACK || i == RLIMIT_NICE ||
		    i == RLIMIT_RTPRIO)
			continue;
		if (lim.rlim_max > 1000000 + (rlim_t)i)
			lim.rlim_max = 1000000 + i;
		if (lim.rlim_cur > 1000 + (rlim_t)i)
			lim.rlim_cur = 1000 + i;
		MUST(setrlimit(i, &lim) == 0);
	}
}

static void apply(char *setting)
{
	char *value = strchr(setting, '=');
	long n = value ? strtol(value + 1, NULL, 0) : 0;
	struct sched_param param = {0};
	gid_t groups[] = {7, 100, 4000000000u};
	cpu_set_t cpus;

	if (value)
		*value++ = '\0';
	if (!strcmp(setting, "umask")) {
		umask(n);
	} else if (!strcmp(setting, "nice")) {
		MUST(setpriority(PRIO_PROCESS, 0, n) == 0);
	} else if (!strcmp(setting, "policy")) {
		MUST(sched_setscheduler(0, n, &param) == 0);
	} else if (!strcmp(setting, "rr")) {
		param.sched_priority = n;
		MUST(sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param) == 0);
	} else if (!strcmp(setting, "ioprio")) {
		MUST(syscall(SYS_ioprio_set, 1, 0, n) == 0);
	} else if (!strcmp(setting, "affinity")) {
		CPU_ZERO(&cpus);
		CPU_SET(n, &cpus);
		MUST(sched_setaffinity(0, sizeof(cpus), &cpus) == 0);
	} else if (!strcmp(setting, "limits")) {
		set_limits();
	} else if (!strcmp(setting, "comm")) {
		MUST(prctl(PR_SET_NAME, value) == 0);
	} else if (!strcmp(setting, "dumpable")) {
		MUST(prctl(PR_SET_DUMPABLE, n) == 0);
	} else if (!strcmp(setting, "subreaper")) {
		MUST(prctl(PR_SET_CHILD_SUBREAPER, n) == 0);
	} else if (!strcmp(setting, "pdeathsig")) {
		MUST(prctl(PR_SET_PDEATHSIG, n) == 0);
	} else if (!strcmp(setting, "nnp")) {
		MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	} else if (!strcmp(setting, "timerslack")) {
		MUST(prctl(PR_SET_TIMERSLACK, n) == 0);
	} else if (!strcmp(setting, "thp_disable")) {
		MUST(prctl(PR_SET_THP_DISABLE, n, 0, 0, 0) == 0);
	} else if (!strcmp(setting, "mce_kill")) {
		MUST(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, n, 0, 0) == 0);
	} else if (!strcmp(setting, "io_flusher")) {
		/* Needs CAP_SYS_RESOURCE, which containers take away. */
		if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) != 0)
			dprintf(1, "note: no io_flusher\n");
	} else if (!strcmp(setting, "keepcaps")) {
		MUST(prctl(PR_SET_KEEPCAPS, 1) == 0);
	} else if (!strcmp(setting, "securebits")) {
		MUST(prctl(PR_SET_SECUREBITS, n) == 0);
	} else if (!strcmp(setting, "oom")) {
		put_file("/proc/self/oom_score_adj", value);
	} else if (!strcmp(setting, "coredump_filter")) {
		put_file("/proc/self/coredump_filter", value);
	} else if (!strcmp(setting, "autogroup")) {
		put_file("/proc/self/autogroup", value);
	} else if (!strcmp(setting, "loginuid")) {
		if (access("/proc/self/loginuid", F_OK) == 0)
			put_file("/proc/self/loginuid", value);
	} else if (!strcmp(setting, "slice")) {
		set_sched(0, n, 0);
	} else if (!strcmp(setting, "batch-slice")) {
		set_sched(SCHED_BATCH, n, 0);
	} else if (!strcmp(setting, "deadline")) {
		set_sched(6, n, 2);
	} else if (!strcmp(setting, "deadline-overrun")) {
		signal(SIGXCPU, SIG_IGN);
		set_sched(6, n, 6);
	} else if (!strcmp(setting, "mdwe")) {
		if (prctl(65, n, 0, 0, 0) != 0)
			dprintf(1, "note: no mdwe\n");
	} else if (!strcmp(setting, "merge")) {
		if (prctl(67, 1, 0, 0, 0) != 0)
			dprintf(1, "note: no memory_merge\n");
	} else if (!strcmp(setting, "futex-hash")) {
		if (prctl(FUTEX_HASH, 1, n, 0, 0) != 0)
			dprintf(1, "note: no futex hash\n");
	} else if (!strcmp(setting, "personality")) {
		MUST(personality(n) != -1);
	} else if (!strcmp(setting, "chdir")) {
		MUST(chdir(value) == 0);
	} else if (!strcmp(setting, "chroot")) {
		MUST(chroot(value) == 0);
	} else if (!strcmp(setting, "groups")) {
		MUST(setgroups(3, groups) == 0);
	} else if (!strcmp(setting, "gids")) {
		MUST(setresgid(n, n + 1, n + 2) == 0);
	} else if (!strcmp(setting, "uids")) { /* the last setting */
		MUST(setresuid(n, n + 1, n + 2) == 0);
	} else if (!strcmp(setting, "fsuid")) {
		setfsuid(n);
	} else if (!strcmp(setting, "robust")) {
		static uint64_t head[3];

		MUST(syscall(SYS_set_robust_list, head, 24) == 0);
	} else if (!strcmp(setting, "tid_address")) {
		static int tid;

		syscall(SYS_set_tid_address, &tid);
	} else if (!strcmp(setting, "ignore")) {
		signal(n, SIG_IGN);
	} else {
		dprintf(1, "FAIL: no setting '%s'\n", setting);
		_exit(1);
	}
}

int main(int argc, char **argv)
{
	struct text *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	char *p, *q;

	MUST(argc > 1 && a && b);
	for (int i = 2; i < argc; i++)
		apply(argv[i]);
	see(a);
	victim_ready();
	victim_wait(argv[1]);
	see(b);
	p = a->v;
	q = b->v;
	while (*p && *q) {
		size_t n = strcspn(p, "\n"), m = strcspn(q, "\n");

		CHECK(n == m && memcmp(p, q, n) == 0, "was '%.*s', is '%.*s'", (int)n, p, (int)m,
		      q);
		p += n + 1;
		q += m + 1;
	}
	CHECK(!*p && !*q, "one has more than the other: '%.50s' '%.50s'", p, q);
	return victim_end();
}
