// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes skeletons: clone3 with set_tid, exec of the blank program, the boot mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "backend.h"
#include "machine.h"
#include "proc.h"
#include "restore_objects.h"
#include "skeleton.h"
#include "vma_nodes.h"

#define BOOT_CODE      CKPT_PAGE_SIZE
#define BOOT_SIZE      (BOOT_CODE + CKPT_SCRATCH_SIZE)
#define LOWEST	       0x20000ull /* above vm.mmap_min_addr as Debian sets it, and the blank */
#define ZOMBIE_WAIT_MS 4000
#define ZOMBIE_STEP_MS 20
#define REAP_MS	       2000

extern const char ckpt_blank_start[], ckpt_blank_end[], ckpt_blank32_start[], ckpt_blank32_end[];

/* By ckpt_task_is_i386(). */
static struct blank {
	const char *start, *end;
	uint64_t syscall; /* offset of the syscall instruction from _start in blank*.S */
	uint64_t highest; /* end of the address space */
	int fd;
} blanks[] = {
	{ckpt_blank_start, ckpt_blank_end, 10, 0x7ffffffff000, -1},
	/* IA32_PAGE_OFFSET, arch/x86/include/asm/page_64_types.h */
	{ckpt_blank32_start, ckpt_blank32_end, 13, 0xffffe000, -1},
};
static pthread_once_t blank_once = PTHREAD_ONCE_INIT;

static void make_blanks(void)
{
	for (struct blank *b = blanks; b < blanks + 2; b++) {
		size_t size = (size_t)(b->end - b->start);

		b->fd = memfd_create("ckptfs-blank", MFD_CLOEXEC);
		if (b->fd >= 0 && write(b->fd, b->start, size) != (ssize_t)size) {
			close(b->fd);
			b->fd = -1;
		}
	}
}

static const struct blank *blank_of(const struct ckpt_skeleton *s)
{
	return &blanks[ckpt_task_is_i386(s->task)];
}

/* ---- between clone and exec: raw system calls only, other threads may hold libc's locks ---- */

static long raw_clone3(struct clone_args *args)
{
	return syscall(SYS_clone3, args, sizeof(*args));
}

/* In the skeleton: waits until it is traced, then becomes the blank. Without its tracer it
 * reads the end of the pipe and ends. */
static void __attribute__((noreturn)) skeleton_main(int blank, const int go[2], int tell)
{
	static const char *const none[] = {NULL};
	char byte;

	/* who waits at the other ends must not wait for us */
	syscall(SYS_close, tell);
	syscall(SYS_close, go[1]);
	if (syscall(SYS_read, go[0], &byte, 1) == 1)
		syscall(SYS_execveat, blank, "", none, none, AT_EMPTY_PATH);
	syscall(SYS_exit_group, 126);
	__builtin_unreachable();
}

/* What the intermediate child says of its end: a PID, or which step failed with -errno. */
struct told {
	long got;
	bool timens;
};

/* Children to come are born into a new time namespace, whose offsets can be set as long as it is
 * empty (time_namespaces(7)). */
static long enter_timens(const char *offsets, size_t len)
{
	long fd;

	if (syscall(SYS_unshare, CLONE_NEWTIME))
		return -errno;
	fd = syscall(SYS_open, "/proc/self/timens_offsets", O_WRONLY);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_write, fd, offsets, len) != (long)len)
		return -errno;
	syscall(SYS_close, fd);
	return 0;
}

/* In the intermediate child: it ends at once, so that init (or the nearest subreaper) is the
 * parent of the skeleton. */
static void __attribute__((noreturn))
parent_main(const struct ckpt_skeleton *s, pid_t want, const int go[2], int tell)
{
	pid_t set_tid = want; /* 0: any */
	size_t len = strlen(s->timens.text);
	struct clone_args args;
	struct told told = {0, false};

	if (len)
		told.got = enter_timens(s->timens.text, len);
	if (told.got) {
		told.timens = true;
		syscall(SYS_write, tell, &told, sizeof(told));
		syscall(SYS_exit_group, 0);
	}
	memset(&args, 0, sizeof(args));
	args.exit_signal = SIGCHLD;
	args.set_tid = want ? (uintptr_t)&set_tid : 0;
	args.set_tid_size = want ? 1 : 0;
	told.got = raw_clone3(&args);
	if (told.got == 0)
		skeleton_main(blank_of(s)->fd, go, tell);
	if (told.got < 0)
		told.got = -errno;
	syscall(SYS_write, tell, &told, sizeof(told));
	syscall(SYS_exit_group, 0);
	__builtin_unreachable();
}

