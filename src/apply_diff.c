// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What differs between the state a task has and the one it is to have, key by key through the
 * tables that print and parse the files; and for each key whether it can be changed in place.
 * A key that has no rule here is refused by name: whoever adds one finds it said, not lost.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "apply_int.h"

enum rule {
	REFUSE,	  /* there is no way, or none yet */
	NO_LEAVE, /* a task may not do that to itself: -EPERM */
	IGNORE,	  /* tells of the checkpoint or of others, not of the task */
	CHANGE,	  /* done by one of the apply_*.c */
};

struct key_rule {
	const char *key;
	enum rule rule;
};

static const struct key_rule task_rules[] = {
	{"tree", IGNORE},	    {"parent", IGNORE},
	{"clock_realtime", IGNORE}, {"clock_monotonic", IGNORE},
	{"clock_boottime", IGNORE}, {"clocks", IGNORE},
	{"ppid", IGNORE}, /* its parent may have ended */
	{"cgroup", IGNORE},	    {NULL, REFUSE},
};
static const struct key_rule mm_rules[] = {
	{"map_count", IGNORE},
	{NULL, REFUSE},
};
static const struct key_rule none_rules[] = {{NULL, REFUSE}};
static const struct key_rule creds_rules[] = {{NULL, NO_LEAVE}};

struct file_rules {
	const struct ckpt_codec *codec;
	size_t off; /* in struct ckpt_task */
	const struct key_rule *rules;
};

static const struct file_rules files[] = {
	{&ckpt_header_codec, offsetof(struct ckpt_task, header), task_rules},
	{&ckpt_mm_codec, offsetof(struct ckpt_task, mm), mm_rules},
	{&ckpt_cpu_codec, offsetof(struct ckpt_task, cpu), none_rules},
	{&ckpt_ldt_codec, offsetof(struct ckpt_task, ldt), none_rules},
	{&ckpt_signals_codec, offsetof(struct ckpt_task, signals), none_rules},
	{&ckpt_timers_codec, offsetof(struct ckpt_task, timers), none_rules},
	{&ckpt_creds_codec, offsetof(struct ckpt_task, creds), creds_rules},
	{&ckpt_limits_codec, offsetof(struct ckpt_task, limits), none_rules},
	{&ckpt_thread_codec, offsetof(struct ckpt_task, thread), none_rules},
	{&ckpt_seccomp_codec, offsetof(struct ckpt_task, seccomp), creds_rules},
};

/* The lines of one key in a text printed by its codec, which prints them together. */
static const char *lines_of(const char *text, const char *key, size_t *len)
{
	const char *start = NULL, *line = text;
	size_t n = strlen(key);

	*len = 0;
	while (*line) {
		const char *nl = strchr(line, '\n');
		const char *next = nl ? nl + 1 : line + strlen(line);

		if (!strncmp(line, key, n) && (line[n] == ' ' || line[n] == '\n')) {
			start = start ? start : line;
			*len = (size_t)(next - start);
		}
		line = next;
	}
	return start;
}

int ckpt_codec_diff(const struct ckpt_codec *codec, const void *a, const void *b,
		    int (*fn)(const char *key, void *arg), void *arg)
{
	struct ckpt_buf ta = {0}, tb = {0};
	int ret = 0;

	ckpt_codec_print(codec, a, &ta);
	ckpt_codec_print(codec, b, &tb);
	if (ta.failed || tb.failed)
		ret = -ENOMEM;
	for (size_t i = 0; !ret && i < codec->nrows; i++) {
		const char *key = codec->rows[i].key;
		size_t na, nb;
		const char *la = lines_of(ta.data, key, &na), *lb = lines_of(tb.data, key, &nb);

		if (na != nb || (na && memcmp(la, lb, na) != 0))
			ret = fn(key, arg);
	}
	ckpt_buf_fini(&ta);
	ckpt_buf_fini(&tb);
	return ret;
}

struct judge {
	const struct file_rules *file;
	struct ckpt_err *err;
};

static int judge_key(const char *key, void *arg)
{
	struct judge *j = arg;
	const struct key_rule *rule = j->file->rules;

	while (rule->key && strcmp(rule->key, key) != 0)
		rule++;
	if (rule->rule == REFUSE)
		return ckpt_fail(j->err, ENOTSUP, "%s: %s: can't be changed in place",
				 j->file->codec->name, key);
	if (rule->rule == NO_LEAVE)
		return ckpt_fail(j->err, EPERM, "%s: %s: a task can't change that in place",
				 j->file->codec->name, key);
	return 0;
}

int ckpt_apply_judge(const struct ckpt_apply *a, struct ckpt_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(files) / sizeof(files[0]); i++) {
		struct judge j = {&files[i], err};

		ret = ckpt_codec_diff(files[i].codec, (const char *)a->old + files[i].off,
				      (const char *)a->want + files[i].off, judge_key, &j);
	}
	return ret == -ENOMEM ? ckpt_fail(err, ENOMEM, "no memory to compare states") : ret;
}
