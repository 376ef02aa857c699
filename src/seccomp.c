// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns what is known of seccomp filters: how they are read, and an evaluator of their programs.
 *
 * Classic BPF in the dialect of seccomp: Documentation/userspace-api/seccomp_filter.rst, and
 * seccomp_check_filter() in kernel/seccomp.c for the instructions there are.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include "i386.h"
#include "log.h"
#include "proc.h"
#include "seccomp.h"
#include "x86_regs.h"

/* ---- reading ---- */

static int unreadable(int code, struct ckpt_err *err)
{
	if (code == EACCES)
		return ckpt_fail(err, ENOTSUP,
				 "seccomp: only a ckptfs with CAP_SYS_ADMIN and without filters of "
				 "its own can read its filters");
	if (code == EMEDIUMTYPE)
		return ckpt_fail(err, ENOTSUP, "seccomp: a filter that is not classic BPF");
	if (code == EIO || code == EINVAL)
		return ckpt_fail(err, ENOTSUP,
				 "seccomp: this kernel does not show filters "
				 "(CONFIG_CHECKPOINT_RESTORE)");
	return ckpt_fail(err, code, "seccomp filters: %s", strerror(code));
}

static int get_one(pid_t tid, uint64_t index, struct ckpt_seccomp *out, struct ckpt_err *err)
{
	struct {
		uint64_t index, flags;
	} meta = {index, 0};
	struct sock_filter code[BPF_MAXINSNS];
	long n = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, index, code);
	struct ckpt_filter *filter;

	if (n < 0)
		return errno == ENOENT ? 1 : unreadable(errno, err);
	if (ptrace(PTRACE_SECCOMP_GET_METADATA, tid, sizeof(meta), &meta) < (long)sizeof(meta))
		return unreadable(errno, err);
	filter = CKPT_VEC_ADD(&out->filter);
	if (!filter)
		return ckpt_fail(err, ENOMEM, "no memory for seccomp filters");
	filter->flags = meta.flags;
	for (long i = 0; i < n; i++) {
		struct ckpt_insn *insn = CKPT_VEC_ADD(&out->insn);

		if (!insn)
			return ckpt_fail(err, ENOMEM, "no memory for seccomp filters");
		*insn = (struct ckpt_insn){(uint32_t)index, code[i].code, code[i].jt, code[i].jf,
					   code[i].k};
	}
	return 0;
}

int ckpt_seccomp_get(pid_t tid, struct ckpt_seccomp *out, struct ckpt_err *err)
{
	int64_t mode = ckpt_proc_status(tid, "Seccomp", 10);
	struct ckpt_seccomp s = {0};
	int ret = mode < 0 ? ckpt_proc_heard(tid, 0, err) : 0;

	if (ret) /* not known is not none */
		return ret;
	if (mode == SECCOMP_MODE_STRICT) /* __secure_computing_strict() in kernel/seccomp.c */
		return ckpt_fail(err, ENOTSUP,
				 "seccomp: strict mode kills on every system call but read, write, "
				 "exit and sigreturn");
	for (uint64_t i = 0; mode == SECCOMP_MODE_FILTER && !ret; i++)
		ret = get_one(tid, i, &s, err);
	if (ret < 0) {
		ckpt_seccomp_fini(&s);
		return ret;
	}
	*out = s;
	return 0;
}

void ckpt_seccomp_fini(struct ckpt_seccomp *s)
{
	CKPT_VEC_FINI(&s->filter);
	CKPT_VEC_FINI(&s->insn);
}

int ckpt_seccomp_suspend(pid_t tid, unsigned long options, struct ckpt_err *err)
{
	if (!ptrace(PTRACE_SETOPTIONS, tid, 0, options | PTRACE_O_SUSPEND_SECCOMP))
		return 0;
	if (errno == ESRCH)
		return ckpt_fail(err, ESRCH, "task %d is gone", tid);
	/* check_ptrace_options() in kernel/ptrace.c */
	return ckpt_fail(err, errno == EINVAL ? ENOTSUP : errno,
			 "seccomp: filters can't be suspended (PTRACE_O_SUSPEND_SECCOMP): that "
			 "takes CAP_SYS_ADMIN and no filter of one's own: %s",
			 strerror(errno));
}

/* ---- evaluating ---- */

struct machine {
	uint32_t a, x, mem[BPF_MEMWORDS];
};

static uint32_t load_data(const struct seccomp_data *call, uint32_t off)
{
	uint32_t word = 0;

	if (off <= sizeof(*call) - sizeof(word))
		memcpy(&word, (const char *)call + off, sizeof(word));
	return word;
}

