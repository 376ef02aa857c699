// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * traps GO KIND: it lives with exceptions of its own making: steps through itself with the trap
 * flag, holds an x87 exception that the next instruction would raise, sits in a handler on an
 * alternate stack.
 */
#include <fenv.h>
#include <signal.h>
#include <string.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include "victim.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1 << 31)
#endif
#define STACK 65536

static const char *go;
static volatile unsigned long traps, passes;

static void on_alt_stack(int flags)
{
	stack_t alt = {.ss_size = STACK, .ss_flags = flags};

	alt.ss_sp = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(alt.ss_sp != MAP_FAILED && sigaltstack(&alt, NULL) == 0);
}

static void handle(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

	MUST(sigaction(sig, &act, NULL) == 0);
}

/* ---- the trap flag ---- */

static volatile unsigned long odd_traps;

static void on_step(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	traps++;
	if (info->si_code != TRAP_TRACE)
		odd_traps++;
}

/* A fixed number of instructions under the trap flag, one of them a system call. */
static unsigned long step_once(void)
{
	unsigned long before = traps, rest = 300;

	asm volatile("lea -128(%%rsp), %%rsp\n"
		     "pushfq\n"
		     "orq $0x100, (%%rsp)\n"
		     "popfq\n"
		     "1: dec %0\n"
		     "jnz 1b\n"
		     "mov $39, %%eax\n" /* getpid */
		     "syscall\n"
		     "pushfq\n"
		     "andq $~0x100, (%%rsp)\n"
		     "popfq\n"
		     "lea 128(%%rsp), %%rsp\n"
		     : "+r"(rest)
		     :
		     : "rax", "rcx", "r11", "memory", "cc");
	return traps - before;
}

static void step(void)
{
	unsigned long want, got;

	handle(SIGTRAP, on_step, 0);
	want = step_once();
	MUST(want > 600);
	victim_ready();
	do {
		got = step_once();
		passes++;
		CHECK(got == want, "%lu traps, not %lu", got, want);
	} while (access(go, F_OK) != 0 && victim_failures < 20);
	CHECK(odd_traps == 0, "%lu traps were no single steps", odd_traps);
}

static void step_on_alt_stack(void)
{
	on_alt_stack(0);
	handle(SIGTRAP, on_step, SA_ONSTACK);
	step();
}

/* ---- x87: the exception of one instruction is raised by the next ---- */

static volatile sig_atomic_t fpe_code;
static volatile uint64_t fpe_at;
extern char x87_wait[];

static void on_fpe(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	fpe_code = info->si_code;
	fpe_at = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
	uc->uc_mcontext.fpregs->cwd |= 0x3f;
	uc->uc_mcontext.fpregs->swd &= 0x7f00;
}

static volatile uint32_t x87_go;

static void on_usr1(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	x87_go = access(go, F_OK) == 0;
}

static void x87(void)
{
	uint16_t control = 0x037b; /* division by zero is not masked */
	double one = 1, zero = 0;

	on_alt_stack(0);
	handle(SIGFPE, on_fpe, SA_ONSTACK);
	handle(SIGUSR1, on_usr1, SA_ONSTACK);
	victim_ready();
	asm volatile("fninit\n"
		     "fldcw %0\n"
		     "fldl %1\n"
		     "fdivl %2\n" /* pending from here on */
		     "1: pause\n"
		     "cmpl $0, %3\n"
		     "je 1b\n"
		     ".globl x87_wait\n"
		     "x87_wait: fwait\n" /* raised here */
		     "fninit\n"
		     :
		     : "m"(control), "m"(one), "m"(zero), "m"(x87_go)
		     : "memory");
	CHECK(fpe_code == FPE_FLTDIV, "SIGFPE with code %d", (int)fpe_code);
	CHECK(fpe_at == (uint64_t)x87_wait, "SIGFPE at %#lx", fpe_at);
}

/* ---- in a handler whose alternate stack is disarmed ---- */

static void on_usr2(int sig, siginfo_t *info, void *context)
{
	stack_t now;

	(void)sig;
	(void)info;
	(void)context;
	victim_ready();
	victim_wait(go);
	MUST(sigaltstack(NULL, &now) == 0);
	CHECK(now.ss_flags & SS_DISABLE, "the alternate stack is armed: flags %#x", now.ss_flags);
}

