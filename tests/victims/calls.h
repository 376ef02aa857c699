/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs that make one blocking system call share: calls_KIND GO NAME SECONDS. Such a
 * program says "ready", makes the call, judges its result, and prints "elapsed SECONDS".
 * "calls_KIND list WORD" prints the names of the calls that the tests called WORD are for.
 */
#ifndef CALLS_H
#define CALLS_H

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include "victim.h"

#define BIG (1 << 20)

static const char *go;
static double limit;
static pid_t self;
static char big[BIG];

static inline void timed_out(const char *what, long ret, int error)
{
	int got = errno;

	CHECK(ret == -1 && got == error, "%s: %ld, errno %d (%s), not %d", what, ret, got,
	      strerror(got), error);
}

static inline void returned(const char *what, long ret, long want)
{
	CHECK(ret == want, "%s: %ld, not %ld: %m", what, ret, want);
}

static inline int empty_epoll(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int ep = epoll_create1(0), fd = eventfd(0, 0);

	MUST(ep >= 0 && fd >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0);
	return ep;
}

struct call {
	const char *name, *tests;
	void (*make)(void);
};

static inline bool is_for(const struct call *c, const char *test)
{
	size_t len = strlen(test);

	for (const char *p = c->tests; (p = strstr(p, test)); p += len)
		if ((p == c->tests || p[-1] == ' ') && (!p[len] || p[len] == ' '))
			return true;
	return false;
}

static inline int calls_main(const struct call *calls, size_t n, int argc, char **argv)
{
	double start;

	MUST(argc > 2);
	go = argv[1];
	self = getpid();
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(go, "list")) {
			if (is_for(&calls[i], argv[2]))
				puts(calls[i].name);
			continue;
		}
		if (strcmp(calls[i].name, argv[2]) != 0)
			continue;
		limit = argc > 3 ? atof(argv[3]) : 0;
		start = victim_now(CLOCK_MONOTONIC);
		calls[i].make();
		dprintf(1, "elapsed %.3f\n", victim_now(CLOCK_MONOTONIC) - start);
		return victim_end();
	}
	return strcmp(go, "list") != 0;
}

#endif
