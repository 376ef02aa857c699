// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the files `cpu` and `ldt`: one row per register, and their way from and to the kernel's
 * register sets. Knows nothing of ptrace: who reads the sets is the backend.
 */
#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "i386.h"
#include "manifest.h"
#include "x86_regs.h"

/* clang-format off */
/* One row per register; the asserts below say that none is missing and all lie right. */
#define GP_REGS(X)                                                                                 \
	X(r15) X(r14) X(r13) X(r12) X(rbp) X(rbx) X(r11) X(r10) X(r9) X(r8) X(rax) X(rcx) X(rdx)    \
	X(rsi) X(rdi) X(orig_rax) X(rip) X(cs) X(eflags) X(rsp) X(ss) X(fs_base) X(gs_base) X(ds)   \
	X(es) X(fs) X(gs)
/* clang-format on */

#define REG_ROW(r) CKPT_ROW(hex, struct ckpt_cpu, r),
#define REG_SAME(r)                                                                                \
	_Static_assert(offsetof(struct ckpt_cpu, r) == offsetof(struct user_regs_struct, r) &&     \
			       sizeof(((struct ckpt_cpu *)0)->r) == 8,                             \
		       "register " #r " lies elsewhere in struct user_regs_struct");
#define REG_ENUM(r) REG_##r,

GP_REGS(REG_SAME)
enum { GP_REGS(REG_ENUM) REG_COUNT };
_Static_assert(REG_COUNT * 8 == sizeof(struct user_regs_struct),
	       "a register of struct user_regs_struct has no row");

/* clang-format off */
static const struct ckpt_word restart_words[] = {
	{"none", CKPT_RESTART_NONE},   {"nanosleep", CKPT_RESTART_NANOSLEEP},
	{"clock_nanosleep", CKPT_RESTART_CLOCK_NANOSLEEP},
	{"poll", CKPT_RESTART_POLL},   {"futex", CKPT_RESTART_FUTEX},
	{"again", CKPT_RESTART_AGAIN}, {"more", CKPT_RESTART_MORE},
	{"unknown", CKPT_RESTART_UNKNOWN},
	{"i386_nanosleep", CKPT_RESTART_I386_NANOSLEEP},
	{"i386_clock_nanosleep", CKPT_RESTART_I386_CLOCK_NANOSLEEP},
	{"i386_clock_nanosleep_time64", CKPT_RESTART_I386_CLOCK_NANOSLEEP_TIME64},
	{"i386_poll", CKPT_RESTART_I386_POLL}, {"i386_futex", CKPT_RESTART_I386_FUTEX},
	{"i386_futex_time64", CKPT_RESTART_I386_FUTEX_TIME64}, {NULL, 0},
};

static const struct ckpt_row cpu_rows[] = {
	GP_REGS(REG_ROW)
	{"restart", CKPT_ONE, 0, 0,
	 {CKPT_FA(enum, struct ckpt_cpu, restart, restart_words),
	  CKPT_F(int, struct ckpt_cpu, restart_left)}},
	{"tls", CKPT_MANY, offsetof(struct ckpt_cpu, tls), sizeof(struct ckpt_tls),
	 {CKPT_F(dec, struct ckpt_tls, entry), CKPT_F(blob, struct ckpt_tls, desc)}},
	{"debug", CKPT_MANY, offsetof(struct ckpt_cpu, debug), sizeof(struct ckpt_debug),
	 {CKPT_F(dec, struct ckpt_debug, reg), CKPT_F(hex, struct ckpt_debug, value)}},
	CKPT_ROW(hex, struct ckpt_cpu, xcomp_perm),
	CKPT_ROW(dec, struct ckpt_cpu, xsave_size),
	{"component", CKPT_MANY, offsetof(struct ckpt_cpu, component), sizeof(struct ckpt_component),
	 {CKPT_F(dec, struct ckpt_component, nr), CKPT_F(dec, struct ckpt_component, off),
	  CKPT_F(dec, struct ckpt_component, size)}},
	{"xsave", CKPT_MANY, offsetof(struct ckpt_cpu, xsave), sizeof(struct ckpt_xsave),
	 {CKPT_F(dec, struct ckpt_xsave, off), CKPT_F(blob, struct ckpt_xsave, data)}},
};
/* clang-format on */

static int check_debug(const struct ckpt_cpu *cpu, struct ckpt_err *err)
{
	for (size_t i = 0; i < cpu->debug.n; i++) {
		uint32_t reg = cpu->debug.v[i].reg;

		if (reg > 7 || reg == 4 || reg == 5)
			return ckpt_fail(err, EINVAL, "debug: there is no debug register %u", reg);
		if (i && reg <= cpu->debug.v[i - 1].reg)
			return ckpt_fail(err, EINVAL, "debug %u is not in ascending order", reg);
	}
	return 0;
}

static int cpu_check(const void *obj, struct ckpt_err *err)
{
	const struct ckpt_cpu *cpu = obj;
	int ret = check_debug(cpu, err);

	if (ret)
		return ret;
	if (cpu->xsave_size > CKPT_XSAVE_MAX || cpu->xsave_size % 8)
		return ckpt_fail(err, EINVAL, "xsave_size %u is not the size of an xsave area",
				 cpu->xsave_size);
	for (size_t i = 0; i < cpu->xsave.n; i++) {
		uint32_t off = cpu->xsave.v[i].off;

		if (off % sizeof(cpu->xsave.v[i].data) || off >= cpu->xsave_size)
			return ckpt_fail(err, EINVAL, "xsave piece at %u lies outside the area",
					 off);
		if (i && off <= cpu->xsave.v[i - 1].off)
			return ckpt_fail(err, EINVAL, "xsave piece at %u is not in order", off);
	}
	for (size_t i = 0; i < cpu->component.n; i++) {
		const struct ckpt_component *c = &cpu->component.v[i];

		if (c->nr < 2 || c->nr > 62 || (i && c->nr <= c[-1].nr))
			return ckpt_fail(err, EINVAL, "component %u is none, or not in order",
					 c->nr);
		if (c->off < CKPT_XSAVE_FIXED || c->off > cpu->xsave_size ||
		    c->size > cpu->xsave_size - c->off)
			return ckpt_fail(err, EINVAL, "component %u lies outside the area", c->nr);
	}
	return 0;
}

const struct ckpt_codec ckpt_cpu_codec = {"cpu", cpu_rows, CKPT_NROWS(cpu_rows), cpu_check};

/* clang-format off */
static const struct ckpt_row ldt_rows[] = {
	CKPT_ROW(dec, struct ckpt_ldt, entry_size),
	CKPT_ROW(dec, struct ckpt_ldt, number),
	{"entry", CKPT_MANY, offsetof(struct ckpt_ldt, entries), sizeof(struct ckpt_ldt_entry),
	 {CKPT_F(dec, struct ckpt_ldt_entry, index), CKPT_F(blob, struct ckpt_ldt_entry, desc)}},
};
/* clang-format on */

static int ldt_check(const void *obj, struct ckpt_err *err)
{
	const struct ckpt_ldt *ldt = obj;

	if (ldt->entry_size != sizeof(ldt->entries.v->desc))
		return ckpt_fail(err, EINVAL, "entry_size %u is not 8", ldt->entry_size);
	if (ldt->number > 8192) /* LDT_ENTRIES, arch/x86/include/uapi/asm/ldt.h */
		return ckpt_fail(err, EINVAL, "number %u is more than 8192", ldt->number);
	for (size_t i = 0; i < ldt->entries.n; i++)
		if (ldt->entries.v[i].index >= ldt->number)
			return ckpt_fail(err, EINVAL, "entry %u is not below number %u",
					 ldt->entries.v[i].index, ldt->number);
	return 0;
}

const struct ckpt_codec ckpt_ldt_codec = {"ldt", ldt_rows, CKPT_NROWS(ldt_rows), ldt_check};

void ckpt_regs_from_user(const struct user_regs_struct *regs, struct ckpt_cpu *cpu)
{
	memcpy(cpu, regs, sizeof(*regs));
}

void ckpt_regs_to_user(const struct ckpt_cpu *cpu, struct user_regs_struct *regs)
{
	memcpy(regs, cpu, sizeof(*regs));
}

bool ckpt_cpu_has_la57(void)
{
	uint32_t a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && c >> 16 & 1;
}

void ckpt_cpuid_digest(char out[65])
{
	static const struct {
		uint32_t leaf, sub;
	} leaves[] = {{0, 0},	{1, 0},	  {7, 0},	   {7, 1},
		      {0xd, 0}, {0xd, 1}, {0x80000001, 0}, {0x80000008, 0}};
	uint32_t regs[sizeof(leaves) / sizeof(leaves[0])][4];
	struct ckpt_digest digest;

	memset(regs, 0, sizeof(regs));
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		__get_cpuid_count(leaves[i].leaf, leaves[i].sub, &regs[i][0], &regs[i][1],
				  &regs[i][2], &regs[i][3]);
	regs[1][1] &= 0x00ffffff; /* leaf 1 ebx: the APIC id of the CPU we happen to run on */
	ckpt_digest_of(regs, sizeof(regs), &digest);
	ckpt_digest_hex(&digest, out);
}

bool ckpt_regs_call_compat(const struct user_regs_struct *regs, int mem_fd)
{
	uint8_t code[2];

	if (regs->cs != CKPT_CS_64) /* code in the LDT has no other way in */
		return true;
	return pread(mem_fd, code, 2, (off_t)regs->rip - 2) == 2 && code[0] == 0xcd &&
	       code[1] == 0x80;
}

bool ckpt_cpu_call_compat(const struct ckpt_cpu *cpu, int mem_fd)
{
	struct user_regs_struct regs;

	ckpt_regs_to_user(cpu, &regs);
	return ckpt_regs_call_compat(&regs, mem_fd);
}

bool ckpt_cpu_is_restart(const struct ckpt_cpu *cpu, int mem_fd)
{
	return cpu->orig_rax ==
	       (ckpt_cpu_call_compat(cpu, mem_fd) ? I386_restart_syscall : SYS_restart_syscall);
}

void ckpt_regs_restarted(struct user_regs_struct *regs, bool compat)
{
	/* both are ints to the kernel; a tracer of 64 bits sees results sign-extended */
	if ((int32_t)regs->orig_rax == -1)
		return;
	switch (-(long long)regs->rax) {
	case CKPT_ERESTARTSYS:
	case CKPT_ERESTARTNOINTR:
	case CKPT_ERESTARTNOHAND:
		regs->rax = regs->orig_rax;
		regs->rip -= 2;
		break;
	case CKPT_ERESTART_RESTARTBLOCK:
		regs->rax = compat ? I386_restart_syscall : SYS_restart_syscall;
		regs->rip -= 2;
		break;
	}
}