static void autodisarm(void)
{
	stack_t before, after;

	on_alt_stack(SS_AUTODISARM);
	MUST(sigaltstack(NULL, &before) == 0);
	handle(SIGUSR2, on_usr2, SA_ONSTACK);
	raise(SIGUSR2);
	MUST(sigaltstack(NULL, &after) == 0);
	CHECK(after.ss_sp == before.ss_sp && after.ss_size == before.ss_size &&
		      after.ss_flags == before.ss_flags,
	      "the alternate stack: flags %#x, not %#x", after.ss_flags, before.ss_flags);
}

/* Frozen outside of the handler, it must be disarmed by the next one. */
static void autodisarm_later(void)
{
	stack_t before, after;

	on_alt_stack(SS_AUTODISARM);
	MUST(sigaltstack(NULL, &before) == 0);
	handle(SIGUSR2, on_usr2, SA_ONSTACK);
	victim_ready();
	victim_wait(go);
	MUST(sigaltstack(NULL, &after) == 0);
	CHECK(after.ss_flags == before.ss_flags && after.ss_sp == before.ss_sp,
	      "the alternate stack: flags %#x, not %#x", after.ss_flags, before.ss_flags);
	raise(SIGUSR2);
}

/* ---- debug registers, which a debugger left behind ---- */

static volatile uint64_t watched;
static volatile int watch_code;

static void on_watch(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	traps++;
	watch_code = info->si_code;
}

static void set_watch(pid_t target)
{
	const unsigned long write8 = 0x90000 | 1; /* DR7: slot 0, 8 bytes, when written, local */
	int status;

	MUST(ptrace(PTRACE_SEIZE, target, 0, 0) == 0 &&
	     ptrace(PTRACE_INTERRUPT, target, 0, 0) == 0);
	MUST(waitpid(target, &status, 0) == target);
	if (ptrace(PTRACE_POKEUSER, target, offsetof(struct user, u_debugreg), &watched) != 0 ||
	    ptrace(PTRACE_POKEUSER, target, offsetof(struct user, u_debugreg) + 7 * 8, write8) != 0)
		_exit(77);
	MUST(ptrace(PTRACE_DETACH, target, 0, 0) == 0);
	_exit(0);
}

static void debug(void)
{
	int status;
	pid_t pid;

	handle(SIGTRAP, on_watch, 0);
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0)
		set_watch(getppid());
	while (waitpid(pid, &status, 0) != pid)
		MUST(errno == EINTR);
	if (WEXITSTATUS(status) == 77)
		victim_skip("no debug registers");
	MUST(status == 0);
	watched = 1;
	if (traps != 1)
		victim_skip("breakpoints do nothing here");
	victim_ready();
	victim_wait(go);
	CHECK(traps == 1, "%lu traps before it is written", traps - 1);
	watched = 2;
	CHECK(traps == 2 && watch_code == TRAP_HWBKPT, "%lu traps when it is written", traps - 1);
}

/* ---- a base of the kernel's half, which a program may have, and ptrace does not set ---- */

static void far_base(void)
{
	const uint64_t want = 0xffff888000000000;
	uint64_t got;

	if (!(getauxval(AT_HWCAP2) & 2)) /* HWCAP2_FSGSBASE */
		victim_skip("programs can't set the base themselves");
	asm volatile("wrgsbase %0" : : "r"(want));
	victim_ready();
	victim_wait(go);
	asm volatile("rdgsbase %0" : "=r"(got));
	CHECK(got == want, "the base is %#lx", got);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} kinds[] = {
		{"step", step},
		{"step-on-alt-stack", step_on_alt_stack},
		{"x87", x87},
		{"autodisarm", autodisarm},
		{"autodisarm-later", autodisarm_later},
		{"debug", debug},
		{"far-base", far_base},
	};

	MUST(argc == 3);
	go = argv[1];
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, argv[2]) != 0)
			continue;
		kinds[i].run();
		return victim_end();
	}
	victim_fail("no kind %s", argv[2]);
	return 1;
}