static int pid_taken(pid_t pid, struct ckpt_err *err)
{
	char comm[32], state = ckpt_proc_state(pid);

	if (!state)
		return ckpt_fail(err, EEXIST,
				 "PID %d is taken: it still names a process group or session, or a "
				 "thread of another process",
				 pid);
	ckpt_proc_comm(pid, comm, sizeof(comm));
	if (state == 'Z')
		return ckpt_fail(
			err, EEXIST,
			"PID %d is taken: %s has ended but its parent %d has not reaped it", pid,
			comm, (int)ckpt_proc_stat(pid, 4));
	return ckpt_fail(err, EEXIST, "PID %d is taken by process %d (%s)", pid, pid, comm);
}

static int clone_failed(pid_t pid, int code, struct ckpt_err *err)
{
	if (code == EEXIST)
		return pid_taken(pid, err);
	if (code == EPERM)
		return ckpt_fail(err, EPERM, "PID %d: choosing a PID needs CAP_CHECKPOINT_RESTORE",
				 pid);
	if (code == EINVAL)
		return ckpt_fail(err, EINVAL, "PID %d is above kernel.pid_max", pid);
	return ckpt_fail(err, code, "PID %d: clone3: %s", pid, strerror(code));
}

/* Forks the intermediate child and learns what became of the skeleton: its PID in *pid. */
static int clone_skeleton(const struct ckpt_skeleton *s, pid_t want, const int go[2], pid_t *pid,
			  struct ckpt_err *err)
{
	struct told told = {-ECHILD, false};
	struct clone_args args;
	int tell[2], status;
	long child;

	if (pipe2(tell, O_CLOEXEC))
		return ckpt_fail_sys(err, "pipe");
	memset(&args, 0, sizeof(args));
	args.exit_signal = SIGCHLD;
	child = raw_clone3(&args);
	if (child == 0)
		parent_main(s, want, go, tell[1]);
	close(tell[1]);
	if (child < 0) {
		close(tell[0]);
		return ckpt_fail_sys(err, "clone3");
	}
	if (read(tell[0], &told, sizeof(told)) != (ssize_t)sizeof(told))
		told = (struct told){-ECHILD, false};
	close(tell[0]);
	while (waitpid((pid_t)child, &status, __WALL) < 0 && errno == EINTR)
		;
	if (told.timens)
		return ckpt_fail(err, (int)-told.got,
				 "task: clock_monotonic: no time namespace: %s; a line 'clocks "
				 "ignore' does without",
				 strerror((int)-told.got));
	if (told.got < 0)
		return clone_failed(want, (int)-told.got, err);
	*pid = (pid_t)told.got;
	return 0;
}

/* A process that was killed a moment ago holds its PID until its parent has reaped it: give a
 * parent that does so the time, before saying that it does not. */
static int clone_patiently(struct ckpt_skeleton *s, const int go[2], struct ckpt_err *err)
{
	pid_t pid = s->task->header.pid;
	int ret;

	for (unsigned int waited = 0;; waited += ZOMBIE_STEP_MS) {
		ret = clone_skeleton(s, pid, go, &s->pid, err);
		if (ret != -EEXIST || waited >= ZOMBIE_WAIT_MS)
			return ret;
		if (ckpt_proc_state(pid) && !strchr("ZX", ckpt_proc_state(pid)))
			return ret;
		nanosleep(&(struct timespec){.tv_nsec = ZOMBIE_STEP_MS * 1000000}, NULL);
	}
}

bool ckpt_skeleton_may_choose(const struct ckpt_cred *who)
{
	return ckpt_cred_has_cap(who, CAP_CHECKPOINT_RESTORE) ||
	       ckpt_cred_has_cap(who, CAP_SYS_ADMIN);
}