static uint32_t alu(uint16_t op, uint32_t a, uint32_t v)
{
	switch (op) {
	case BPF_ADD:
		return a + v;
	case BPF_SUB:
		return a - v;
	case BPF_MUL:
		return a * v;
	case BPF_DIV:
		return v ? a / v : 0;
	case BPF_AND:
		return a & v;
	case BPF_OR:
		return a | v;
	case BPF_XOR:
		return a ^ v;
	case BPF_LSH:
		return a << (v & 31);
	case BPF_RSH:
		return a >> (v & 31);
	default:
		return 0 - a; /* BPF_NEG */
	}
}

static bool compare(uint16_t op, uint32_t a, uint32_t v)
{
	switch (op) {
	case BPF_JEQ:
		return a == v;
	case BPF_JGT:
		return a > v;
	case BPF_JGE:
		return a >= v;
	default:
		return a & v; /* BPF_JSET */
	}
}

static void step(struct machine *m, const struct ckpt_insn *in, const struct seccomp_data *call)
{
	uint16_t code = (uint16_t)in->code;
	uint32_t *to = BPF_CLASS(code) == BPF_LDX || BPF_CLASS(code) == BPF_STX ? &m->x : &m->a;
	uint32_t *slot = &m->mem[in->k % BPF_MEMWORDS];

	switch (BPF_CLASS(code)) {
	case BPF_LD:
	case BPF_LDX:
		if (BPF_MODE(code) == BPF_ABS)
			*to = load_data(call, in->k);
		else if (BPF_MODE(code) == BPF_LEN)
			*to = sizeof(*call);
		else
			*to = BPF_MODE(code) == BPF_MEM ? *slot : in->k;
		break;
	case BPF_ST:
	case BPF_STX:
		*slot = *to;
		break;
	case BPF_ALU:
		m->a = alu(BPF_OP(code), m->a, BPF_SRC(code) == BPF_X ? m->x : in->k);
		break;
	default: /* BPF_MISC */
		if (BPF_MISCOP(code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
	}
}

/* The kernel has checked the program: jumps lead forward, and the last instruction returns. What
 * it would not have taken ends here as the worst of answers. */
static uint32_t run(const struct ckpt_insn *code, size_t n, const struct seccomp_data *call)
{
	struct machine m = {0};

	for (size_t at = 0; at < n; at++) {
		const struct ckpt_insn *in = &code[at];
		uint16_t op = (uint16_t)in->code;

		if (BPF_CLASS(op) == BPF_RET)
			return BPF_RVAL(op) == BPF_A ? m.a : in->k;
		if (BPF_CLASS(op) == BPF_ALU && BPF_OP(op) == BPF_DIV && BPF_SRC(op) == BPF_X &&
		    !m.x)
			return 0; /* net/core/filter.c, bpf_convert_filter() */
		if (BPF_CLASS(op) != BPF_JMP)
			step(&m, in, call);
		else if (BPF_OP(op) == BPF_JA)
			at += in->k;
		else
			at += compare(BPF_OP(op), m.a, BPF_SRC(op) == BPF_X ? m.x : in->k) ? in->jt
											   : in->jf;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

/* The lowest answer counts, read as a signed number (seccomp_run_filters() in kernel/seccomp.c). */
static int32_t rank(uint32_t verdict)
{
	return (int32_t)(verdict & SECCOMP_RET_ACTION_FULL);
}

uint32_t ckpt_seccomp_verdict(const struct ckpt_seccomp *s, const struct seccomp_data *call)
{
	uint32_t verdict = SECCOMP_RET_ALLOW;

	for (size_t i = 0, next; i < s->insn.n; i = next) {
		uint32_t one;

		for (next = i; next < s->insn.n && s->insn.v[next].filter == s->insn.v[i].filter;)
			next++;
		one = run(&s->insn.v[i], next - i, call);
		if (rank(one) <= rank(verdict)) /* of equals the later filter's */
			verdict = one;
	}
	return verdict;
}

bool ckpt_seccomp_has_supervisor(const struct ckpt_seccomp *s)
{
	for (size_t i = 0; i < s->insn.n; i++) {
		const struct ckpt_insn *in = &s->insn.v[i];

		if (BPF_CLASS(in->code) == BPF_RET &&
		    (BPF_RVAL(in->code) == BPF_A || /* it may be anything */
		     (in->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF))
			return true;
	}
	return false;
}

/* ---- answers ---- */

static const struct answer {
	uint32_t action;
	bool harmless; /* to a task that makes a call it did not ask for */
	const char *verb;
} answers[] = {
	{SECCOMP_RET_ALLOW, true, "allows"},
	{SECCOMP_RET_LOG, true, "logs"},
	{SECCOMP_RET_ERRNO, true, "fails"},
	{SECCOMP_RET_TRACE, true, "has traced"}, /* ENOSYS without a tracer */
	{SECCOMP_RET_TRAP, false, "raises SIGSYS on"},
	{SECCOMP_RET_USER_NOTIF, false, "asks its supervisor about"},
	{SECCOMP_RET_KILL_THREAD, false, "kills on"},
	{SECCOMP_RET_KILL_PROCESS, false, "kills on"},
};

static const struct answer *answer_of(uint32_t verdict)
{
	size_t n = sizeof(answers) / sizeof(answers[0]);

	for (size_t i = 0; i < n; i++)
		if (answers[i].action == (verdict & SECCOMP_RET_ACTION_FULL))
			return &answers[i];
	return &answers[n - 1]; /* what the kernel does with an action it does not know */
}

bool ckpt_seccomp_harmless(uint32_t verdict, bool runs)
{
	uint32_t action = answer_of(verdict)->action;

	return runs ? action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG
		    : answer_of(verdict)->harmless;
}

/* The calls that are made in live tasks. */
static const struct {
	long nr;
	const char *name;
	bool by_option; /* the first argument says which */
} calls[] = {
	{SYS_mmap, "mmap", false},
	{SYS_munmap, "munmap", false},
	{SYS_brk, "brk", false},
	{SYS_rt_sigprocmask, "rt_sigprocmask", false},
	{SYS_rt_sigaction, "rt_sigaction", false},
	{SYS_sigaltstack, "sigaltstack", false},
	{SYS_getitimer, "getitimer", false},
	{SYS_timer_gettime, "timer_gettime", false},
	{SYS_modify_ldt, "modify_ldt", false},
	{SYS_arch_prctl, "arch_prctl", true},
	{SYS_membarrier, "membarrier", true},
	{SYS_get_mempolicy, "get_mempolicy", false},
	{SYS_prctl, "prctl", true},
	{SYS_keyctl, "keyctl", true},
	{SYS_request_key, "request_key", false},
	{SYS_restart_syscall, "restart_syscall", false},
	{SYS_pkey_mprotect, "pkey_mprotect", false},
};

void ckpt_seccomp_describe(uint32_t verdict, long nr, uint64_t arg0, char *text, size_t size)
{
	const char *verb = answer_of(verdict)->verb;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (calls[i].nr != nr)
			continue;
		if (calls[i].by_option)
			snprintf(text, size, "%s %s(%llu)", verb, calls[i].name,
				 (unsigned long long)arg0);
		else
			snprintf(text, size, "%s %s", verb, calls[i].name);
		return;
	}
	snprintf(text, size, "%s system call %ld", verb, nr);
}

/* ---- an interrupted wait ---- */

/* The registers that hold the arguments stay what they were (arch/x86/kernel/signal.c). */
static struct seccomp_data restart_of(const struct user_regs_struct *r, bool i386)
{
	struct seccomp_data call = {
		.nr = i386 ? I386_restart_syscall : SYS_restart_syscall,
		.arch = i386 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64,
		.instruction_pointer = r->rip,
		.args = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9},
	};

	if (i386)
		memcpy(call.args,
		       (const uint64_t[6]){(uint32_t)r->rbx, (uint32_t)r->rcx, (uint32_t)r->rdx,
					   (uint32_t)r->rsi, (uint32_t)r->rdi, (uint32_t)r->rbp},
		       sizeof(call.args));
	return call;
}

int ckpt_seccomp_spare(pid_t tid, const struct ckpt_seccomp *s, struct ckpt_err *err)
{
	struct __ptrace_syscall_info info = {0};
	struct user_regs_struct regs;
	struct seccomp_data call;
	uint32_t verdict;
	char text[80];

	if (!s->filter.n)
		return 0;
	if (ptrace(PTRACE_GETREGS, tid, 0, &regs))
		return ckpt_fail(err, errno, "task %d: registers: %s", tid, strerror(errno));
	if ((int64_t)regs.rax != -CKPT_ERESTART_RESTARTBLOCK)
		return 0;
	/* Linux 5.3; before, a task is taken for one of 64 bits */
	ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info);
	call = restart_of(&regs, info.arch == AUDIT_ARCH_I386);
	verdict = ckpt_seccomp_verdict(s, &call);
	if (ckpt_seccomp_harmless(verdict, true))
		return 0;
	/* with its own number again it passes: it has passed before */
	regs.rax = (uint64_t)(regs.orig_rax == (uint64_t)call.nr ? -EINTR : -CKPT_ERESTARTSYS);
	if (ptrace(PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, rax), regs.rax))
		return ckpt_fail(err, errno, "task %d: registers: %s", tid, strerror(errno));
	ckpt_seccomp_describe(verdict, SYS_restart_syscall, 0, text, sizeof(text));
	ckpt_log("process %d: its seccomp filter %s: the wait it is in starts afresh", tid, text);
	return 0;
}
