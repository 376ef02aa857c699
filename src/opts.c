// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line, and one table row per mount option.
 */
#include "opts.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char ckpt_opts_usage[] =
	"usage: ckptfs SOURCE MOUNTPOINT [-o OPTION[,OPTION...]] [-f] [-d]\n"
	"       ckptfs --check | -V | -h\n"
	"\n"
	"Presents frozen Linux processes as files: mkdir MOUNTPOINT/PID freezes a process,\n"
	"cp -a of that directory is a checkpoint, cp -a of the copy to MOUNTPOINT/restore/\n"
	"brings the process back. See ckptfs(1).\n"
	"\n"
	"  -f  stay in the foreground, messages also on standard error\n"
	"  -d  as -f, with every FUSE request shown\n"
	"  --check  say what this kernel and these privileges allow\n"
	"  -V  version    -h  this text\n"
	"\n"
	"options:\n"
	"  allow_other         other users may use the mount, for what they may ptrace\n"
	"  inspect             freeze also what can't be captured, to be looked at only\n"
	"  pid=any             a restored process whose PID can't be had gets another one\n"
	"  timeout=MS          undo a freeze that takes longer (10000)\n"
	"  stage_limit=BYTES   memory for trees under restore/, per user; K, M, G\n"
	"                      (half of what is available at mount)\n";

#define DEFAULT_TIMEOUT_MS 10000
#define MAX_TIMEOUT_MS	   3600000

struct opt_row {
	const char *name; /* ends in '=': has a value; in '*': any word that starts so */
	int (*take)(struct ckpt_opts *o, const char *word, const char *value, struct ckpt_err *err);
};

static int take_allow_other(struct ckpt_opts *o, const char *word, const char *value,
			    struct ckpt_err *err)
{
	(void)word, (void)value, (void)err;
	o->allow_other = true;
	return 0;
}

static int take_inspect(struct ckpt_opts *o, const char *word, const char *value,
			struct ckpt_err *err)
{
	(void)word, (void)value, (void)err;
	o->inspect = true;
	return 0;
}

static int take_timeout(struct ckpt_opts *o, const char *word, const char *value,
			struct ckpt_err *err)
{
	char *end;
	unsigned long ms;

	errno = 0;
	ms = strtoul(value, &end, 10);
	if (errno || *end || value[0] < '0' || value[0] > '9' || !ms || ms > MAX_TIMEOUT_MS)
		return ckpt_fail(err, EINVAL, "%s: not a number of milliseconds from 1 to %d", word,
				 MAX_TIMEOUT_MS);
	o->timeout_ms = (unsigned int)ms;
	return 0;
}

static int take_stage_limit(struct ckpt_opts *o, const char *word, const char *value,
			    struct ckpt_err *err)
{
	static const char units[] = "KMG";
	unsigned long long n;
	unsigned int shift = 0;
	const char *unit;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * (unsigned int)(unit - units + 1);
		end++;
	}
	if (errno || *end || value[0] < '0' || value[0] > '9' || !n ||
	    n > (UINT64_MAX >> 1 >> shift))
		return ckpt_fail(err, EINVAL, "%s: not a number of bytes (with K, M or G)", word);
	o->stage_limit = n << shift;
	return 0;
}

static int take_pid(struct ckpt_opts *o, const char *word, const char *value, struct ckpt_err *err)
{
	o->any_pid = !strcmp(value, "any");
	if (!o->any_pid && strcmp(value, "original"))
		return ckpt_fail(err, EINVAL, "%s: neither pid=original nor pid=any", word);
	return 0;
}

static int take_pass(struct ckpt_opts *o, const char *word, const char *value, struct ckpt_err *err)
{
	(void)value;
	ckpt_buf_printf(&o->pass, ",%s", word);
	return o->pass.failed ? ckpt_fail(err, ENOMEM, "no memory for options") : 0;
}

static int take_ignore(struct ckpt_opts *o, const char *word, const char *value,
		       struct ckpt_err *err)
{
	(void)o, (void)word, (void)value, (void)err;
	return 0;
}

static int take_ro(struct ckpt_opts *o, const char *word, const char *value, struct ckpt_err *err)
{
	(void)o, (void)word, (void)value;
	return ckpt_fail(err, EINVAL,
			 "ro: a read-only mount could neither freeze nor restore; "
			 "leave the option out");
}

