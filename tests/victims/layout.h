/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A victim's look at its own mappings: range, protection, offset, name, flags, page size and
 * protection key of each, as /proc/self/smaps has them. Without stdio and malloc, which would
 * change what is looked at.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <setjmp.h>
#include <signal.h>
#include "victim.h"

struct layout {
	char text[1 << 20];
	size_t len;
};

static char layout_buf[1 << 16];

/* Softdirty comes and goes; device and inode of memory without a name are the kernel's choice. */
static inline void layout_line(struct layout *l, const char *line, size_t n)
{
	static const char *const keys[] = {"VmFlags:", "KernelPageSize:", "ProtectionKey:"};
	bool head = strchr("0123456789abcdef", line[0]), wanted = head;
	size_t field = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		wanted |= n > strlen(keys[i]) && !memcmp(line, keys[i], strlen(keys[i]));
	if (!wanted || l->len + n + 1 >= sizeof(l->text))
		return;
	for (size_t i = 0; i < n; i++) {
		if (i && line[i] != ' ' && line[i - 1] == ' ')
			field++;
		if (head && (field == 3 || field == 4))
			continue;
		if (!head && n - i >= 3 && !memcmp(line + i, "sd ", 3)) {
			i += 2;
			continue;
		}
		l->text[l->len++] = line[i];
	}
	l->text[l->len++] = '\n';
	l->text[l->len] = '\0';
}

static __attribute__((unused)) void layout_see(struct layout *l)
{
	int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t got;

	MUST(fd >= 0);
	l->len = 0;
	while ((got = read(fd, layout_buf + have, sizeof(layout_buf) - have)) > 0) {
		char *line = layout_buf, *end = layout_buf + have + got, *nl;

		while ((nl = memchr(line, '\n', end - line))) {
			layout_line(l, line, nl - line);
			line = nl + 1;
		}
		have = end - line;
		memmove(layout_buf, line, have);
	}
	close(fd);
}

static __attribute__((unused)) void layout_compare(const struct layout *was,
						   const struct layout *is)
{
	const char *p = was->text, *q = is->text, *where = p;
	int found = 0;

	while ((*p || *q) && found < 12) {
		size_t n = strcspn(p, "\n"), m = strcspn(q, "\n");

		if (*p && strchr("0123456789abcdef", *p))
			where = p;
		if (n != m || memcmp(p, q, n) != 0) {
			victim_fail("%.40s: was '%.*s', is '%.*s'", where, (int)n, p, (int)m, q);
			found++;
		}
		p += n + (p[n] == '\n');
		q += m + (q[m] == '\n');
	}
}

/* ---- faults ---- */

static sigjmp_buf layout_fault;
static siginfo_t layout_info;

static void layout_on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	layout_info = *info;
	siglongjmp(layout_fault, sig);
}

static __attribute__((unused)) void layout_catch(void)
{
	struct sigaction act = {.sa_sigaction = layout_on_fault, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
}

/* The signal that reading a byte gives, 0 for none; its details are in layout_info. */
static __attribute__((noinline, unused)) int layout_read(const void *p)
{
	int sig = sigsetjmp(layout_fault, 1);

	if (!sig)
		(void)*(const volatile char *)p;
	return sig;
}

static __attribute__((noinline, unused)) int layout_write(void *p, char c)
{
	int sig = sigsetjmp(layout_fault, 1);

	if (!sig)
		*(volatile char *)p = c;
	return sig;
}

#endif
