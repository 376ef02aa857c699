// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is read from /proc: names in it (of programs, files, control groups) are anybody's. Every
 * fopen() of the parsers gets the next part of the input, parts end at a form feed; the first byte
 * says which parser: 0, 1, 2 and so on.
 */
#include "fuzz.h"

/* The statics are wanted. */
#include "../../src/cred.c"
#include "../../src/fds.c"
#include "../../src/pagemap.c"

#include "cgroup.h"
#include "mounts.h"
#include "proc.h"
#include "vma_nodes.h"

FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);

static char *parts, *next_part;

FILE *__wrap_fopen(const char *path, const char *mode)
{
	char *part = next_part;
	size_t len;
	FILE *f;

	if (!part) /* libFuzzer itself */
		return __real_fopen(path, mode);
	len = strcspn(part, "\f");
	HOLDS(strchr(mode, 'r') && !strchr(mode, 'w'), "%s is opened to be written", path);
	next_part = part[len] ? part + len + 1 : parts;
	f = fmemopen(part, len ? len : 1, "r");
	if (f && !len)
		fgetc(f);
	return f;
}

/* A parser that asks on and on would never end otherwise. */
static int count;

static void obstacle(void *arg, const char *text)
{
	(void)arg;
	HOLDS(*text, "an obstacle without a word");
}

static void vmas(void)
{
	struct ckpt_task *task = ckpt_task_new();
	struct ckpt_err err = {0};
	int ret = ckpt_vmas_read(1, task, obstacle, NULL, &err);

	if (ret)
		fuzz_refused(ret, &err);
	ckpt_task_free(task);
}

static void smaps(void)
{
	struct ckpt_pagemap pm = {.pid = 1, .fd = -1, .kflags_fd = -1};

	read_smaps(&pm);
	CKPT_VEC_FINI(&pm.empty);
}

static void status(void)
{
	char text[64];

	ckpt_proc_status_text(1, "Name", text, sizeof(text));
	HOLDS(memchr(text, 0, sizeof(text)), "no end");
	ckpt_proc_status(1, "Tgid", 10);
	ckpt_proc_status(1, "SigBlk", 16);
}

static void stat_(void)
{
	for (int field = 4; field < 53; field++)
		ckpt_proc_stat(1, field);
	ckpt_proc_state(1);
}

static void lines(void)
{
	char text[16];

	ckpt_proc_line(1, "attr/current", text, sizeof(text));
	HOLDS(memchr(text, 0, sizeof(text)), "no end");
	ckpt_proc_comm(1, text, sizeof(text));
	HOLDS(memchr(text, 0, sizeof(text)), "no end");
	ckpt_proc_sched_ns("1", "se.exec_start");
}

static int child(pid_t pid, void *arg)
{
	(void)pid;
	(void)arg;
	return ++count > 1000;
}

static void children(void)
{
	count = 0;
	ckpt_proc_children(1, child, NULL);
}

static void fdinfo(void)
{
	struct fd_reader r = {.pid = 1, .obstacle = obstacle};
	struct fd_scan s = {.fd = 3};

	scan_fdinfo(&r, &s);
	for (size_t i = 0; i < s.lock.n; i++)
		HOLDS(s.lock.v[i].kind <= CKPT_LOCK_OFD, "lock %u", s.lock.v[i].kind);
	CKPT_VEC_FINI(&s.lock);
}

static void credentials(void)
{
	size_t len = strcspn(parts, "\f");
	char *text = fuzz_text((const uint8_t *)parts, len);
	struct status st = {0};
	struct ckpt_err err = {0};
	int ret = parse_status(text, &st, &err);

	if (ret)
		fuzz_refused(ret, &err);
	free(st.cred.groups);
	free(text);
}

static void groups(void)
{
	char name[64];

	ckpt_cgroup_frozen(1, name, sizeof(name));
}

static void mountinfo(void)
{
	ckpt_is_ckptfs(5);
	ckpt_path_enters_ckptfs("/a/../b/./c");
}

static void (*const parsers[])(void) = {vmas,	  smaps,  status,      stat_,  lines,
					children, fdinfo, credentials, groups, mountinfo};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size || memchr(data, 0, size))
		return -1;
	parts = next_part = fuzz_text(data + 1, size - 1);
	parsers[(uint8_t)(data[0] - '0') % (sizeof(parsers) / sizeof(*parsers))]();
	free(parts);
	parts = next_part = NULL;
	return 0;
}