/* With the PID of the tree; with another one only if that is allowed. */
static int clone_somehow(struct ckpt_skeleton *s, const int go[2], struct ckpt_err *err)
{
	int ret = -EPERM;

	if (ckpt_skeleton_may_choose(s->who))
		ret = clone_patiently(s, go, err);
	else
		clone_failed(s->task->header.pid, EPERM, err);
	if (!ckpt_restore_any_pid || (ret != -EEXIST && ret != -EPERM && ret != -EINVAL))
		return ret;
	s->no_pid = *err;
	ret = clone_skeleton(s, 0, go, &s->pid, err);
	if (!ret)
		atomic_store(&s->progress->pid, (unsigned int)s->pid);
	return ret;
}

static int start(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_backend *b = ckpt_backend();
	int go[2], ret;

	pthread_once(&blank_once, make_blanks);
	if (blank_of(s)->fd < 0)
		return ckpt_fail(err, ENOMEM, "no memory file for the skeleton's program");
	if (pipe2(go, O_CLOEXEC))
		return ckpt_fail_sys(err, "pipe");
	ret = clone_somehow(s, go, err);
	close(go[0]);
	if (!ret)
		ret = b->seize_skeleton(s->pid, err);
	if (!ret && write(go[1], "", 1) != 1)
		ret = ckpt_fail_sys(err, "skeleton %d", s->pid);
	close(go[1]); /* if it was not seized: it ends */
	if (!ret)
		ret = b->wait_exec(s->pid, err);
	if (ret == -ESRCH && ckpt_task_is_i386(s->task)) /* or it was killed: as well */
		ret = ckpt_fail(err, ENOTSUP, "task: arch: this kernel runs no programs of %s",
				CKPT_ARCH_I386);
	return ret ? ret : ckpt_remote_settle(s->pid, err);
}

/* ---- address space ---- */