/* Words that mount(8) and mount.fuse3 hand on from fstab mean nothing to us: ignored. */
static const struct opt_row rows[] = {
	{"allow_other", take_allow_other},
	{"default_permissions", take_ignore}, /* always on */
	{"inspect", take_inspect},
	{"pid=", take_pid},
	{"timeout=", take_timeout},
	{"stage_limit=", take_stage_limit},
	{"ro", take_ro},
	{"rw", take_ignore},
	{"dev", take_pass},
	{"nodev", take_pass},
	{"suid", take_pass},
	{"nosuid", take_pass},
	{"exec", take_pass},
	{"noexec", take_pass},
	{"async", take_pass},
	{"sync", take_pass},
	{"atime", take_pass},
	{"noatime", take_pass},
	{"nodiratime", take_ignore},
	{"relatime", take_ignore},
	{"norelatime", take_ignore},
	{"strictatime", take_ignore},
	{"lazytime", take_ignore},
	{"nolazytime", take_ignore},
	{"defaults", take_ignore},
	{"auto", take_ignore},
	{"noauto", take_ignore},
	{"user", take_ignore},
	{"users", take_ignore},
	{"nouser", take_ignore},
	{"owner", take_ignore},
	{"group", take_ignore},
	{"nofail", take_ignore},
	{"_netdev", take_ignore},
	{"silent", take_ignore},
	{"loud", take_ignore},
	{"mand", take_ignore},
	{"nomand", take_ignore},
	{"user=", take_ignore},
	{"uhelper=", take_ignore},
	{"helper=", take_ignore},
	{"comment=", take_ignore},
	{"x-*", take_ignore},
	{"X-*", take_ignore},
};

static const struct opt_row *find_row(const char *word, const char **value)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name = rows[i].name;
		size_t len = strlen(name);
		bool prefix = name[len - 1] == '=' || name[len - 1] == '*';

		if (name[len - 1] == '*')
			len--;
		if (prefix ? !strncmp(word, name, len) : !strcmp(word, name)) {
			*value = word + len;
			return &rows[i];
		}
	}
	return NULL;
}

static int parse_options(struct ckpt_opts *o, const char *text, struct ckpt_err *err)
{
	char *copy = strdup(text), *save, *word;
	int ret = 0;

	if (!copy)
		return ckpt_fail(err, ENOMEM, "no memory for options");
	for (word = strtok_r(copy, ",", &save); word && !ret; word = strtok_r(NULL, ",", &save)) {
		const char *value = NULL;
		const struct opt_row *row = find_row(word, &value);

		ret = row ? row->take(o, word, value, err)
			  : ckpt_fail(err, EINVAL, "unknown option '%s' (ckptfs -h lists them)",
				      word);
	}
	free(copy);
	return ret;
}

/* Half of the memory that is available now, so that staging does not push the jobs out. */
static uint64_t default_stage_limit(void)
{
	uint64_t kib = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib ? kib * 1024 / 2 : 1ull << 30;
}

static int parse_positional(struct ckpt_opts *o, const char *word, struct ckpt_err *err)
{
	if (!o->source)
		o->source = word;
	else if (!o->mountpoint)
		o->mountpoint = word;
	else
		return ckpt_fail(err, EINVAL, "unexpected argument '%s'", word);
	return 0;
}

/* By hand, not getopt: mount.fuse3 puts -o after SOURCE and MOUNTPOINT, and may write -oOPTIONS. */
static int parse_word(struct ckpt_opts *o, int argc, char **argv, int *i, struct ckpt_err *err)
{
	static const struct {
		const char *word;
		size_t field;
	} flags[] = {
		{"-f", offsetof(struct ckpt_opts, foreground)},
		{"-d", offsetof(struct ckpt_opts, debug)},
		{"-h", offsetof(struct ckpt_opts, help)},
		{"--help", offsetof(struct ckpt_opts, help)},
		{"-V", offsetof(struct ckpt_opts, version)},
		{"--version", offsetof(struct ckpt_opts, version)},
		{"--check", offsetof(struct ckpt_opts, check)},
	};
	const char *word = argv[*i];

	for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++)
		if (!strcmp(word, flags[k].word)) {
			*(bool *)((char *)o + flags[k].field) = true;
			return 0;
		}
	if (word[0] == '-' && word[1] == 'o') {
		if (word[2])
			return parse_options(o, word + 2, err);
		if (++*i >= argc)
			return ckpt_fail(err, EINVAL, "-o needs options after it");
		return parse_options(o, argv[*i], err);
	}
	if (word[0] == '-' && word[1])
		return ckpt_fail(err, EINVAL, "unknown option '%s'", word);
	return parse_positional(o, word, err);
}

int ckpt_opts_parse(int argc, char **argv, struct ckpt_opts *out, struct ckpt_err *err)
{
	struct ckpt_opts o = {.timeout_ms = DEFAULT_TIMEOUT_MS};
	int ret = 0;

	for (int i = 1; i < argc && !ret; i++)
		ret = parse_word(&o, argc, argv, &i, err);
	if (!ret && !o.help && !o.version && !o.check && !o.mountpoint)
		ret = ckpt_fail(err, EINVAL, "%s is missing (ckptfs -h shows the usage)",
				o.source ? "MOUNTPOINT" : "SOURCE");
	if (ret) {
		ckpt_opts_fini(&o);
		return ret;
	}
	if (!o.stage_limit)
		o.stage_limit = default_stage_limit();
	*out = o;
	return 0;
}

void ckpt_opts_fini(struct ckpt_opts *opts)
{
	ckpt_buf_fini(&opts->pass);
}
