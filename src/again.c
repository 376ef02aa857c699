// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the code of again.S in tasks: where it may lie, its slots, and what the registers of a task
 * inside it mean.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "again.h"
#include "clocks.h"
#include "remote.h"
#include "x86_regs.h"

#define MAGIC_LEN    8
#define SYSCALL_LEN  2
#define FRAME	     256 /* bytes below the stack pointer: the red zone, and what the code keeps */
#define FRAME_TOKEN  32	 /* as in again.S */
#define FRAME_TOP    48
#define FRAME_BOTTOM 16
/* What remote.c may need at the end of a mapping. */
#define ROOM sizeof(((struct ckpt_remote *)0)->slack_bytes)

extern const char ckpt_again_start[], ckpt_again_entry[], ckpt_again_after[], ckpt_again_final[],
	ckpt_again_polled[], ckpt_again_called[], ckpt_again_slots[], ckpt_again_end[];
#define SIZE	  ((size_t)(ckpt_again_end - ckpt_again_start))
#define AT(label) ((uint64_t)(ckpt_again_##label - ckpt_again_start))

struct again_slots {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rcx, rdx, rsi, rdi;
	uint64_t rip, eflags, rsp;
	int64_t deadline; /* CLOCK_MONOTONIC of the task, ns */
	int64_t expired;
	uint64_t token; /* lies in the frame as long as the code is needed */
	uint32_t nr, arg, format, unit, events, pad;
};

/* ---- places ---- */

struct place {
	pid_t pid;
	int mem_fd;
	const struct ckpt_again_busy *busy;
	uint64_t found; /* a free one */
	bool all;	/* look at every one */
};

static bool is_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

static uint64_t frame_of(uint64_t rsp)
{
	return (rsp - FRAME) & ~15ull;
}

/* Somebody executes it, or is in a signal handler that will return to it. */
static bool is_needed(const struct place *p, uint64_t at, const uint8_t *bytes)
{
	struct again_slots slots;
	uint64_t token = 0;

	for (size_t i = 0; i < p->busy->n; i++)
		if (p->busy->rip[i] - at < SIZE)
			return true;
	/* another version's: it can't be read, so it stays */
	if (memcmp(bytes, ckpt_again_start, AT(slots)) != 0)
		return true;
	memcpy(&slots, bytes + AT(slots), sizeof(slots));
	return pread(p->mem_fd, &token, sizeof(token),
		     (off_t)(frame_of(slots.rsp) + FRAME_TOKEN)) == (ssize_t)sizeof(token) &&
	       token == slots.token;
}

static void look_at(struct place *p, uint64_t at)
{
	uint8_t bytes[1024];

	if (pread(p->mem_fd, bytes, SIZE, (off_t)at) != (ssize_t)SIZE)
		return;
	if (!memcmp(bytes, ckpt_again_start, MAGIC_LEN)) {
		if (is_needed(p, at, bytes))
			return;
		memset(bytes, 0, SIZE);
		if (pwrite(p->mem_fd, bytes, SIZE, (off_t)at) != (ssize_t)SIZE)
			return;
	}
	if (!p->found && is_zero(bytes, SIZE))
		p->found = at;
}

/* In the last page of the mapping, below where remote.c puts its stub. */
static void look_in(struct place *p, uint64_t end)
{
	for (uint64_t at = end - ROOM - SIZE; at >= end - CKPT_PAGE_SIZE; at -= SIZE)
		look_at(p, at);
}

/* Mappings of files first, then anonymous ones, then the vdso: as remote.c does. */
static void look(struct place *p)
{
	enum { FILES, ANONYMOUS, VDSO, ORDER };
	char path[40], line[512], flags[8], name[8];
	unsigned long long start, end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", p->pid);
	f = fopen(path, "re");
	for (int order = 0; f && order < ORDER && (p->all || !p->found); order++) {
		rewind(f);
		while (fgets(line, sizeof(line), f)) {
			int kind, got;

			got = sscanf(line, "%llx-%llx %7s %*s %*s %*s %7s", &start, &end, flags,
				     name);
			if (got < 3 || strcmp(flags, "r-xp") != 0)
				continue;
			if (got == 3)
				kind = ANONYMOUS;
			else
				kind = name[0] == '/'		 ? FILES
				       : !strcmp(name, "[vdso]") ? VDSO
								 : ORDER;
			if (kind == order && (p->all || !p->found))
				look_in(p, end);
		}
	}
	if (f)
		fclose(f);
}

