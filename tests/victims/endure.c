// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs until it may go, and notices everything that is not as it should be: memory, registers,
 * system calls that are cut short, signals that get lost or come twice. Whoever sends SIGRTMIN
 * compares the count that it prints at the end.
 */
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include "victim.h"

#define AREA (256 * 1024)

static volatile unsigned long queued, alarms, any;

static void on_queued(int sig)
{
	(void)sig;
	queued++;
	any++;
}

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
	any++;
}

static void spin_registers(unsigned long seed)
{
	uint64_t a = seed, b = ~seed, c = seed * 3, x[2] = {seed, ~seed}, y[2];

	asm volatile("movdqu %3, %%xmm9\n"
		     "mov $20000, %%r11\n"
		     "1: lea 1(%0), %0\n"
		     "lea 2(%1), %1\n"
		     "lea 3(%2), %2\n"
		     "dec %%r11\n"
		     "jnz 1b\n"
		     "movdqu %%xmm9, %4\n"
		     : "+r"(a), "+r"(b), "+r"(c)
		     : "m"(x), "m"(y)
		     : "r11", "xmm9", "memory", "cc");
	CHECK(a == seed + 20000 && b == ~seed + 40000 && c == seed * 3 + 60000, "registers");
	CHECK(y[0] == x[0] && y[1] == x[1], "xmm9");
}

/* A system call that ended early must have had a signal as its reason. */
static void check_wait(const char *name, int ret, unsigned long before, double start, double len)
{
	if (ret == -1 && errno == EINTR) {
		CHECK(any != before, "%s: EINTR without a signal", name);
		return;
	}
	CHECK(ret == 0, "%s: %d %m", name, ret);
	CHECK(victim_now(CLOCK_MONOTONIC) - start > len - 0.002, "%s ended early", name);
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_queued};
	struct itimerval tick = {{0, 37000}, {0, 37000}};
	struct timespec ts = {0, 3000000};
	unsigned long round = 0, before;
	sigset_t set;
	uint64_t *area;
	double start;
	int fd, nul;
	char c;

	MUST(argc > 1);
	area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = open(argv[0], O_RDONLY);
	nul = open("/dev/null", O_RDWR);
	MUST(area != MAP_FAILED && fd >= 0 && nul >= 0);
	sigaction(SIGRTMIN, &act, NULL);
	act.sa_handler = on_alarm;
	sigaction(SIGALRM, &act, NULL);
	MUST(setitimer(ITIMER_REAL, &tick, NULL) == 0);
	victim_ready();
	while (access(argv[1], F_OK) != 0 && victim_failures < 20) {
		victim_fill(area, AREA, round);
		spin_registers(round);
		before = any;
		start = victim_now(CLOCK_MONOTONIC);
		check_wait("nanosleep", nanosleep(&ts, NULL), before, start, 0.003);
		before = any;
		start = victim_now(CLOCK_MONOTONIC);
		check_wait("poll", poll(NULL, 0, 4), before, start, 0.004);
		CHECK(pread(fd, &c, 1, 0) == 1 && c == 0x7f, "pread: %m");
		CHECK(write(nul, area, 4096) == 4096, "write: %m");
		sigemptyset(&set);
		sigaddset(&set, SIGRTMIN);
		sigprocmask(SIG_BLOCK, &set, NULL);
		before = queued;
		for (int i = 0; i < 50; i++)
			CHECK(getppid() > 0, "getppid");
		CHECK(queued == before, "a blocked signal came");
		sigemptyset(&set);
		sigprocmask(SIG_SETMASK, &set, NULL);
		CHECK(victim_differs(area, AREA, round) < 0, "memory");
		CHECK(fcntl(3, F_GETFD) == 0 && fcntl(5, F_GETFD) == -1, "descriptors");
		round++;
	}
	CHECK(alarms > 0, "no alarm came");
	dprintf(1, "rounds %lu\nqueued %lu\n", round, queued);
	return victim_end();
}
