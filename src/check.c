// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ckptfs --check: one table, one row per feature. Every feature is really tried, in a child where
 * it could hurt, because versions and capabilities don't tell what a container lets through.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <elf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "check.h"
#include "cred.h"
#include "pages.h"

/* Newer than our headers may be. */
#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
#define TIMER_CREATE_RESTORE_IDS 77 /* include/uapi/linux/prctl.h, Linux 6.15 */
#define TIMER_RESTORE_IDS_GET	 2
#define MAP_VDSO_64		 0x2003 /* arch/x86/include/uapi/asm/prctl.h */
#define NEW_TIME_NS		 0x00000080

/* Where a probe may say what it found. */
struct note {
	char text[128];
};

static void note(struct note *n, const char *fmt, ...) CKPT_PRINTF(2, 3);
static void note(struct note *n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(n->text, sizeof(n->text), fmt, ap);
	va_end(ap);
}

/* ---- children to try things in ---- */

static bool reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool in_child(bool (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn() ? 0 : 1);
	return pid > 0 && reap(pid);
}

/* Runs fn on a child that ptrace has stopped. */
static bool on_traced(bool (*fn)(pid_t pid, struct note *n), struct note *n)
{
	pid_t pid = fork();
	bool good;
	int status;

	if (pid < 0)
		return false;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	good = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 &&
	       ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0 &&
	       waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) && fn(pid, n);
	kill(pid, SIGKILL);
	reap(pid);
	return good;
}

static bool have_cap(int cap)
{
	struct ckpt_cred *self = ckpt_cred_self();
	bool has = self && ckpt_cred_has_cap(self, cap);

	ckpt_cred_free(self);
	return has;
}

static bool can_open(const char *path, int flags, struct note *n)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0) {
		note(n, "%s", strerror(errno));
		return false;
	}
	close(fd);
	return true;
}

/* ---- probes ---- */

static bool probe_fuse(struct note *n)
{
	return can_open("/dev/fuse", O_RDWR, n);
}

static bool probe_fusermount(struct note *n)
{
	static const char *const dirs[] = {"/usr/bin", "/bin", "/usr/local/bin"};
	char path[64];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), "%s/fusermount3", dirs[i]);
		if (access(path, X_OK) == 0) {
			note(n, "%s", path);
			return true;
		}
	}
	return false;
}

static bool read_regs(pid_t pid, struct note *n)
{
	uint64_t regs[27];
	struct iovec iov = {regs, sizeof(regs)};

	(void)n;
	return ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) == 0 && iov.iov_len == sizeof(regs);
}

static bool probe_ptrace(struct note *n)
{
	return on_traced(read_regs, n);
}

static bool probe_cap_ptrace(struct note *n)
{
	(void)n;
	return have_cap(CAP_SYS_PTRACE);
}

/* Documentation/admin-guide/LSM/Yama.rst: 1 own children only, 2 CAP_SYS_PTRACE, 3 nobody. */
static bool probe_yama(struct note *n)
{
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (!f) {
		note(n, "no Yama here");
		return true;
	}
	if (fscanf(f, "%d", &scope) != 1)
		scope = 3;
	fclose(f);
	note(n, "ptrace_scope %d", scope);
	return scope == 0 || (scope < 3 && have_cap(CAP_SYS_PTRACE));
}

/* A child's PID is free once it was reaped. Another process can take it in between: try again. */
static bool probe_set_tid(struct note *n)
{
	for (int attempt = 0; attempt < 10; attempt++) {
		struct clone_args args = {.exit_signal = SIGCHLD, .set_tid_size = 1};
		pid_t want = fork(), got;

		if (want == 0)
			_exit(0);
		if (want < 0 || !reap(want))
			return false;
		args.set_tid = (uintptr_t)&want;
		got = syscall(SYS_clone3, &args, sizeof(args));
		if (got == 0)
			_exit(0);
		if (got > 0)
			return reap(got) && got == want;
		note(n, "%s", strerror(errno));
		if (errno != EEXIST)
			return false;
	}
	return false;
}