uint64_t ckpt_again_at(int mem_fd, uint64_t rip)
{
	const uint64_t end = (rip & ~(CKPT_PAGE_SIZE - 1)) + CKPT_PAGE_SIZE;
	uint8_t bytes[1024];

	for (uint64_t at = end - ROOM - SIZE; at >= end - CKPT_PAGE_SIZE; at -= SIZE)
		if (rip - at < SIZE)
			return pread(mem_fd, bytes, SIZE, (off_t)at) == (ssize_t)SIZE &&
					       !memcmp(bytes, ckpt_again_start, AT(slots))
				       ? at
				       : 0;
	return 0;
}

void ckpt_again_sweep(pid_t pid, int mem_fd, const struct ckpt_again_busy *busy)
{
	struct place p = {.pid = pid, .mem_fd = mem_fd, .busy = busy, .all = true};

	look(&p);
}

void ckpt_again_hide(uint64_t at, uint64_t page, uint8_t *bytes)
{
	if (at >= page && at + SIZE <= page + CKPT_PAGE_SIZE)
		memset(bytes + (at - page), 0, SIZE);
}

/* ---- setting up ---- */

static void fill(struct again_slots *s, const struct ckpt_again *how, const struct ckpt_cpu *cpu)
{
	/* clang-format off */
	*s = (struct again_slots){
		.r15 = cpu->r15, .r14 = cpu->r14, .r13 = cpu->r13, .r12 = cpu->r12,
		.rbp = cpu->rbp, .rbx = cpu->rbx, .r11 = cpu->r11, .r10 = cpu->r10,
		.r9 = cpu->r9, .r8 = cpu->r8, .rcx = cpu->rcx, .rdx = cpu->rdx,
		.rsi = cpu->rsi, .rdi = cpu->rdi, .rip = cpu->rip, .eflags = cpu->eflags,
		.rsp = cpu->rsp};
	/* clang-format on */
	s->expired = -how->expired;
	s->nr = (uint32_t)how->nr;
	s->arg = how->arg;
	s->format = cpu->restart == CKPT_RESTART_MORE ? CKPT_AGAIN_WHOLE : how->format;
	s->unit = how->unit;
	s->events = how->events;
}

/* The frame must be there: the kernel would end the task for a stack that can't grow. */
static bool set_token(int mem_fd, uint64_t frame, uint64_t token)
{
	uint64_t word;

	return pread(mem_fd, &word, sizeof(word), (off_t)(frame + FRAME_TOP)) == sizeof(word) &&
	       pread(mem_fd, &word, sizeof(word), (off_t)(frame - FRAME_BOTTOM)) == sizeof(word) &&
	       pwrite(mem_fd, &token, sizeof(token), (off_t)(frame + FRAME_TOKEN)) == sizeof(token);
}

int ckpt_again_place(pid_t pid, int mem_fd, const struct ckpt_again *how,
		     const struct ckpt_again_busy *busy, struct ckpt_cpu *cpu, struct ckpt_err *err)
{
	struct place p = {.pid = pid, .mem_fd = mem_fd, .busy = busy};
	uint64_t frame = frame_of(cpu->rsp);
	struct again_slots slots;
	uint8_t bytes[1024];
	int64_t now;
	int ret;

	if (SIZE > sizeof(bytes) || SIZE - AT(slots) != sizeof(slots) ||
	    AT(after) != AT(entry) + SYSCALL_LEN)
		return ckpt_fail(err, EIO, "again.S is not what again.c thinks it is");
	if (cpu->restart_left < 0 || cpu->restart_left > CKPT_AGAIN_MAX)
		return ckpt_fail(err, EINVAL, "cpu: restart: %lld is out of range",
				 (long long)cpu->restart_left);
	ret = ckpt_clocks_monotonic(pid, &now, err);
	if (ret)
		return ret;
	look(&p);
	if (!p.found)
		return ckpt_fail(err, ENOTSUP, "no executable mapping has %zu bytes of slack",
				 SIZE);
	fill(&slots, how, cpu);
	slots.deadline = now + cpu->restart_left;
	if (getrandom(&slots.token, sizeof(slots.token), 0) != (ssize_t)sizeof(slots.token))
		return ckpt_fail_sys(err, "getrandom");
	memcpy(bytes, ckpt_again_start, SIZE);
	memcpy(bytes + AT(slots), &slots, sizeof(slots));
	if (pwrite(mem_fd, bytes, SIZE, (off_t)p.found) != (ssize_t)SIZE ||
	    !set_token(mem_fd, frame, slots.token))
		return ckpt_fail(err, ENOTSUP, "its code or stack can't be written");
	cpu->r12 = cpu->restart == CKPT_RESTART_MORE ? (uint64_t)cpu->restart_left : 0;
	cpu->rip = p.found + AT(after);
	cpu->rsp = frame;
	cpu->orig_rax = (uint64_t)how->nr;
	cpu->rax = (uint64_t)-CKPT_ERESTARTNOHAND;
	return 0;
}

