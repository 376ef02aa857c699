// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interval timers and POSIX timers: timers GO itimer|posix|ticking|blocked
 * thaw|restore.
 * After a thaw they ran on meanwhile; after a restore they have the time that was left.
 */
#include <math.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include "victim.h"

static bool restored;
static double start; /* when they were set */
static volatile int ticks, tick_value, tick_code;

static void on_tick(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	ticks++;
	tick_code = info->si_code;
	tick_value = info->si_value.sival_int;
}

/* What is left of a timer of a running clock that was set to value seconds at start. */
static void check_left(const char *name, double value, double left)
{
	double ran = victim_now(CLOCK_MONOTONIC) - start;
	double want = value - ran + (restored ? victim_gap : 0);

	/* between taking or setting the timer and the last moment it ran, the machine may be busy
	 */
	CHECK(fabs(left - want) < (restored ? 5 : 0.3), "%s has %.2f s left, not %.2f", name, left,
	      want);
}

/* The same for a clock of processor time, of which we use little. */
static void check_cpu_left(const char *name, double value, double left)
{
	CHECK(left < value + 0.02 && left > value - 2, "%s has %.2f s left of %.2f", name, left,
	      value);
}

static void burn(double seconds)
{
	double end = victim_now(CLOCK_PROCESS_CPUTIME_ID) + seconds;

	while (victim_now(CLOCK_PROCESS_CPUTIME_ID) < end)
		;
}

static double seconds_tv(struct timeval tv)
{
	return tv.tv_sec + tv.tv_usec / 1e6;
}

static double seconds_ts(struct timespec ts)
{
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void test_itimer(const char *go)
{
	struct itimerval real = {{7, 0}, {1000, 0}}, virt = {{5, 0}, {500, 0}};
	struct itimerval prof = {{6, 500}, {600, 0}}, now, fast = {{0, 50000}, {0, 50000}};
	struct sigaction act = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO};

	sigaction(SIGALRM, &act, NULL);
	sigaction(SIGVTALRM, &act, NULL);
	sigaction(SIGPROF, &act, NULL);
	MUST(setitimer(ITIMER_REAL, &real, NULL) == 0);
	MUST(setitimer(ITIMER_VIRTUAL, &virt, NULL) == 0);
	MUST(setitimer(ITIMER_PROF, &prof, NULL) == 0);
	start = victim_now(CLOCK_MONOTONIC);
	victim_ready();
	victim_wait(go);

	getitimer(ITIMER_REAL, &now);
	check_left("the real timer", 1000, seconds_tv(now.it_value));
	CHECK(seconds_tv(now.it_interval) == 7, "interval of the real timer");
	getitimer(ITIMER_VIRTUAL, &now);
	check_cpu_left("the virtual timer", 500, seconds_tv(now.it_value));
	CHECK(seconds_tv(now.it_interval) == 5, "interval of the virtual timer");
	getitimer(ITIMER_PROF, &now);
	check_cpu_left("the profiling timer", 600, seconds_tv(now.it_value));
	CHECK(fabs(seconds_tv(now.it_interval) - 6.0005) < 1e-9, "interval of the profiling timer");
	CHECK(ticks == 0, "%d ticks too early", ticks);
	setitimer(ITIMER_REAL, &fast, NULL);
	for (int i = 0; i < 500 && ticks < 3; i++)
		victim_doze();
	CHECK(ticks >= 3, "the real timer does not tick");
}

/* The same with timers that tick all the time, through the checkpoint. */
static void test_ticking(const char *go)
{
	struct itimerval real = {{0, 40000}, {0, 40000}}, prof = {{0, 30000}, {0, 30000}};
	struct sigaction act = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO};
	struct sigaction cpu = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO};

	sigaction(SIGALRM, &act, NULL);
	MUST(setitimer(ITIMER_REAL, &real, NULL) == 0);
	victim_ready();
	victim_wait(go);
	ticks = 0;
	for (int i = 0; i < 500 && ticks < 3; i++)
		victim_doze();
	CHECK(ticks >= 3, "the real timer does not tick any more");
	setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
	sigaction(SIGPROF, &cpu, NULL);
	MUST(setitimer(ITIMER_PROF, &prof, NULL) == 0);
	ticks = 0;
	burn(0.5);
	CHECK(ticks >= 3, "the profiling timer does not tick");
}

/* A timer that has expired while its signal is blocked does not run until that is delivered. */
static void test_blocked(const char *go)
{
	struct itimerval real = {{0, 40000}, {0, 40000}};
	struct sigaction act = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO};
	sigset_t alarm, pending;

	sigaction(SIGALRM, &act, NULL);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, NULL);
	MUST(setitimer(ITIMER_REAL, &real, NULL) == 0);
	do
		victim_doze();
	while (sigpending(&pending) == 0 && !sigismember(&pending, SIGALRM));
	victim_ready();
	victim_wait(go);
	CHECK(ticks == 0, "%d ticks of a blocked signal", ticks);
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
	for (int i = 0; i < 500 && ticks < 3; i++)
		victim_doze();
	CHECK(ticks >= 3, "%d ticks, then the timer is off", ticks);
}