static int range_order(const void *a, const void *b)
{
	const struct ckpt_span *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int use_range(struct ckpt_skeleton *s, uint64_t start_, uint64_t end)
{
	struct ckpt_span *range = CKPT_VEC_ADD(&s->used);

	if (!range)
		return -ENOMEM;
	*range = (struct ckpt_span){start_, end};
	return 0;
}

uint64_t ckpt_skeleton_gap(struct ckpt_skeleton *s, uint64_t size)
{
	uint64_t at = LOWEST;

	size = (size + CKPT_PAGE_SIZE - 1) & ~(CKPT_PAGE_SIZE - 1);
	if (s->used.n)
		qsort(s->used.v, s->used.n, sizeof(*s->used.v), range_order);
	for (size_t i = 0; i < s->used.n; i++) {
		/* a page between, so that nothing merges or grows into it */
		if (at + size + CKPT_PAGE_SIZE <= s->used.v[i].start)
			break;
		if (s->used.v[i].end + CKPT_PAGE_SIZE > at)
			at = s->used.v[i].end + CKPT_PAGE_SIZE;
	}
	if (at + size > blank_of(s)->highest || use_range(s, at, at + size))
		return 0;
	return s->took && s->took(s, at, size) ? 0 : at;
}

static void no_obstacle(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/* Notes what is in use: the skeleton's own mappings and those it shall have. */
static int find_used(struct ckpt_skeleton *s, struct ckpt_task *own, struct ckpt_err *err)
{
	int ret = ckpt_vmas_read(s->pid, own, no_obstacle, NULL, err);

	for (size_t i = 0; !ret && i < own->vmas.n; i++) {
		const struct ckpt_vma *vma = &own->vmas.v[i];

		ret = use_range(s, vma->start, vma->end);
		if (!ret && vma->how >= CKPT_VMA_VDSO) {
			struct ckpt_vma *copy = CKPT_VEC_ADD(&s->vdso);

			if (copy)
				*copy = *vma;
			else
				ret = -ENOMEM;
		}
	}
	for (size_t i = 0; !ret && i < s->task->vmas.n; i++)
		ret = use_range(s, s->task->vmas.v[i].start, s->task->vmas.v[i].end);
	return ret ? ckpt_fail(err, ENOMEM, "no memory for the address map") : 0;
}

/* clang-format off */
static const uint8_t boot_code[] = {
	0x0f, 0x05, 0xf4,					/* syscall; hlt */
	[CKPT_BOOT_AMX] = 0xc4, 0xe2, 0x78, 0x49, 0x07,		/* ldtilecfg (%rdi) */
	0xc4, 0xe2, 0x7b, 0x49, 0xc0,				/* tilezero %tmm0 */
	0x0f, 0x05, 0xf4,
	[CKPT_BOOT_FLAGS] = 0x48, 0x89, 0xfc, 0x9d,		/* mov %rdi, %rsp; popfq */
	0x0f, 0x05, 0xf4,
	[CKPT_BOOT_INT80] = 0xcd, 0x80, 0xf4,			/* int $0x80 */
};
/* clang-format on */

static int map_boot(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	uint64_t at = ckpt_skeleton_gap(s, BOOT_SIZE);
	int ret;

	if (!at)
		return ckpt_fail(err, ENOTSUP, "no %llu free bytes of address space",
				 (unsigned long long)BOOT_SIZE);
	ret = ckpt_skeleton_do(s, NULL, err, "boot mapping", SYS_mmap, at, BOOT_CODE,
			       PROT_READ | PROT_EXEC, flags, (uint64_t)-1, 0);
	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, "scratch mapping", SYS_mmap, at + BOOT_CODE,
				       CKPT_SCRATCH_SIZE, PROT_READ | PROT_WRITE, flags,
				       (uint64_t)-1, 0);
	if (ret)
		return ret;
	if (pwrite(s->r.mem_fd, boot_code, sizeof(boot_code), (off_t)at) !=
	    (ssize_t)sizeof(boot_code))
		return ckpt_fail_sys(err, "skeleton %d: its memory", s->pid);
	s->boot = at;
	s->r.entry = at;
	s->r.scratch = at + BOOT_CODE;
	return 0;
}

int ckpt_skeleton_boot(struct ckpt_skeleton *s, uint64_t offset, const char *what,
		       struct ckpt_err *err)
{
	int ret;

	s->r.entry = s->boot + offset;
	ret = ckpt_skeleton_do(s, NULL, err, what, SYS_getpid, s->r.scratch);
	s->r.entry = s->boot;
	return ret;
}

static int empty(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	struct ckpt_task *own = ckpt_task_new();
	char digest[CKPT_VDSO_DIGEST];
	int ret;

	if (!own)
		return ckpt_fail(err, ENOMEM, "no memory for the address map");
	ret = find_used(s, own, err);
	if (!ret && ckpt_task_is_i386(s->task)) {
		ckpt_vdso_digest_of(own, s->r.mem_fd, digest);
		ret = ckpt_vdso_check(s->task, digest, err);
	}
	if (!ret)
		ret = map_boot(s, err);
	for (size_t i = 0; !ret && i < own->vmas.n; i++)
		ret = ckpt_skeleton_do(s, NULL, err, "munmap of the skeleton's own memory",
				       SYS_munmap, own->vmas.v[i].start,
				       own->vmas.v[i].end - own->vmas.v[i].start);
	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, "close_range", SYS_close_range, 0, ~0u, 0);
	ckpt_task_free(own);
	return ret;
}

/* Opens the memory of the program that it has just begun to execute, and empties it. */
static int take_over(struct ckpt_skeleton *s, uint64_t syscall_offset, struct ckpt_err *err)
{
	char path[40];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/%d/mem", s->pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return ckpt_fail_sys(err, "%s", path);
	if (s->r.mem_fd > 0)
		close(s->r.mem_fd);
	ret = ckpt_remote_adopt(&s->r, s->pid, fd, syscall_offset, err);
	return ret ? ret : empty(s, err);
}

int ckpt_skeleton_new(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	int ret = start(s, err);

	return ret ? ret : take_over(s, blank_of(s)->syscall, err);
}

/* ---- the program of the tree ---- */

/* A program that is setuid, setgid or has file capabilities would lend the maker its owner's: our
 * right to trace it is what makes the kernel honour them (security/commoncap.c). */
static int no_more_than_before(struct ckpt_skeleton *s, const struct ckpt_cred *before,
			       struct ckpt_err *err)
{
	struct ckpt_cred *now;
	int ret = ckpt_cred_take(s->pid, &now, err);

	if (ret)
		return ret;
	if (now->ruid != before->ruid || now->euid != before->euid || now->rgid != before->rgid ||
	    now->egid != before->egid || now->cap_prm & ~before->cap_prm ||
	    now->cap_eff & ~before->cap_prm)
		ret = ckpt_fail(err, EPERM,
				"task: exe: %s would give the process other ids or capabilities "
				"than yours",
				s->task->header.exe);
	ckpt_cred_free(now);
	return ret;
}

