// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process to be edited: edit GO ARGUMENT. It spins until somebody changes the register r12, and
 * says then what it finds: the register, its argument, a page of its own, a limit, the signal mask
 * and which of two handlers takes SIGUSR1. And so again, until it may go.
 */
#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "victim.h"

static const char *volatile handled;

static void one(int sig)
{
	(void)sig;
	handled = "one";
}

static void two(int sig)
{
	(void)sig;
	handled = "two";
}

/* Until somebody makes r12 another one than it was. */
static uint64_t spin(uint64_t was)
{
	uint64_t is = was;

	asm volatile("mov %0, %%r12\n"
		     "1: pause\n"
		     "cmp %1, %%r12\n"
		     "je 1b\n"
		     "mov %%r12, %0\n"
		     : "+r"(is)
		     : "r"(was)
		     : "r12", "cc");
	return is;
}

static void say(uint64_t r12, const char *argument, const char *page)
{
	struct sigaction old;
	struct rlimit lim;
	sigset_t set;

	MUST(!getrlimit(RLIMIT_NOFILE, &lim));
	MUST(!sigprocmask(SIG_SETMASK, NULL, &set));
	MUST(!sigaction(SIGUSR1, NULL, &old));
	handled = "nobody";
	raise(SIGUSR1);
	dprintf(1, "r12 %#" PRIx64 " argument %s page %.20s nofile %lu %lu usr1 %s by %s\n", r12,
		argument, page, (unsigned long)lim.rlim_cur, (unsigned long)lim.rlim_max,
		sigismember(&set, SIGUSR1) ? "blocked" : "free", handled);
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = one};
	char *page =
		mmap(NULL, 3 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t r12 = 0x1111;

	MUST(argc > 2 && page != MAP_FAILED && !sigaction(SIGUSR1, &act, NULL));
	memset(page, '.', 3 << 20);
	strcpy(page + (2 << 20), "as it was");
	dprintf(1, "argument at %#lx page at %#lx one %#lx two %#lx\n", (unsigned long)argv[2],
		(unsigned long)page, (unsigned long)one, (unsigned long)two);
	victim_ready();
	while (access(argv[1], F_OK) != 0) {
		r12 = spin(r12);
		say(r12, argv[2], page + (2 << 20));
	}
	return victim_end();
}
