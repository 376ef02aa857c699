/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs under test share. A victim sets its state up, says "ready" on stdout,
 * waits until the file named by its first argument exists, and judges itself: it prints PASS
 * and exits 0, or one "FAIL: what" per finding and exits 1; 77 when the machine lacks
 * something ("SKIP: what").
 */
#ifndef VICTIM_H
#define VICTIM_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int victim_failures;
static double victim_gap; /* the longest time in which victim_wait() did not run, seconds */

static inline void victim_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void victim_fail(const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	dprintf(1, "FAIL: %s\n", text);
	victim_failures++;
}

#define CHECK(cond, ...)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			victim_fail(__VA_ARGS__);                                                  \
	} while (0)

/* For setting up: what fails here is not the checkpoint's fault. */
#define MUST(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			dprintf(1, "FAIL: setup, line %d: %s: %s\n", __LINE__, #cond,              \
				strerror(errno));                                                  \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static inline void victim_skip(const char *why)
{
	dprintf(1, "SKIP: %s\n", why);
	_exit(77);
}

static inline void victim_ready(void)
{
	MUST(write(1, "ready\n", 6) == 6);
}

static inline double victim_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static inline void victim_doze(void)
{
	struct timespec ts = {0, 10 * 1000 * 1000};

	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

/* Waits for the file go, and notes the longest time in which it did not run. */
static inline void victim_wait(const char *go)
{
	double last = victim_now(CLOCK_MONOTONIC), now;

	while (access(go, F_OK) != 0) {
		victim_doze();
		now = victim_now(CLOCK_MONOTONIC);
		if (now - last > victim_gap)
			victim_gap = now - last;
		last = now;
	}
}

static inline int victim_end(void)
{
	if (victim_failures)
		return 1;
	dprintf(1, "PASS\n");
	return 0;
}

/* A sequence that differs from page to page and from seed to seed. */
static inline uint64_t victim_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static __attribute__((noinline, unused)) void victim_fill(void *mem, size_t len, uint64_t seed)
{
	uint64_t *p = mem;

	for (size_t i = 0; i < len / 8; i++)
		p[i] = victim_mix(seed + i);
}

/* Offset of the first byte that is not what victim_fill() wrote, or -1. */
static __attribute__((noinline, unused)) long victim_differs(const void *mem, size_t len,
							     uint64_t seed)
{
	const uint64_t *p = mem;

	for (size_t i = 0; i < len / 8; i++)
		if (p[i] != victim_mix(seed + i))
			return (long)(i * 8);
	return -1;
}

static inline bool victim_is_zero(const void *mem, size_t len)
{
	const uint64_t *p = mem;

	for (size_t i = 0; i < len / 8; i++)
		if (p[i])
			return false;
	return true;
}

#endif
