// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether the registers of a tree are ones that a program can have. The kernel would make some of
 * the others silently into something else (flags), set them and kill the process for them (an
 * address that is none), or refuse them without a name.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include "x86_regs.h"

#define GDT_CPUNODE 0x7b /* for lsl: arch/x86/include/asm/segment.h */
#define CODE	    0x8	 /* type of a descriptor: Intel SDM, volume 3, 3.4.5.1 */
#define WRITABLE    0x2

/* What a selector may choose; the null selector and the kernel's segments besides. */
enum use { IS_CODE, IS_STACK, IS_DATA };

/* The descriptor that an entry of ldt or a tls line stands for: its type, or -1 if none is there.
 */
static int ldt_type(const struct ckpt_task *task, uint64_t selector)
{
	for (size_t i = 0; i < task->ldt.entries.n; i++) {
		const struct ckpt_ldt_entry *e = &task->ldt.entries.v[i];

		if (e->index == selector >> 3)
			return e->desc[5] & 0x80 ? e->desc[5] & 0xf : -1; /* present */
	}
	return -1;
}

/* set_thread_area(2) takes only data segments. */
static int tls_type(const struct ckpt_task *task, uint64_t selector)
{
	for (size_t i = 0; i < task->cpu.tls.n; i++) {
		const struct ckpt_tls *tls = &task->cpu.tls.v[i];
		uint32_t bits;

		memcpy(&bits, tls->desc + 12, sizeof(bits)); /* struct user_desc */
		if (tls->entry == selector >> 3)
			return bits & 1u << 5 ? -1 : bits & 1u << 3 ? 0 : WRITABLE;
	}
	return -1;
}

static bool is_good_selector(const struct ckpt_task *task, uint64_t sel, enum use use)
{
	int type;

	if (sel > 0xffff)
		return false;
	if (sel == CKPT_CS_64 || sel == CKPT_CS_32)
		return use != IS_STACK;
	if (sel == CKPT_SS_FLAT)
		return use != IS_CODE;
	if (!sel || sel == 3 || sel == GDT_CPUNODE)
		return use == IS_DATA;
	if ((sel & 3) != 3) /* the kernel takes no other privilege level */
		return false;
	type = sel & 4 ? ldt_type(task, sel) : tls_type(task, sel);
	if (type < 0)
		return false;
	if (use == IS_CODE)
		return type & CODE;
	return use == IS_DATA || (!(type & CODE) && type & WRITABLE);
}

static int check_selectors(const struct ckpt_task *task, struct ckpt_err *err)
{
	static const struct {
		const char *name;
		size_t off;
		enum use use;
	} regs[] = {
		{"cs", offsetof(struct ckpt_cpu, cs), IS_CODE},
		{"ss", offsetof(struct ckpt_cpu, ss), IS_STACK},
		{"ds", offsetof(struct ckpt_cpu, ds), IS_DATA},
		{"es", offsetof(struct ckpt_cpu, es), IS_DATA},
		{"fs", offsetof(struct ckpt_cpu, fs), IS_DATA},
		{"gs", offsetof(struct ckpt_cpu, gs), IS_DATA},
	};

	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		uint64_t sel;

		memcpy(&sel, (const char *)&task->cpu + regs[i].off, sizeof(sel));
		if (!is_good_selector(task, sel, regs[i].use))
			return ckpt_fail(err, EINVAL,
					 "cpu: %s 0x%llx: no such segment, or none for that use",
					 regs[i].name, (unsigned long long)sel);
	}
	return 0;
}

/* fs_base and gs_base: what ptrace takes (arch/x86/kernel/ptrace.c, putreg). rip: what a return to
 * user mode takes, and the page of vsyscalls, whose instructions the kernel emulates. */
static int check_addresses(const struct ckpt_cpu *cpu, struct ckpt_err *err)
{
	const uint64_t max = ckpt_cpu_has_la57() ? 0xfffffffffff000 : 0x7ffffffff000;
	const struct {
		const char *name;
		uint64_t value, max;
	} regs[] = {
		{"rip", cpu->rip, cpu->cs == CKPT_CS_64 ? max : 1ull << 32},
		{"fs_base", cpu->fs_base, max},
		{"gs_base", cpu->gs_base, max},
	};

	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++)
		if (regs[i].value >= regs[i].max &&
		    (i || (regs[i].value & ~0xfffull) != 0xffffffffff600000))
			return ckpt_fail(err, EINVAL, "cpu: %s 0x%llx is no address of a program",
					 regs[i].name, (unsigned long long)regs[i].value);
	return 0;
}

int ckpt_regs_check(const struct ckpt_task *task, struct ckpt_err *err)
{
	/* carry, parity, adjust, zero, sign, trap, direction, overflow, nested, resume, ac, id */
	const uint64_t own = 0x254dd5, always = CKPT_EFLAGS_PLAIN;
	const struct ckpt_cpu *cpu = &task->cpu;
	int ret = check_selectors(task, err);

	if (!ret)
		ret = check_addresses(cpu, err);
	if (!ret && ((cpu->eflags & ~own) != always))
		ret = ckpt_fail(err, EINVAL,
				"cpu: eflags 0x%llx: a program has 0x%llx and of 0x%llx what it "
				"likes",
				(unsigned long long)cpu->eflags, (unsigned long long)always,
				(unsigned long long)own);
	return ret;
}
