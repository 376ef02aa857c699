// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stubs that a killed daemon left in a task. It may still be in one, for as long as somebody likes:
 * stopped by job control, or frozen by its control group, on the way out; or in a signal handler
 * that returns to it. Such a stub must stay, or its work be done for it.
 */
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "remote.h"
#include "remote_int.h"
#include "x86_regs.h"

#define MAGIC_LEN   8
#define BELOW_STACK (64 * 1024) /* bytes below the task's rsp that a signal frame may take */
#define ABOVE_STACK (1024 * 1024)
#define CHUNK	    4096
#define HOPS_MAX    16
#define CODE_MAX    512 /* bytes of the stub before its slots */

extern const char ckpt_program_start[], ckpt_program_slots[];
#define PROGRAM_LEN ((size_t)(ckpt_program_slots - ckpt_program_start))

bool ckpt_stub_is_one(const uint8_t *bytes)
{
	return !memcmp(bytes, ckpt_stub_start, MAGIC_LEN);
}

static bool has_code(int mem_fd, uint64_t at, const char *code, size_t len)
{
	uint8_t bytes[CODE_MAX];

	return len <= sizeof(bytes) && pread(mem_fd, bytes, len, (off_t)at) == (ssize_t)len &&
	       !memcmp(bytes, code, len);
}

/* One whose slots we know: the code before them is ours. */
static bool is_ours(int mem_fd, uint64_t at)
{
	return has_code(mem_fd, at, ckpt_stub_start, STUB_AT(slots));
}

/* Where the stub lies that rip is in; 0: in none. sizes: those that are looked for. */
static uint64_t stub_around(int mem_fd, uint64_t rip, const size_t *sizes, size_t n)
{
	const uint64_t end = (rip & ~(CKPT_PAGE_SIZE - 1)) + CKPT_PAGE_SIZE;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = end - sizes[i];

		if (rip - at < AWAY_SIZE && is_ours(mem_fd, at))
			return at;
	}
	return 0;
}

static bool read_slots(int mem_fd, uint64_t at, struct stub_slots *slots)
{
	return pread(mem_fd, slots, sizeof(*slots), (off_t)(at + STUB_AT(slots))) ==
	       (ssize_t)sizeof(*slots);
}

/* ---- is it needed? ---- */

/* The word among those from start to end, up to where memory ends. */
static bool holds(int mem_fd, uint64_t start, uint64_t end, uint64_t word)
{
	uint64_t words[CHUNK / 8];

	for (start &= ~7ull; start < end; start += sizeof(words)) {
		ssize_t n = pread(mem_fd, words, sizeof(words), (off_t)start);

		for (ssize_t i = 0; i < n / 8 && start + (uint64_t)i * 8 < end; i++)
			if (words[i] == word)
				return true;
		if (n < 0 || (size_t)n < sizeof(words))
			break;
	}
	return false;
}

/* From one into the next: what the second daemon found in a stub, it left in another. */
static bool leads_to(int mem_fd, uint64_t rip, uint64_t at)
{
	const size_t sizes[] = {STUB_SIZE, 2 * STUB_SIZE, AWAY_SIZE};
	struct stub_slots slots;

	for (int hops = 0; hops < HOPS_MAX; hops++) {
		uint64_t in;

		if (rip - at < AWAY_SIZE)
			return true;
		in = stub_around(mem_fd, rip, sizes, sizeof(sizes) / sizeof(sizes[0]));
		if (!in || !read_slots(mem_fd, in, &slots))
			return false;
		rip = slots.rip;
	}
	return true;
}

/* A signal that had waited gets its handler right behind the call that sets the mask. Its frame is
 * on the task's own stack, or on the one for signals that it uses now. What a frame has left there
 * counts as one: then the stub stays for nothing. */
static bool is_awaited(const struct ckpt_remote *r, uint64_t at)
{
	const uint64_t back = at + STUB_AT(masked);
	struct stub_slots slots;

	if (!read_slots(r->mem_fd, at, &slots))
		return true;
	return holds(r->mem_fd, r->rsp, r->rsp + ABOVE_STACK, back) ||
	       (slots.stack > BELOW_STACK &&
		holds(r->mem_fd, slots.stack - BELOW_STACK, slots.stack, back));
}

