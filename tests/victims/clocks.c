// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * clocks GO SECONDS DEADLINE: enters a time namespace whose clocks are SECONDS ahead (0: stays
 * where it is), and expects that CLOCK_MONOTONIC and CLOCK_BOOTTIME go on as they were, by vdso
 * and by system call. Waits twice until an absolute time, DEADLINE seconds away: once by sleeping
 * a little again and again, once in one clock_nanosleep. An hour is far more than a test takes, and
 * far less than the clocks are apart.
 */
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include "victim.h"

#define HOUR 3600.0

static void enter(const char *seconds)
{
	int fd;

	if (!strcmp(seconds, "0"))
		return;
	if (unshare(CLONE_NEWTIME))
		victim_skip("no time namespaces here");
	fd = open("/proc/self/timens_offsets", O_WRONLY);
	MUST(fd >= 0);
	MUST(dprintf(fd, "monotonic %s 0\nboottime %s 0\n", seconds, seconds) > 0);
	close(fd);
	fd = open("/proc/self/ns/time_for_children", O_RDONLY);
	MUST(fd >= 0);
	MUST(setns(fd, CLONE_NEWTIME) == 0);
	close(fd);
}

static double by_syscall(clockid_t clock)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, clock, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static const struct {
	const char *name;
	double (*now)(clockid_t clock);
	clockid_t clock;
} readings[] = {
	{"monotonic by vdso", victim_now, CLOCK_MONOTONIC},
	{"monotonic by system call", by_syscall, CLOCK_MONOTONIC},
	{"coarse monotonic by vdso", victim_now, CLOCK_MONOTONIC_COARSE},
	{"raw monotonic by vdso", victim_now, CLOCK_MONOTONIC_RAW},
	{"boottime by vdso", victim_now, CLOCK_BOOTTIME},
	{"boottime by system call", by_syscall, CLOCK_BOOTTIME},
};
#define N (sizeof(readings) / sizeof(readings[0]))

static void follow(double *last)
{
	for (size_t i = 0; i < N; i++) {
		double now = readings[i].now(readings[i].clock);

		CHECK(!last[i] || now >= last[i], "%s ran back by %f s", readings[i].name,
		      last[i] - now);
		CHECK(!last[i] || now < last[i] + HOUR, "%s jumped by %f s", readings[i].name,
		      now - last[i]);
		last[i] = now;
	}
}

int main(int argc, char **argv)
{
	double last[N] = {0}, late;
	struct timespec ts;

	MUST(argc == 4);
	enter(argv[2]);
	follow(last);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += atoi(argv[3]);
	victim_ready();
	if (!atoi(argv[3])) {
		while (access(argv[1], F_OK) != 0) {
			follow(last);
			victim_doze();
		}
	} else if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL)) {
		victim_fail("the sleep was interrupted");
	}
	follow(last);
	late = victim_now(CLOCK_MONOTONIC) - (double)ts.tv_sec;
	CHECK(late >= 0, "woke up %f s early", -late);
	CHECK(late < HOUR, "woke up %f s late", late);
	return victim_end();
}
