// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waits with a limit: waits GO HOW SECONDS. It prints "ready", waits, and prints
 * "elapsed SECONDS", which the test judges.
 */
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include "victim.h"

static double limit;

static struct timespec span(double seconds)
{
	struct timespec ts = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};

	return ts;
}

static void wait_nanosleep(void)
{
	struct timespec ts = span(limit);

	CHECK(nanosleep(&ts, NULL) == 0, "nanosleep: %m");
}

static void wait_nanosleep_rem(void)
{
	struct timespec ts = span(limit), rem = {77, 88};

	CHECK(nanosleep(&ts, &rem) == 0, "nanosleep: %m");
}

static void wait_relative(void)
{
	struct timespec ts = span(limit);
	int ret = clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);

	CHECK(ret == 0, "clock_nanosleep: %s", strerror(ret));
}

static void wait_absolute(void)
{
	struct timespec ts = span(victim_now(CLOCK_MONOTONIC) + limit);
	int ret;

	/* Restarted by the kernel, as after any signal without a handler. */
	ret = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	CHECK(ret == 0, "clock_nanosleep: %s", strerror(ret));
}

static void wait_poll(void)
{
	struct pollfd none = {.fd = -1};
	int ret = poll(&none, 1, (int)(limit * 1000));

	CHECK(ret == 0, "poll: %d %m", ret);
}

static void wait_ppoll(void)
{
	struct timespec ts = span(limit);
	sigset_t set;
	int ret;

	sigemptyset(&set);
	ret = ppoll(NULL, 0, &ts, &set);
	CHECK(ret == 0, "ppoll: %d %m", ret);
}

static void wait_select(void)
{
	struct timeval tv = {(time_t)limit, 0};
	int ret = select(0, NULL, NULL, NULL, &tv);

	CHECK(ret == 0, "select: %d %m", ret);
}

static void wait_futex(void)
{
	struct timespec ts = span(limit);
	uint32_t word = 5;
	long ret = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &ts, NULL, 0);

	CHECK(ret == -1 && errno == ETIMEDOUT, "futex: %ld %m", ret);
}

static void wait_futex_absolute(void)
{
	struct timespec ts = span(victim_now(CLOCK_MONOTONIC) + limit);
	uint32_t word = 5;
	long ret = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 5, &ts, NULL,
			   FUTEX_BITSET_MATCH_ANY);

	CHECK(ret == -1 && errno == ETIMEDOUT, "futex: %ld %m", ret);
}

static void wait_sleep(void)
{
	CHECK(sleep((unsigned int)limit) == 0, "sleep was cut short");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*wait)(void);
	} how[] = {
		{"nanosleep", wait_nanosleep},
		{"nanosleep-rem", wait_nanosleep_rem},
		{"clock-relative", wait_relative},
		{"clock-absolute", wait_absolute},
		{"poll", wait_poll},
		{"ppoll", wait_ppoll},
		{"select", wait_select},
		{"futex", wait_futex},
		{"futex-absolute", wait_futex_absolute},
		{"sleep", wait_sleep},
	};
	double start;

	MUST(argc > 3);
	limit = atof(argv[3]);
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		if (strcmp(argv[2], how[i].name) != 0)
			continue;
		victim_ready();
		start = victim_now(CLOCK_MONOTONIC);
		how[i].wait();
		dprintf(1, "elapsed %.3f\n", victim_now(CLOCK_MONOTONIC) - start);
		return victim_end();
	}
	dprintf(1, "FAIL: no wait '%s'\n", argv[2]);
	return 1;
}