static bool probe_mm_map(struct note *n)
{
	unsigned int size = 0;

	if (prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) == 0)
		return true;
	note(n, "%s", strerror(errno));
	return false;
}

static bool probe_vdso_child(void)
{
	char line[512];
	uint64_t start, end, vdso = 0;
	FILE *f = fopen("/proc/self/maps", "re");

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, "[vdso]") && !strstr(line, "[vvar"))
			continue;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2 ||
		    munmap((void *)(uintptr_t)start, end - start) < 0)
			return false;
		if (!vdso || start < vdso)
			vdso = start;
	}
	return syscall(SYS_arch_prctl, MAP_VDSO_64, vdso) > 0;
}

/* SIGSEGV where the kernel takes no such calls */
static bool probe_i386_child(void)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(20 /* getpid, arch/x86/entry/syscalls/syscall_32.tbl */)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret == getpid();
}

static bool probe_i386(struct note *n)
{
	(void)n;
	return in_child(probe_i386_child);
}

static bool probe_vdso(struct note *n)
{
	(void)n;
	return in_child(probe_vdso_child);
}

static bool probe_scan(struct note *n)
{
	struct ckpt_pagemap pm;
	bool good;

	(void)n;
	if (ckpt_pagemap_open(getpid(), &pm, NULL) < 0)
		return false;
	good = !pm.no_scan;
	ckpt_pagemap_close(&pm);
	return good;
}

static bool probe_pfn(struct note *n)
{
	struct ckpt_pagemap pm;
	bool good;

	(void)n;
	if (ckpt_pagemap_open(getpid(), &pm, NULL) < 0)
		return false;
	good = pm.zero_pfn && pm.kflags_fd >= 0;
	ckpt_pagemap_close(&pm);
	return good;
}

static bool probe_map_files(struct note *n)
{
	char path[96];
	uintptr_t start;
	bool good;
	void *p = mmap(NULL, CKPT_PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	start = (uintptr_t)p;
	snprintf(path, sizeof(path), "/proc/self/map_files/%" PRIxPTR "-%" PRIxPTR, start,
		 start + (uintptr_t)CKPT_PAGE_SIZE);
	good = can_open(path, O_RDONLY, n);
	munmap(p, CKPT_PAGE_SIZE);
	return good;
}

static bool probe_kcmp(struct note *n)
{
	if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILES, 0, 0) == 0)
		return true;
	note(n, "%s", strerror(errno));
	return false;
}

static bool read_rseq(pid_t pid, struct note *n)
{
	uint64_t conf[4];

	(void)n;
	return ptrace((enum __ptrace_request)PTRACE_GET_RSEQ_CONFIGURATION, pid, 24, conf) > 0;
}

static bool probe_rseq(struct note *n)
{
	return on_traced(read_rseq, n);
}

static bool probe_timers(struct note *n)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	timer_t timer;
	bool good;
	FILE *f;

	(void)n;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
		return false;
	f = fopen("/proc/self/timers", "re");
	good = f && fgetc(f) == 'I'; /* "ID: 0" */
	if (f)
		fclose(f);
	timer_delete(timer);
	return good;
}

static bool probe_timer_ids(struct note *n)
{
	(void)n;
	return prctl(TIMER_CREATE_RESTORE_IDS, TIMER_RESTORE_IDS_GET, 0, 0, 0) >= 0;
}

static bool raise_limit(void)
{
	struct rlimit low = {10, 10}, high = {20, 20};

	return setrlimit(RLIMIT_CORE, &low) == 0 && setrlimit(RLIMIT_CORE, &high) == 0;
}

static bool probe_resource(struct note *n)
{
	(void)n;
	return in_child(raise_limit);
}

static bool new_timens(void)
{
	int fd;

	if (unshare(CLONE_NEWTIME))
		return false;
	fd = open("/proc/self/timens_offsets", O_WRONLY);
	return fd >= 0 && dprintf(fd, "monotonic 1 0\n") > 0;
}