bool ckpt_stub_is_needed(const struct ckpt_remote *r, uint64_t at)
{
	const uint64_t page = r->rip & ~(CKPT_PAGE_SIZE - 1);

	if (leads_to(r->mem_fd, r->rip, at))
		return true;
	/* the program of a change in place, which ends in one or the other */
	if (has_code(r->mem_fd, page, ckpt_program_start, PROGRAM_LEN))
		return true;
	return !is_ours(r->mem_fd, at) || is_awaited(r, at);
}

/* ---- doing its work ---- */

/* As the stub leaves them: at the call that is to be made again. That one which goes on with what
 * the kernel remembers is shown as the kernel shows it. */
static void from_slots(const struct stub_slots *s, struct user_regs_struct *regs)
{
	regs->r15 = s->r15, regs->r14 = s->r14, regs->r13 = s->r13, regs->r12 = s->r12;
	regs->rbp = s->rbp, regs->rbx = s->rbx, regs->r9 = s->r9, regs->r8 = s->r8;
	regs->r11 = s->r11, regs->r10 = s->r10, regs->rax = s->rax, regs->rcx = s->rcx;
	regs->rdx = s->rdx, regs->rsi = s->rsi, regs->rdi = s->rdi;
	regs->rip = s->rip, regs->cs = s->cs, regs->eflags = s->eflags;
	regs->rsp = s->rsp, regs->ss = s->ss;
	regs->orig_rax = (uint64_t)-1;
}

static void show_restart(int mem_fd, struct user_regs_struct *regs)
{
	static const uint8_t insn[SYSCALL_LEN] = {0x0f, 0x05};

	if (regs->rax != SYS_restart_syscall || regs->cs != CKPT_CS_64 ||
	    !has_code(mem_fd, regs->rip, (const char *)insn, SYSCALL_LEN))
		return;
	regs->orig_rax = SYS_restart_syscall;
	regs->rax = (uint64_t)-CKPT_ERESTART_RESTARTBLOCK;
	regs->rip += SYSCALL_LEN;
}

/* The stub stays in charge until the last step: from its first call on, which sets the mask. */
static bool set_all(pid_t tid, uint64_t at, const struct stub_slots *slots,
		    const struct user_regs_struct *regs)
{
	struct user_regs_struct first = *regs;

	first.rip = at + STUB_AT(entry);
	first.cs = CKPT_CS_64;
	first.ss = CKPT_SS_FLAT;
	first.eflags = CKPT_EFLAGS_PLAIN;
	first.rax = SYS_rt_sigprocmask;
	first.orig_rax = (uint64_t)-1;
	first.rdi = SIG_SETMASK;
	first.rsi = at + STUB_AT(slots) + offsetof(struct stub_slots, mask);
	first.rdx = 0;
	first.r10 = 8;
	return !ptrace(PTRACE_SETREGS, tid, 0, &first) &&
	       !ptrace(PTRACE_SETSIGMASK, tid, sizeof(slots->mask), &slots->mask) &&
	       !ptrace(PTRACE_SETREGS, tid, 0, regs);
}

static bool finish_one(pid_t tid, int mem_fd, struct user_regs_struct *regs)
{
	/* not one that has more to do than to set registers (outing.h) */
	const size_t sizes[] = {STUB_SIZE, 2 * STUB_SIZE};
	uint64_t at = stub_around(mem_fd, regs->rip, sizes, sizeof(sizes) / sizeof(sizes[0]));
	struct user_regs_struct mine = *regs;
	struct stub_slots slots;

	if (!at || !read_slots(mem_fd, at, &slots))
		return false;
	from_slots(&slots, &mine);
	show_restart(mem_fd, &mine);
	if (!set_all(tid, at, &slots, &mine))
		return false; /* it is dead */
	*regs = mine;
	return true;
}

bool ckpt_stub_finish(pid_t tid, int mem_fd, struct user_regs_struct *regs)
{
	int hops = 0;

	while (hops < HOPS_MAX && finish_one(tid, mem_fd, regs))
		hops++;
	return hops;
}