static int execute(struct ckpt_skeleton *s, const char *exe, struct ckpt_err *err)
{
	const uint64_t argv[2] = {s->r.scratch + sizeof(argv), 0};
	int ret = ckpt_remote_put(&s->r, 0, argv, sizeof(argv), err);

	if (!ret)
		ret = ckpt_remote_put(&s->r, sizeof(argv), exe, strlen(exe) + 1, err);
	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, "task: exe: execve", SYS_execve, argv[0],
				       s->r.scratch, s->r.scratch + sizeof(argv[0]));
	return ret ? ret : ckpt_remote_settle(s->pid, err);
}

int ckpt_skeleton_exec(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const char *exe = s->task->header.exe;
	struct ckpt_cred *before;
	char unlinked[40];
	long fd = -1;
	int ret;

	if (ckpt_skeleton_may_choose(s->who))
		return 0;
	ret = ckpt_cred_take(s->pid, &before, err);
	if (ret)
		return ret;
	if (s->task->header.has_exe_object) {
		ret = ckpt_unlinked_exe(s, &fd, err);
		snprintf(unlinked, sizeof(unlinked), "/proc/self/fd/%ld", fd);
		exe = unlinked;
	}
	if (!ret)
		ret = execute(s, exe, err);
	if (!ret)
		ret = no_more_than_before(s, before, err);
	ckpt_cred_free(before);
	if (ret)
		return ret;
	s->used.n = 0;
	s->vdso.n = 0;
	return take_over(s, CKPT_REMOTE_PLANT, err);
}

static void *reap_late(void *arg)
{
	waitpid((pid_t)(intptr_t)arg, NULL, __WALL);
	return NULL;
}

/* It may be asleep, where no signal reaches it, in a directory of our own mount that the kernel
 * keeps locked until the request that restores is answered: answer it, and reap it afterwards. */
static void reap(pid_t pid)
{
	pthread_t thread;
	int status, ret;

	do
		ret = ckpt_tracee_wait(pid, REAP_MS, &status);
	while (!ret);
	if (ret == -ETIMEDOUT && !pthread_create(&thread, NULL, reap_late, (void *)(intptr_t)pid))
		pthread_detach(thread);
}

void ckpt_skeleton_free(struct ckpt_skeleton *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		reap(s->pid);
	}
	if (s->r.mem_fd > 0)
		close(s->r.mem_fd);
	CKPT_VEC_FINI(&s->used);
	CKPT_VEC_FINI(&s->vdso);
}

int ckpt_skeleton_open(struct ckpt_skeleton *s, const char *path, int flags, long *fd,
		       struct ckpt_err *err)
{
	int ret = ckpt_remote_put(&s->r, 0, path, strlen(path) + 1, err);

	return ret ? ret
		   : ckpt_skeleton_do(s, fd, err, path, SYS_open, s->r.scratch, (uint64_t)flags, 0);
}

int ckpt_skeleton_put(struct ckpt_skeleton *s, const char *name, const char *text,
		      struct ckpt_err *err)
{
	char path[64];
	long fd, dumpable;
	int ret, closed;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	ret = ckpt_skeleton_do(s, &dumpable, err, "dumpable", SYS_prctl, PR_GET_DUMPABLE);
	/* taking on the maker's ids has made it undumpable, and its files root's (proc(5)) */
	if (!ret && dumpable != 1)
		ret = ckpt_skeleton_do(s, NULL, err, "dumpable", SYS_prctl, PR_SET_DUMPABLE, 1);
	if (!ret)
		ret = ckpt_skeleton_open(s, path, O_WRONLY | O_CLOEXEC, &fd, err);
	if (ret)
		return ret;
	ret = ckpt_remote_put(&s->r, 0, text, strlen(text), err);
	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, name, SYS_write, (uint64_t)fd, s->r.scratch,
				       strlen(text));
	closed = ckpt_skeleton_do(s, NULL, ret ? NULL : err, "close", SYS_close, (uint64_t)fd);
	if (!closed && dumpable != 1) /* its own setting comes with its credentials */
		closed = ckpt_skeleton_do(s, NULL, ret ? NULL : err, "dumpable", SYS_prctl,
					  PR_SET_DUMPABLE, 0);
	return ret ? ret : closed;
}