/* ---- looking at one ---- */

static bool is_interrupted(const struct ckpt_cpu *cpu)
{
	int64_t result = (int64_t)cpu->rax;

	return (int64_t)cpu->orig_rax >= 0 &&
	       (result == -EINTR || result == -CKPT_ERESTARTSYS || result == -CKPT_ERESTARTNOINTR ||
		result == -CKPT_ERESTARTNOHAND || result == -CKPT_ERESTART_RESTARTBLOCK);
}

bool ckpt_again_resume(uint64_t at, struct ckpt_cpu *cpu)
{
	uint64_t off = cpu->rip - at;
	int64_t result = (int64_t)cpu->rax;

	if ((int64_t)cpu->orig_rax < 0)
		return false;
	if (off == AT(called) && cpu->r12 && result > 0)
		cpu->r12 += (uint64_t)result; /* some bytes more, not all */
	else if ((off != AT(called) && off != AT(polled)) || !is_interrupted(cpu))
		return false;
	cpu->rip = at + AT(after);
	cpu->rax = (uint64_t)-CKPT_ERESTARTNOHAND;
	return true;
}

static bool is_over(uint64_t off, const struct ckpt_cpu *cpu)
{
	if (off == AT(after))
		return !is_interrupted(cpu);
	return off > AT(called) || (off == AT(called) && !is_interrupted(cpu));
}

int ckpt_again_view(pid_t pid, int mem_fd, uint64_t at, struct ckpt_cpu *cpu, struct ckpt_err *err)
{
	uint64_t off = cpu->rip - at, done = off > AT(final) ? 0 : cpu->r12;
	bool over = is_over(off, cpu);
	struct again_slots s;
	int64_t now;
	int ret = ckpt_clocks_monotonic(pid, &now, err);

	if (ret)
		return ret;
	if (pread(mem_fd, &s, sizeof(s), (off_t)(at + AT(slots))) != (ssize_t)sizeof(s))
		return ckpt_fail(err, EIO, "task %d: its memory can't be read", pid);
	/* clang-format off */
	cpu->r15 = s.r15; cpu->r14 = s.r14; cpu->r13 = s.r13; cpu->r12 = s.r12;
	cpu->rbp = s.rbp; cpu->rbx = s.rbx; cpu->r11 = s.r11; cpu->r10 = s.r10;
	cpu->r9 = s.r9; cpu->r8 = s.r8; cpu->rcx = s.rcx; cpu->rdx = s.rdx;
	cpu->rsi = s.rsi; cpu->rdi = s.rdi;
	/* clang-format on */
	cpu->rip = s.rip;
	cpu->eflags = s.eflags;
	cpu->rsp = s.rsp;
	cpu->restart = CKPT_RESTART_NONE;
	cpu->restart_left = -1;
	if (over) {
		if (off < AT(final) && done)
			cpu->rax = (int64_t)cpu->rax < 0 ? done : cpu->rax + done;
		cpu->orig_rax = UINT64_MAX;
		return 0;
	}
	cpu->orig_rax = s.nr;
	cpu->rax = done ? done : (uint64_t)-CKPT_ERESTARTNOHAND;
	cpu->restart = done ? CKPT_RESTART_MORE : CKPT_RESTART_AGAIN;
	cpu->restart_left = done ? (int64_t)done : s.deadline > now ? s.deadline - now : 0;
	return 0;
}