static bool probe_timens(struct note *n)
{
	(void)n;
	return in_child(new_timens);
}

static bool probe_sched(struct note *n)
{
	char line[256];
	bool good = false;
	FILE *f = fopen("/proc/self/sched", "re");

	(void)n;
	if (!f)
		return false;
	while (!good && fgets(line, sizeof(line), f))
		good = !strncmp(line, "se.exec_start", 13);
	fclose(f);
	return good;
}

static bool read_xsave(pid_t pid, struct note *n)
{
	static uint8_t area[64 << 10];
	struct iovec iov = {area, sizeof(area)};
	unsigned int eax, size = 0, ecx, edx;
	uint64_t mask;

	__cpuid_count(0xd, 0, eax, size, ecx, edx);
	if (ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &iov) < 0)
		return false;
	/* The kernel puts the mask into bytes the processor leaves to software. */
	memcpy(&mask, area + 464, sizeof(mask));
	note(n, "%zu bytes, features 0x%" PRIx64 "; cpuid says %u bytes", iov.iov_len, mask, size);
	return true;
}

static bool probe_xsave(struct note *n)
{
	return on_traced(read_xsave, n);
}

/* a child that has a filter which allows all */
static bool probe_seccomp(struct note *n)
{
	struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog prog = {1, allow};
	bool good = false;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
			_exit(1);
		raise(SIGSTOP);
		_exit(1);
	}
	if (pid > 0 && waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status)) {
		good = ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_SUSPEND_SECCOMP) == 0 &&
		       waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) &&
		       ptrace(PTRACE_SECCOMP_GET_FILTER, pid, 0, NULL) == 1;
		if (!good)
			note(n, "%s", strerror(errno));
		kill(pid, SIGKILL);
		reap(pid);
	}
	return good;
}

/* Whoever may write to the top may move processes there and back. */
static bool probe_freezer(struct note *n)
{
	static const char *const kinds[] = {"freezer", ""};
	char path[4096], seen[2 * 40] = "";

	for (size_t i = 0; i < 2; i++)
		if (ckpt_cgroup_file(kinds[i], "/", "cgroup.procs", path, sizeof(path)) &&
		    access(path, W_OK) == 0)
			snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%sversion %zu",
				 seen[0] ? ", " : "", i + 1);
	note(n, "%s", seen);
	return seen[0];
}

static bool probe_kmod(struct note *n)
{
	return can_open("/dev/ckptfs", O_RDWR, n);
}

/* ---- the table ---- */

