// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What only system calls of i386 do, in the daemon for another task or in a skeleton.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "i386.h"

#define SECOND 1000000000ll /* ns */

bool ckpt_program_is_x32(pid_t pid)
{
	Elf32_Ehdr ehdr = {0};
	char path[40];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, &ehdr, sizeof(ehdr));
	close(fd);
	return n == (ssize_t)sizeof(ehdr) && ehdr.e_machine == EM_X86_64;
}

static long int80(long nr, long a, uint64_t b, uint64_t c)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

int ckpt_i386_robust_list(pid_t tid, uint64_t *head, uint64_t *len)
{
	/* its pointers have 32 bits */
	uint32_t *out = mmap(NULL, CKPT_PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long ret;

	if (out == MAP_FAILED)
		return -errno;
	ret = int80(I386_get_robust_list, tid, (uint64_t)(uintptr_t)out,
		    (uint64_t)(uintptr_t)(out + 1));
	if (!ret) {
		*head = out[0];
		*len = out[1];
	}
	munmap(out, CKPT_PAGE_SIZE);
	return (int)ret;
}

/* ---- in a skeleton ---- */

/* One call by int $0x80 in the boot page; run: how. */
static int call(struct ckpt_skeleton *s, long *result, struct ckpt_err *err, long nr,
		const uint64_t args[6],
		int (*run)(struct ckpt_remote *, long *, struct ckpt_err *, long, const uint64_t *))
{
	int ret;

	if (s->r.scratch + CKPT_SCRATCH_SIZE > UINT32_MAX)
		return ckpt_fail(err, ENOTSUP, "no room below 4 GiB for a 32-bit system call");
	s->r.entry = s->boot + CKPT_BOOT_INT80;
	s->r.int80 = true;
	ret = run(&s->r, result, err, nr, args);
	s->r.int80 = false;
	s->r.entry = s->boot;
	return ret;
}

static int must(struct ckpt_skeleton *s, const char *what, struct ckpt_err *err, long nr,
		const uint64_t args[6])
{
	long result = 0;
	int ret = call(s, &result, err, nr, args, ckpt_remote_call);

	if (!ret && (int)result < 0)
		ret = ckpt_fail(err, -(int)result, "%s: %s", what, strerror(-(int)result));
	return ret;
}

int ckpt_i386_restore_actions(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	struct {
		uint32_t handler, flags, restorer, mask[2];
	} sa[CKPT_NSIG + 1];
	int ret;

	memset(sa, 0, sizeof(sa));
	for (size_t i = 0; i < s->task->signals.action.n; i++) {
		const struct ckpt_sigaction *a = &s->task->signals.action.v[i];

		if ((a->handler | a->flags | a->restorer) >> 32)
			return ckpt_fail(err, EINVAL,
					 "signals: action %u: an address or flag has more than 32 "
					 "bits",
					 a->sig);
		sa[a->sig].handler = (uint32_t)a->handler;
		sa[a->sig].flags = (uint32_t)a->flags;
		sa[a->sig].restorer = (uint32_t)a->restorer;
		sa[a->sig].mask[0] = (uint32_t)a->mask;
		sa[a->sig].mask[1] = (uint32_t)(a->mask >> 32);
	}
	ret = ckpt_remote_put(&s->r, 0, sa, sizeof(sa), err);
	for (uint32_t sig = 1; !ret && sig <= CKPT_NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			ret = must(s, "rt_sigaction", err, I386_rt_sigaction,
				   CKPT_ARGS(sig, s->r.scratch + sig * sizeof(*sa), 0, 8));
	return ret;
}

int ckpt_i386_restore_robust_list(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_thread *t = &s->task->thread;

	return must(s, "robust_list", err, I386_set_robust_list,
		    CKPT_ARGS(t->robust_list, t->robust_list_len));
}

/* ---- waits ---- */

enum arg { ZERO, EBX, ECX, EDX, ESI, T };
static const struct wait_row {
	enum ckpt_restart kind;
	long nr;
	bool time64, millis; /* a time in ms is no address */
	int rem;	     /* where the kernel writes the time left; ZERO: it does not */
	uint8_t args[6];     /* enum arg, T: the time-out */
} wait_rows[] = {
	/* clang-format off */
	{CKPT_RESTART_I386_NANOSLEEP, I386_nanosleep, false, false, ECX, {T, ECX}},
	{CKPT_RESTART_I386_CLOCK_NANOSLEEP, I386_clock_nanosleep, false, false, ESI,
	 {EBX, ZERO, T, ESI}},
	{CKPT_RESTART_I386_CLOCK_NANOSLEEP_TIME64, I386_clock_nanosleep_time64, true, false, ESI,
	 {EBX, ZERO, T, ESI}},
	{CKPT_RESTART_I386_POLL, I386_poll, false, true, ZERO, {EBX, ECX, T}},
	{CKPT_RESTART_I386_FUTEX, I386_futex, false, false, ZERO, {EBX, ECX, EDX, T}},
	{CKPT_RESTART_I386_FUTEX_TIME64, I386_futex_time64, true, false, ZERO, {EBX, ECX, EDX, T}},
	/* clang-format on */
};

static uint64_t arg_of(const struct ckpt_cpu *cpu, int arg)
{
	const uint64_t values[] = {
		[EBX] = cpu->rbx, [ECX] = cpu->rcx, [EDX] = cpu->rdx, [ESI] = cpu->rsi, [T] = 0};

	return (uint32_t)values[arg];
}

static bool read_time(int mem_fd, uint64_t addr, bool time64, int64_t *ns)
{
	int64_t ts[2];
	int32_t ts32[2];

	if (time64 && pread(mem_fd, ts, sizeof(ts), (off_t)addr) == (ssize_t)sizeof(ts)) {
		*ns = ts[0] * SECOND + (int32_t)ts[1];
		return true;
	}
	if (time64 || pread(mem_fd, ts32, sizeof(ts32), (off_t)addr) != (ssize_t)sizeof(ts32))
		return false;
	*ns = ts32[0] * SECOND + ts32[1];
	return true;
}

/* A futex with an absolute time-out: the same call again is right. */
static bool is_absolute(const struct wait_row *row, const struct ckpt_cpu *cpu)
{
	return (row->nr == I386_futex || row->nr == I386_futex_time64) &&
	       (cpu->rcx & FUTEX_CMD_MASK) != FUTEX_WAIT;
}

bool ckpt_i386_wait_asked(int mem_fd, struct ckpt_cpu *cpu, int64_t *asked, int64_t *told)
{
	const struct wait_row *row = wait_rows, *end = row + sizeof(wait_rows) / sizeof(*row);
	uint64_t rem, value;
	int at = 0;

	while (row < end && row->nr != (long)cpu->orig_rax)
		row++;
	if (row == end)
		return false;
	while (row->args[at] != T)
		at++;
	value = arg_of(cpu, EBX + at);
	*asked = -1;
	if (row->millis)
		*asked = (int32_t)value < 0 ? -1 : (int64_t)value * 1000000;
	else if (!is_absolute(row, cpu) && !read_time(mem_fd, value, row->time64, asked))
		return false;
	rem = arg_of(cpu, row->rem);
	if (!rem || !read_time(mem_fd, rem, row->time64, told))
		*told = -1;
	cpu->restart = row->kind;
	return true;
}

int ckpt_i386_restore_wait(struct ckpt_skeleton *s, const struct ckpt_cpu *cpu, long *result,
			   struct ckpt_err *err)
{
	const int64_t left = cpu->restart_left;
	const int64_t ts[2] = {left / SECOND, left % SECOND};
	const int32_t ts32[2] = {(int32_t)ts[0], (int32_t)ts[1]};
	const struct wait_row *row = wait_rows;
	uint64_t args[6] = {0};
	int ret;

	while (row->kind != cpu->restart)
		row++;
	for (int i = 0; i < 6; i++) {
		args[i] = arg_of(cpu, row->args[i]);
		if (row->args[i] == T)
			args[i] = s->r.scratch;
		if (row->args[i] == T && row->millis) /* without limit it is -1 */
			args[i] = left < 0 ? UINT32_MAX : (uint64_t)((left + 999999) / 1000000);
	}
	ret = row->time64 ? ckpt_remote_put(&s->r, 0, ts, sizeof(ts), err)
			  : ckpt_remote_put(&s->r, 0, ts32, sizeof(ts32), err);
	return ret ? ret : call(s, result, err, row->nr, args, ckpt_remote_call_interrupted);
}
