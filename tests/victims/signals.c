// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Signal actions, mask, pending signals with what came with them, alternate stack.
 * argv[2] == "handler": it waits inside a handler on the alternate stack.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "victim.h"

struct kernel_action {
	uint64_t handler, flags, restorer, mask;
};

static const char *go;
static volatile int handled, on_alt;
static char *alt;

static void handler_a(int sig)
{
	(void)sig;
}

static void handler_b(int sig, siginfo_t *info, void *context)
{
	char here;

	(void)sig;
	(void)info;
	(void)context;
	on_alt = &here >= alt && &here < alt + 65536;
	handled++;
}

static void handler_waits(int sig)
{
	char here;
	sigset_t set;

	(void)sig;
	on_alt = &here >= alt && &here < alt + 65536;
	victim_ready();
	victim_wait(go);
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(sigismember(&set, SIGUSR2) && sigismember(&set, SIGHUP), "mask inside the handler");
	handled++;
}

static void get_action(int sig, struct kernel_action *act)
{
	memset(act, 0, sizeof(*act));
	MUST(syscall(SYS_rt_sigaction, sig, NULL, act, 8) == 0);
}

static void take_alt(void)
{
	stack_t ss = {.ss_size = 65536};

	alt = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(alt != MAP_FAILED);
	ss.ss_sp = alt;
	MUST(sigaltstack(&ss, NULL) == 0);
}

static int in_handler(void)
{
	struct sigaction act = {.sa_handler = handler_waits, .sa_flags = SA_ONSTACK};
	sigset_t set;

	take_alt();
	sigemptyset(&act.sa_mask);
	sigaddset(&act.sa_mask, SIGHUP);
	sigaction(SIGUSR2, &act, NULL);
	raise(SIGUSR2);
	CHECK(handled == 1, "the handler ran %d times", handled);
	CHECK(on_alt, "not on the alternate stack");
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(!sigismember(&set, SIGUSR2) && !sigismember(&set, SIGHUP), "mask after the handler");
	return victim_end();
}

static void queue(int sig, int value)
{
	siginfo_t info = {.si_signo = sig, .si_code = SI_QUEUE, .si_pid = 4711, .si_uid = 815};

	info.si_value.sival_int = value;
	MUST(syscall(SYS_rt_sigqueueinfo, getpid(), sig, &info) == 0);
}

static void queue_thread(int sig, int value)
{
	siginfo_t info = {.si_signo = sig, .si_code = SI_MESGQ, .si_pid = 42, .si_uid = 43};

	info.si_value.sival_int = value;
	MUST(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), sig, &info) == 0);
}

static void expect(int sig, int code, int pid, int uid, int value)
{
	struct timespec zero = {0, 0};
	siginfo_t info;
	sigset_t set;

	memset(&info, 0, sizeof(info));
	sigemptyset(&set);
	sigaddset(&set, sig);
	if (sigtimedwait(&set, &info, &zero) != sig) {
		victim_fail("signal %d (value %d) is not pending", sig, value);
		return;
	}
	CHECK(info.si_code == code, "signal %d: si_code %d", sig, info.si_code);
	CHECK(info.si_pid == pid && (int)info.si_uid == uid, "signal %d: from %d uid %d", sig,
	      info.si_pid, info.si_uid);
	CHECK(info.si_value.sival_int == value, "signal %d: value %d, not %d", sig,
	      info.si_value.sival_int, value);
}

int main(int argc, char **argv)
{
	struct kernel_action before[65], now;
	sigset_t blocked, set, pending;
	stack_t ss;

	MUST(argc > 1);
	go = argv[1];
	if (argc > 2 && strcmp(argv[2], "handler") == 0)
		return in_handler();
	take_alt();
	for (int sig = 1; sig < 65; sig++) {
		struct sigaction act = {.sa_handler = handler_a};

		if (sig == SIGKILL || sig == SIGSTOP || (sig >= 32 && sig < 34))
			continue;
		if (sig % 5 == 1)
			act.sa_handler = SIG_IGN;
		if (sig % 5 == 2)
			continue;
		if (sig % 5 == 3 || sig == SIGUSR1) {
			act.sa_sigaction = handler_b;
			act.sa_flags = SA_SIGINFO | SA_ONSTACK;
		}
		act.sa_flags |= sig % 2 ? SA_RESTART : 0;
		act.sa_flags |= sig % 7 == 0 ? SA_NODEFER : 0;
		act.sa_flags |= sig == SIGCHLD ? SA_NOCLDSTOP | SA_NOCLDWAIT : 0;
		sigemptyset(&act.sa_mask);
		sigaddset(&act.sa_mask, 1 + sig * 3 % 31);
		sigaddset(&act.sa_mask, 34 + sig % 30);
		MUST(sigaction(sig, &act, NULL) == 0);
	}
	for (int sig = 1; sig < 65; sig++)
		get_action(sig, &before[sig]);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, 40);
	sigaddset(&blocked, 41);
	sigaddset(&blocked, 64);
	MUST(sigprocmask(SIG_SETMASK, &blocked, NULL) == 0);
	queue(40, 11);
	queue(40, 22);
	queue(40, 33);
	queue_thread(41, 44);
	queue_thread(41, 55);
	queue(SIGTERM, 66);
	MUST(kill(getpid(), SIGUSR1) == 0);

	victim_ready();
	victim_wait(argv[1]);

	for (int sig = 1; sig < 65; sig++) {
		get_action(sig, &now);
		CHECK(memcmp(&now, &before[sig], sizeof(now)) == 0, "action of signal %d", sig);
	}
	sigprocmask(SIG_BLOCK, NULL, &set);
	for (int sig = 1; sig < 65; sig++)
		CHECK(sigismember(&set, sig) == sigismember(&blocked, sig), "mask: signal %d", sig);
	sigpending(&pending);
	for (int sig = 1; sig < 65; sig++)
		CHECK(sigismember(&pending, sig) ==
			      (sig == 40 || sig == 41 || sig == SIGTERM || sig == SIGUSR1),
		      "pending: signal %d", sig);
	expect(40, SI_QUEUE, 4711, 815, 11);
	expect(40, SI_QUEUE, 4711, 815, 22);
	expect(40, SI_QUEUE, 4711, 815, 33);
	expect(41, SI_MESGQ, 42, 43, 44);
	expect(41, SI_MESGQ, 42, 43, 55);
	expect(SIGTERM, SI_QUEUE, 4711, 815, 66);
	CHECK(sigaltstack(NULL, &ss) == 0 && ss.ss_sp == alt && ss.ss_size == 65536,
	      "alternate stack: %p %zu", ss.ss_sp, ss.ss_size);
	sigdelset(&blocked, SIGUSR1);
	sigprocmask(SIG_SETMASK, &blocked, NULL); /* SIGUSR1 comes now */
	CHECK(handled == 1, "the pending SIGUSR1 came %d times", handled);
	CHECK(on_alt, "it did not come on the alternate stack");
	sigpending(&pending);
	CHECK(sigisemptyset(&pending), "more is pending than there was");
	return victim_end();
}