static const struct feature {
	const char *name;
	bool (*probe)(struct note *n);
	bool required;
	bool pid;	      /* the verdict without it is "without original PIDs" */
	const char *yes, *no; /* what that means for the user */
} features[] = {
	{"/dev/fuse", probe_fuse, true, false, "file systems can be mounted",
	 "no mount: load the fuse module, or let the container have /dev/fuse"},
	{"fusermount3", probe_fusermount, false, false, "users other than root can mount",
	 "only root can mount: install fuse3"},
	{"ptrace", probe_ptrace, true, false, "tasks can be frozen and read",
	 "tasks can't be frozen: something forbids ptrace(2)"},
	{"CAP_SYS_PTRACE", probe_cap_ptrace, false, false, "everybody's tasks can be frozen",
	 "only tasks of this user can be frozen"},
	{"Yama", probe_yama, false, false, "it does not stand in the way",
	 "only children of ckptfs can be frozen: lower kernel.yama.ptrace_scope"},
	{"original PID", probe_set_tid, false, true, "a restored process gets its own PID again",
	 "a restored process gets another PID, with -o pid=any: needs CAP_CHECKPOINT_RESTORE"},
	{"PR_SET_MM_MAP", probe_mm_map, true, false,
	 "command line, environment, heap and stack are back where /proc shows them",
	 "no restore: the kernel lacks CONFIG_CHECKPOINT_RESTORE"},
	{"vdso placement", probe_vdso, true, false, "restored programs find the vdso where it was",
	 "no restore: the kernel lacks CONFIG_CHECKPOINT_RESTORE"},
	{"32-bit programs", probe_i386, false, false, "programs of i386 can be restored",
	 "programs of i386 do not run here (CONFIG_IA32_EMULATION, ia32_emulation=)"},
	{"xsave area", probe_xsave, true, false, "all vector registers are kept",
	 "no checkpoint: the vector registers can't be read"},
	{"PAGEMAP_SCAN", probe_scan, false, false, "pages are selected quickly",
	 "pages are selected through /proc/PID/pagemap: slower (Linux before 6.7)"},
	{"page frame numbers", probe_pfn, false, false,
	 "zero pages are recognized without PAGEMAP_SCAN, too",
	 "without PAGEMAP_SCAN, pages only read so far are dumped as zeros: needs CAP_SYS_ADMIN"},
	{"map_files", probe_map_files, false, false, "shared memory can be dumped",
	 "tasks with shared anonymous memory are refused: needs CAP_CHECKPOINT_RESTORE"},
	{"kcmp", probe_kcmp, false, false, "descriptors that share an open file are told apart",
	 "tasks whose descriptors may share an open file are refused (CONFIG_KCMP)"},
	{"rseq configuration", probe_rseq, true, false, "restartable sequences are kept",
	 "no checkpoint: restartable sequences can't be read (Linux before 5.13)"},
	{"/proc/PID/timers", probe_timers, true, false, "POSIX timers are kept",
	 "no checkpoint: POSIX timers can't be read (CONFIG_CHECKPOINT_RESTORE)"},
	{"timer IDs", probe_timer_ids, false, false, "POSIX timers get their IDs directly",
	 "POSIX timer IDs are reached by counting up (Linux before 6.15)"},
	{"time namespaces", probe_timens, false, false,
	 "clocks go on where they were after a reboot or on another machine",
	 "after a reboot a restored process may see its clocks jump: needs CONFIG_TIME_NS, "
	 "CAP_SYS_ADMIN and CAP_SYS_TIME"},
	{"CAP_SYS_RESOURCE", probe_resource, false, false, "resource limits can be raised again",
	 "a restored process can't get hard limits above those of ckptfs"},
	{"time left of sleeps", probe_sched, false, false,
	 "sleeps go on with the time that was left",
	 "sleeps start over after a restore: CONFIG_SCHED_DEBUG"},
	{"seccomp filters", probe_seccomp, false, false, "they are kept",
	 "tasks that have one are refused: needs CAP_SYS_ADMIN, and no filter of ckptfs's own"},
	{"cgroup freezer", probe_freezer, false, false,
	 "processes that a frozen control group holds can be copied",
	 "processes that a frozen control group holds can't be copied: no such groups, or not "
	 "ours"},
	{"/dev/ckptfs", probe_kmod, false, false, "backend kmod",
	 "backend ptrace; the kernel module is not needed"},
};

#define NFEATURES (sizeof(features) / sizeof(*features))

int ckpt_check(FILE *out)
{
	char missing[256] = "";
	bool pids = true;

	for (size_t i = 0; i < NFEATURES; i++) {
		const struct feature *f = &features[i];
		struct note n = {""};
		bool there;

		fflush(out); /* children must not print it again */
		there = f->probe(&n);
		fprintf(out, "%s: %s - %s", f->name, there ? "yes" : "no", there ? f->yes : f->no);
		if (n.text[0])
			fprintf(out, " (%s)", n.text);
		fputc('\n', out);
		if (!there && f->pid)
			pids = false;
		if (!there && f->required)
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				 "%s%s", missing[0] ? ", " : "", f->name);
	}
	if (missing[0])
		fprintf(out, "verdict: does not work: %s\n", missing);
	else
		fprintf(out, "verdict: %s\n",
			pids ? "checkpoint and restore work"
			     : "checkpoint works, restore too with -o pid=any");
	return missing[0] ? 1 : 0;
}
