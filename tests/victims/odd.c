// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * odd GO KIND: something that few programs do: system calls dispatched to itself, a critical
 * section that only its abort ends, guard pages under mlockall, a name of two lines ...
 */
#include <pthread.h>
#include <signal.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "victim.h"

#define SYSCALL_USER_DISPATCH	   59 /* PR_SET_SYSCALL_USER_DISPATCH, Linux 5.11 */
#define THP_DISABLE_EXCEPT_ADVISED 2  /* PR_THP_DISABLE_EXCEPT_ADVISED, Linux 6.18 */

static const char *go;

static volatile sig_atomic_t dispatched;

static void on_sigsys(int sig)
{
	(void)sig;
	dispatched++;
}

/* The C library's own system calls stay allowed: what is not of it is dispatched. */
static void dispatch(void)
{
	static volatile char selector;
	unsigned long start = 0, end = 0;
	char line[400];
	long result;
	FILE *f = fopen("/proc/self/maps", "re");

	MUST(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "r-xp") && strstr(line, "/libc.so"))
			MUST(sscanf(line, "%lx-%lx", &start, &end) == 2);
	fclose(f);
	MUST(end);
	signal(SIGSYS, on_sigsys);
	if (prctl(SYSCALL_USER_DISPATCH, 1, start, end - start, &selector) != 0)
		victim_skip("this kernel dispatches no system calls");
	selector = 1;
	victim_ready();
	victim_wait(go);
	CHECK(dispatched == 0, "%d system calls were not its own", (int)dispatched);
	__asm__ volatile("syscall" : "=a"(result) : "a"(SYS_getpid) : "rcx", "r11", "memory");
	selector = 0;
	CHECK(dispatched == 1, "its own one was dispatched %d times", (int)dispatched);
}

/* Only the kernel ends the loop, by the abort handler, when it preempts us. */
static void spin_in_rseq(void)
{
	static struct rseq_cs cs __attribute__((aligned(32)));
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	struct stat st;

	if (__rseq_size == 0)
		victim_skip("the C library registers no rseq area");
	victim_ready();
	while (stat(go, &st) != 0) {
		__asm__ volatile("lea 1f(%%rip), %%rax\n"
				 "mov %%rax, 8(%1)\n"
				 "lea 3f(%%rip), %%rcx\n"
				 "mov %%rcx, 24(%1)\n"
				 "lea 2f(%%rip), %%rcx\n"
				 "sub %%rax, %%rcx\n"
				 "mov %%rcx, 16(%1)\n"
				 "mov %1, (%0)\n"
				 "1: jmp 1b\n"
				 "2: jmp 3f\n"
				 ".long 0x53053053\n" /* RSEQ_SIG */
				 "3:\n"
				 :
				 : "r"(&area->rseq_cs), "r"(&cs)
				 : "rax", "rcx", "memory");
	}
}

static void lock_everything(void)
{
	char *guarded =
		mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(guarded != MAP_FAILED && mprotect(guarded, 4096, PROT_NONE) == 0);
	MUST(mlockall(MCL_CURRENT) == 0);
	guarded[8192] = 'x';
	victim_ready();
	victim_wait(go);
	CHECK(guarded[8192] == 'x', "its memory");
	CHECK(msync(guarded, 4096, MS_INVALIDATE) == -1 && errno == EBUSY, "guard is not locked");
	CHECK(msync(guarded + 8192, 4096, MS_INVALIDATE) == -1 && errno == EBUSY, "not locked");
}

static void two_lines(void)
{
	char name[16] = "";

	MUST(prctl(PR_SET_NAME, "a\nb) R 1") == 0);
	victim_ready();
	victim_wait(go);
	MUST(prctl(PR_GET_NAME, name) == 0);
	CHECK(strcmp(name, "a\nb) R 1") == 0, "its name is '%s'", name);
}

static void advised_huge_pages(void)
{
	int was, now;

	if (prctl(PR_SET_THP_DISABLE, 1, THP_DISABLE_EXCEPT_ADVISED, 0, 0) != 0)
		victim_skip("huge pages can't be left to madvise");
	was = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
	victim_ready();
	victim_wait(go);
	now = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
	CHECK(now == was, "thp_disable is %d, was %d", now, was);
}

static void on_segv(int sig)
{
	(void)sig;
	_exit(!prctl(PR_SET_TSC, PR_TSC_ENABLE) && dprintf(1, "PASS\n") > 0 ? 0 : 1);
}

/* Reading the time stamp counter raises SIGSEGV; so does asking the vdso for the time. */
static void no_tsc(void)
{
	struct timespec pause = {0, 10 * 1000 * 1000};
	int now = 0;

	MUST(prctl(PR_SET_TSC, PR_TSC_SIGSEGV) == 0);
	signal(SIGSEGV, on_segv);
	victim_ready();
	while (access(go, F_OK) != 0)
		nanosleep(&pause, NULL);
	MUST(prctl(PR_GET_TSC, &now) == 0);
	CHECK(now == PR_TSC_SIGSEGV, "the counter may be read");
	__asm__ volatile("rdtsc" : : : "rax", "rdx");
	victim_fail("the counter was read");
}

static void *end_at_once(void *arg)
{
	return arg;
}

/* A thread makes a list of semaphore adjustments, with nothing in it. */
static void had_thread(void)
{
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, end_at_once, NULL) == 0);
	MUST(pthread_join(thread, NULL) == 0);
	victim_ready();
	victim_wait(go);
}

static void queue(int sig, int value)
{
	union sigval v = {.sival_int = value};

	MUST(sigqueue(getpid(), sig, v) == 0);
}

/* More signals than the limit allows now, and one that found the queue full. */
static void full_queue(void)
{
	struct rlimit lim = {5, 5}, none = {0, 0};
	struct timespec at_once = {0, 0};
	siginfo_t info;
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGTERM);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	MUST(setrlimit(RLIMIT_SIGPENDING, &lim) == 0);
	for (int i = 0; i < 5; i++)
		queue(SIGRTMIN + 1, i);
	queue(SIGUSR1, 77);
	MUST(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 9}) == -1);
	MUST(setrlimit(RLIMIT_SIGPENDING, &none) == 0);
	victim_ready();
	victim_wait(go);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK(sigtimedwait(&set, &info, &at_once) == SIGUSR1, "SIGUSR1 is not pending");
	CHECK(info.si_code == SI_USER && info.si_pid == 0, "SIGUSR1 has code %d", info.si_code);
	sigaddset(&set, SIGRTMIN + 1);
	for (int i = 0; i < 5; i++) {
		CHECK(sigtimedwait(&set, &info, &at_once) == SIGRTMIN + 1, "signal %d", i);
		CHECK(info.si_value.sival_int == i, "%d came as %d", i, info.si_value.sival_int);
	}
	CHECK(sigtimedwait(&set, &info, &at_once) == -1, "there is one more signal");
}

static void namespace_for_children(void)
{
	if (unshare(CLONE_NEWPID) != 0)
		victim_skip("no namespaces");
	victim_ready();
	victim_wait(go);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} kinds[] = {
		{"dispatch", dispatch},
		{"rseq", spin_in_rseq},
		{"mlockall", lock_everything},
		{"name", two_lines},
		{"had-thread", had_thread},
		{"full-queue", full_queue},
		{"tsc", no_tsc},
		{"thp", advised_huge_pages},
		{"children-pid-namespace", namespace_for_children},
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
