// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * storm GO forks|threads|execs: never the same tasks for long. Processes that fork, threads that
 * start threads, a program that executes itself again and again; each does a small sum, and whoever
 * waits for it checks that.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include "victim.h"

#define AT_ONCE 8

static unsigned int sum(unsigned int seed)
{
	unsigned int x = seed;

	for (int i = 0; i < 2000; i++)
		x = x * 1664525u + 1013904223u;
	return x & 0x7f;
}

/* A child with a child of its own: its exit status is the sum of both. */
static pid_t child(unsigned int seed)
{
	pid_t pid = fork(), inner;
	int status;

	MUST(pid >= 0);
	if (pid)
		return pid;
	inner = fork();
	if (inner == 0)
		_exit((int)sum(seed + 1));
	if (inner < 0 || waitpid(inner, &status, 0) != inner || !WIFEXITED(status) ||
	    (unsigned int)WEXITSTATUS(status) != sum(seed + 1))
		_exit(0xff);
	_exit((int)sum(seed));
}

static void forks(const char *go)
{
	struct {
		pid_t pid;
		unsigned int seed;
	} at_once[AT_ONCE] = {{0}};
	unsigned int seed = 0;
	int status;

	victim_ready();
	while (access(go, F_OK) != 0) {
		for (int i = 0; i < AT_ONCE; i++) {
			if (at_once[i].pid) {
				MUST(waitpid(at_once[i].pid, &status, 0) == at_once[i].pid);
				CHECK(WIFEXITED(status) && (unsigned int)WEXITSTATUS(status) ==
								   sum(at_once[i].seed),
				      "a child ended with status %#x", (unsigned int)status);
			}
			seed += 2;
			at_once[i].seed = seed;
			at_once[i].pid = child(seed);
		}
	}
	while (wait(&status) > 0)
		CHECK(WIFEXITED(status), "a child ended with status %#x", (unsigned int)status);
}

static void *thread_main(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	pthread_t inner;
	void *result = NULL;

	if (seed & 1)
		return (void *)(uintptr_t)sum(seed);
	if (pthread_create(&inner, NULL, thread_main, (void *)(uintptr_t)(seed + 1)) != 0)
		return (void *)(uintptr_t)0xffff;
	pthread_join(inner, &result);
	if ((unsigned int)(uintptr_t)result != sum(seed + 1))
		return (void *)(uintptr_t)0xfffe;
	return (void *)(uintptr_t)sum(seed);
}

static void threads(const char *go)
{
	pthread_t at_once[AT_ONCE];
	unsigned int seed = 0;
	void *result;

	victim_ready();
	while (access(go, F_OK) != 0) {
		for (unsigned int i = 0; i < AT_ONCE; i++)
			MUST(pthread_create(&at_once[i], NULL, thread_main,
					    (void *)(uintptr_t)(seed + 2 * i)) == 0);
		for (unsigned int i = 0; i < AT_ONCE; i++) {
			MUST(pthread_join(at_once[i], &result) == 0);
			CHECK((unsigned int)(uintptr_t)result == sum(seed + 2 * i), "a thread: %p",
			      result);
		}
		seed += 2 * AT_ONCE;
	}
}

/* What survives an exec: PID, descriptors, what is ignored and blocked; and the count, which is
 * written to a file before each and must not skip. */
static void execs(char **argv)
{
	unsigned int count = argv[3] ? (unsigned int)atoi(argv[3]) : 0;
	char text[16];
	char *again[] = {argv[0], argv[1], argv[2], text, NULL};
	sigset_t mask;
	int fd = 9;

	if (!count) {
		MUST(dup2(open("/dev/null", O_RDONLY), fd) == fd);
		signal(SIGUSR2, SIG_IGN);
		sigemptyset(&mask);
		sigaddset(&mask, SIGRTMIN + 3);
		sigprocmask(SIG_BLOCK, &mask, NULL);
		victim_ready();
	}
	sigprocmask(SIG_BLOCK, NULL, &mask);
	CHECK(sigismember(&mask, SIGRTMIN + 3) == 1, "the mask is lost at %u", count);
	CHECK(sigismember(&mask, SIGTERM) == 0, "SIGTERM is blocked at %u", count);
	CHECK(signal(SIGUSR2, SIG_IGN) == SIG_IGN, "SIGUSR2 is not ignored at %u", count);
	CHECK(fcntl(fd, F_GETFD) == 0, "descriptor %d at %u: %m", fd, count);
	if (access(argv[1], F_OK) == 0 || victim_failures)
		return;
	snprintf(text, sizeof(text), "%u", count + 1);
	execv("/proc/self/exe", again);
	victim_fail("exec: %m");
}

int main(int argc, char **argv)
{
	MUST(argc > 2);
	if (!strcmp(argv[2], "forks"))
		forks(argv[1]);
	else if (!strcmp(argv[2], "threads"))
		threads(argv[1]);
	else
		execs(argv);
	return victim_end();
}