static void make(clockid_t clock, struct sigevent *ev, double value, double interval, int *id)
{
	struct itimerspec its = {.it_interval = {(time_t)interval, 0},
				 .it_value = {(time_t)value, 0}};

	MUST(syscall(SYS_timer_create, clock, ev, id) == 0);
	if (value > 0)
		MUST(syscall(SYS_timer_settime, *id, 0, &its, NULL) == 0);
}

static double left(int id, double *interval)
{
	struct itimerspec its = {0};

	if (syscall(SYS_timer_gettime, id, &its) != 0) {
		victim_fail("timer %d: %m", id);
		return -1;
	}
	*interval = seconds_ts(its.it_interval);
	return seconds_ts(its.it_value);
}

static void test_posix(const char *go)
{
	struct sigevent sig = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2};
	struct sigevent none = {.sigev_notify = SIGEV_NONE};
	struct sigevent tid = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 3};
	struct sigaction act = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO};
	struct itimerspec fast = {{0, 20 * 1000 * 1000}, {0, 20 * 1000 * 1000}};
	struct itimerspec at = {{9, 0}, {0, 0}};
	int mono, real, boot, cpu, idle, thread, gap[3], abs, fresh;
	double interval;

	sigaction(SIGRTMIN + 2, &act, NULL);
	sigaction(SIGRTMIN + 3, &act, NULL);
	sig.sigev_value.sival_int = 0x1234;
	tid._sigev_un._tid = getpid();
	tid.sigev_value.sival_int = 0x5678;
	start = victim_now(CLOCK_MONOTONIC);
	make(CLOCK_MONOTONIC, &sig, 1000, 3, &mono);
	for (int i = 0; i < 3; i++)
		make(CLOCK_MONOTONIC, &sig, 0, 0, &gap[i]);
	make(CLOCK_REALTIME, &none, 2000, 0, &real);
	make(CLOCK_BOOTTIME, &sig, 3000, 1, &boot);
	make(CLOCK_PROCESS_CPUTIME_ID, &sig, 400, 2, &cpu);
	make(CLOCK_MONOTONIC, &tid, 0, 0, &thread);
	make(CLOCK_MONOTONIC, &sig, 0, 0, &idle);
	make(CLOCK_MONOTONIC, &sig, 0, 0, &abs);
	for (int i = 0; i < 3; i++)
		MUST(syscall(SYS_timer_delete, gap[i]) == 0);
	at.it_value.tv_sec = (time_t)start + 5000;
	MUST(syscall(SYS_timer_settime, abs, TIMER_ABSTIME, &at, NULL) == 0);
	victim_ready();
	victim_wait(go);

	check_left("the monotonic timer", 1000, left(mono, &interval));
	CHECK(interval == 3, "monotonic: interval %f", interval);
	check_left("the realtime timer", 2000, left(real, &interval));
	CHECK(interval == 0, "realtime: interval %f", interval);
	check_left("the boottime timer", 3000, left(boot, &interval));
	CHECK(interval == 1, "boottime: interval %f", interval);
	check_cpu_left("the processor timer", 400, left(cpu, &interval));
	CHECK(interval == 2, "processor: interval %f", interval);
	check_left("the absolute timer", (time_t)start + 5000 - start, left(abs, &interval));
	CHECK(interval == 9, "absolute: interval %f", interval);
	CHECK(left(idle, &interval) == 0, "the idle timer runs");
	for (int i = 0; i < 3; i++)
		CHECK(syscall(SYS_timer_delete, gap[i]) == -1 && errno == EINVAL,
		      "timer %d, deleted before, is there", gap[i]);
	CHECK(ticks == 0, "%d ticks too early", ticks);
	syscall(SYS_timer_settime, mono, 0, &fast, NULL);
	for (int i = 0; i < 500 && ticks < 3; i++)
		victim_doze();
	CHECK(ticks >= 3, "the monotonic timer does not tick");
	CHECK(tick_value == 0x1234 && tick_code == SI_TIMER, "it ticks with value %#x code %d",
	      tick_value, tick_code);
	CHECK(syscall(SYS_timer_delete, mono) == 0, "timer_delete: %m");
	ticks = 0;
	syscall(SYS_timer_settime, thread, 0, &fast, NULL);
	for (int i = 0; i < 500 && ticks < 3; i++)
		victim_doze();
	CHECK(ticks >= 3 && tick_value == 0x5678, "the thread's timer: %d ticks, value %#x", ticks,
	      tick_value);
	CHECK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &sig, &fresh) == 0, "timer_create: %m");
	CHECK(fresh != real && fresh != boot && fresh != cpu && fresh != idle && fresh != abs,
	      "a new timer has the id of an old one");
}

int main(int argc, char **argv)
{
	MUST(argc > 3);
	restored = strcmp(argv[3], "restore") == 0;
	if (strcmp(argv[2], "posix") == 0)
		test_posix(argv[1]);
	else if (strcmp(argv[2], "ticking") == 0)
		test_ticking(argv[1]);
	else if (strcmp(argv[2], "blocked") == 0)
		test_blocked(argv[1]);
	else
		test_itimer(argv[1]);
	return victim_end();
}
