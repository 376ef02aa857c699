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
#include "node.h"
#include "prctls.h"

enum rule {
	REFUSE, /* there is no way, or none yet */
	FORBID, /* a task may not do that to itself: -EPERM */
	IGNORE, /* tells of the checkpoint or of others, not of the task */
	CHANGE, /* done by one of the apply_*.c, which also judges values */
};

struct key_rule {
	const char *key;
	enum rule rule;
	const char *why; /* NULL: the usual sentence */
};

static const struct key_rule task_rules[] = {
	{"tree", IGNORE, NULL},
	{"parent", IGNORE, NULL},
	{"clock_realtime", IGNORE, NULL},
	{"clock_monotonic", IGNORE, NULL},
	{"clock_boottime", IGNORE, NULL},
	{"clocks", IGNORE, NULL},
	{"ppid", IGNORE, NULL}, /* its parent may have ended */
	{"boot_id", REFUSE, "the tree is of another boot"},
	{"pid", REFUSE, "the tree is of another process"},
	{"exe", REFUSE, "the tree is of another program, or of another version of it"},
	{"cgroup", IGNORE, NULL},
	{"comm", CHANGE, NULL},
	{"cwd", CHANGE, NULL},
	{"umask", CHANGE, NULL},
	{"personality", CHANGE, NULL},
	{NULL, REFUSE, NULL},
};
static const struct key_rule mm_rules[] = {
	{"map_count", IGNORE, NULL},  {"start_code", CHANGE, NULL},  {"end_code", CHANGE, NULL},
	{"start_data", CHANGE, NULL}, {"end_data", CHANGE, NULL},    {"start_brk", CHANGE, NULL},
	{"brk", CHANGE, NULL},	      {"start_stack", CHANGE, NULL}, {"arg_start", CHANGE, NULL},
	{"arg_end", CHANGE, NULL},    {"env_start", CHANGE, NULL},   {"env_end", CHANGE, NULL},
	{"auxv", CHANGE, NULL},	      {"dumpable", CHANGE, NULL},    {"membarrier", CHANGE, NULL},
	{NULL, REFUSE, NULL},
};
static const struct key_rule cpu_rules[] = {
	{"cs", REFUSE, NULL},	   {"ss", REFUSE, NULL},	 {"ds", REFUSE, NULL},
	{"es", REFUSE, NULL},	   {"fs", REFUSE, NULL},	 {"gs", REFUSE, NULL},
	{"tls", REFUSE, NULL},	   {"xsave_size", REFUSE, NULL}, {"xcomp_perm", CHANGE, NULL},
	{"restart", CHANGE, NULL}, {"xsave", CHANGE, NULL},	 {"fs_base", CHANGE, NULL},
	{"gs_base", CHANGE, NULL}, {"eflags", CHANGE, NULL},	 {"rip", CHANGE, NULL},
	{"rsp", CHANGE, NULL},	   {"rax", CHANGE, NULL},	 {"rbx", CHANGE, NULL},
	{"rcx", CHANGE, NULL},	   {"rdx", CHANGE, NULL},	 {"rsi", CHANGE, NULL},
	{"rdi", CHANGE, NULL},	   {"rbp", CHANGE, NULL},	 {"r8", CHANGE, NULL},
	{"r9", CHANGE, NULL},	   {"r10", CHANGE, NULL},	 {"r11", CHANGE, NULL},
	{"r12", CHANGE, NULL},	   {"r13", CHANGE, NULL},	 {"r14", CHANGE, NULL},
	{"r15", CHANGE, NULL},	   {"orig_rax", CHANGE, NULL},	 {NULL, REFUSE, NULL},
};
static const struct key_rule ldt_rules[] = {{NULL, REFUSE, NULL}};
static const struct key_rule signals_rules[] = {
	{"blocked", CHANGE, NULL}, {"altstack", CHANGE, NULL}, {"action", CHANGE, NULL},
	{"pending", CHANGE, NULL}, {"shared", CHANGE, NULL},   {NULL, REFUSE, NULL},
};
static const struct key_rule timers_rules[] = {
	{"itimer", CHANGE, NULL}, {"timer", CHANGE, NULL}, {NULL, REFUSE, NULL}};
static const struct key_rule creds_rules[] = {{NULL, FORBID, NULL}};
static const struct key_rule limits_rules[] = {{"limit", CHANGE, NULL}, {NULL, REFUSE, NULL}};
static const struct key_rule thread_rules[] = {
	{"clear_child_tid", CHANGE, NULL},
	{"robust_list", CHANGE, NULL},
	{"rseq", CHANGE, NULL},
	{"nice", CHANGE, NULL},
	{"affinity", CHANGE, NULL},
	{"coredump_filter", CHANGE, NULL},
	{"oom_score_adj", CHANGE, NULL},
	{"pdeathsig", CHANGE, NULL},
	{NULL, REFUSE, NULL},
};

struct file_rules {
	const struct ckpt_codec *codec;
	size_t off; /* in struct ckpt_task */
	const struct key_rule *rules;
};

static const struct file_rules files[] = {
	{&ckpt_header_codec, offsetof(struct ckpt_task, header), task_rules},
	{&ckpt_mm_codec, offsetof(struct ckpt_task, mm), mm_rules},
	{&ckpt_cpu_codec, offsetof(struct ckpt_task, cpu), cpu_rules},
	{&ckpt_ldt_codec, offsetof(struct ckpt_task, ldt), ldt_rules},
	{&ckpt_signals_codec, offsetof(struct ckpt_task, signals), signals_rules},
	{&ckpt_timers_codec, offsetof(struct ckpt_task, timers), timers_rules},
	{&ckpt_creds_codec, offsetof(struct ckpt_task, creds), creds_rules},
	{&ckpt_limits_codec, offsetof(struct ckpt_task, limits), limits_rules},
	{&ckpt_thread_codec, offsetof(struct ckpt_task, thread), thread_rules},
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

static int is_key(const char *key, void *arg)
{
	return !arg || !strcmp(key, arg) ? 1 : 0;
}

bool ckpt_codec_differs(const struct ckpt_codec *codec, const void *a, const void *b,
			const char *key)
{
	return ckpt_codec_diff(codec, a, b, is_key, (void *)key) != 0; /* no memory: as if */
}

/* Settings that one prctl(2) makes: prctls.c knows how. */
static bool is_prctl(const char *key)
{
	for (size_t i = 0; i < ckpt_nprctls; i++)
		if (ckpt_prctls[i].set && !strcmp(ckpt_prctls[i].name, key))
			return true;
	return false;
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
	if (rule->rule == REFUSE && !is_prctl(key))
		return ckpt_fail(j->err, ENOTSUP, "%s: %s: %s", j->file->codec->name, key,
				 rule->why ? rule->why : "can't be changed in place");
	if (rule->rule == FORBID)
		return ckpt_fail(j->err, EPERM, "%s: %s: a task can't change that in place",
				 j->file->codec->name, key);
	return 0;
}

static bool has_rules(const struct ckpt_codec *codec)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i].codec == codec)
			return true;
	return false;
}

/* A file of the format that this table does not know may only stay as it is. */
static int judge_others(const struct ckpt_apply *a)
{
	for (size_t i = 0; i < ckpt_node_root.nrows; i++) {
		const struct ckpt_node_row *row = &ckpt_node_root.rows[i];

		if (row->kind == CKPT_NODE_TEXT && !has_rules(row->codec) &&
		    ckpt_codec_differs(row->codec, (const char *)a->old + row->off,
				       (const char *)a->want + row->off, NULL))
			return ckpt_fail(a->err, ENOTSUP, "%s: can't be changed in place",
					 row->name);
	}
	return 0;
}

int ckpt_apply_judge(const struct ckpt_apply *a)
{
	int ret = judge_others(a);

	for (size_t i = 0; !ret && i < sizeof(files) / sizeof(files[0]); i++) {
		struct judge j = {&files[i], a->err};

		ret = ckpt_codec_diff(files[i].codec, (const char *)a->old + files[i].off,
				      (const char *)a->want + files[i].off, judge_key, &j);
	}
	return ret == -ENOMEM ? ckpt_fail(a->err, ENOMEM, "no memory to compare states") : ret;
}
