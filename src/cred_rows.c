// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the rows of `creds`, `limits` and `seccomp`.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/resource.h>
#include "task.h"

#define C struct ckpt_creds
/* clang-format off */
static const struct ckpt_row creds_rows[] = {
	{"uid", CKPT_ONE, 0, 0,
	 {CKPT_F(dec, C, uid), CKPT_F(dec, C, euid), CKPT_F(dec, C, suid), CKPT_F(dec, C, fsuid)}},
	{"gid", CKPT_ONE, 0, 0,
	 {CKPT_F(dec, C, gid), CKPT_F(dec, C, egid), CKPT_F(dec, C, sgid), CKPT_F(dec, C, fsgid)}},
	{"group", CKPT_MANY, offsetof(C, groups), sizeof(struct ckpt_group),
	 {CKPT_F(dec, struct ckpt_group, gid)}},
	CKPT_ROW(hex, C, cap_inh),
	CKPT_ROW(hex, C, cap_prm),
	CKPT_ROW(hex, C, cap_eff),
	CKPT_ROW(hex, C, cap_bnd),
	CKPT_ROW(hex, C, cap_amb),
	CKPT_ROW(hex, C, securebits),
	CKPT_ROW(dec, C, no_new_privs),
	CKPT_ROW(dec, C, loginuid),
};
/* clang-format on */

static int creds_check(const void *obj, struct ckpt_err *err)
{
	const C *c = obj;

	if (c->groups.n > 65536) /* NGROUPS_MAX, include/uapi/linux/limits.h */
		return ckpt_fail(err, EINVAL, "%zu groups are more than the kernel takes",
				 c->groups.n);
	return 0;
}

const struct ckpt_codec ckpt_creds_codec = {"creds", creds_rows, CKPT_NROWS(creds_rows),
					    creds_check};

/* clang-format off */
static const struct ckpt_word limit_words[] = {
	{"cpu", RLIMIT_CPU},	     {"fsize", RLIMIT_FSIZE},	{"data", RLIMIT_DATA},
	{"stack", RLIMIT_STACK},     {"core", RLIMIT_CORE},	{"rss", RLIMIT_RSS},
	{"nproc", RLIMIT_NPROC},     {"nofile", RLIMIT_NOFILE}, {"memlock", RLIMIT_MEMLOCK},
	{"as", RLIMIT_AS},	     {"locks", RLIMIT_LOCKS},	{"sigpending", RLIMIT_SIGPENDING},
	{"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},	{"rtprio", RLIMIT_RTPRIO},
	{"rttime", RLIMIT_RTTIME},   {NULL, 0},
};

/* A limit of 18446744073709551615 (RLIM_INFINITY) is none. */
static const struct ckpt_row limits_rows[] = {
	{"limit", CKPT_MANY, offsetof(struct ckpt_limits, limit), sizeof(struct ckpt_limit),
	 {CKPT_FA(enum, struct ckpt_limit, resource, limit_words),
	  CKPT_F(dec, struct ckpt_limit, soft), CKPT_F(dec, struct ckpt_limit, hard)}},
};
/* clang-format on */

const char *ckpt_limit_name(uint32_t resource)
{
	for (const struct ckpt_word *w = limit_words; w->name; w++)
		if (w->value == resource)
			return w->name;
	return "?";
}

static int limits_check(const void *obj, struct ckpt_err *err)
{
	const struct ckpt_limits *l = obj;
	uint32_t seen = 0;

	for (size_t i = 0; i < l->limit.n; i++) {
		const struct ckpt_limit *limit = &l->limit.v[i];

		if (limit->soft > limit->hard)
			return ckpt_fail(err, EINVAL, "limit: soft %llu is above hard %llu",
					 (unsigned long long)limit->soft,
					 (unsigned long long)limit->hard);
		if (seen >> limit->resource & 1)
			return ckpt_fail(err, EINVAL, "limit: a resource stands twice");
		seen |= 1u << limit->resource;
	}
	for (const struct ckpt_word *w = limit_words; w->name; w++)
		if (!(seen >> w->value & 1)) /* what is missing would be the daemon's */
			return ckpt_fail(err, EINVAL, "no limit for %s", w->name);
	return 0;
}

const struct ckpt_codec ckpt_limits_codec = {"limits", limits_rows, CKPT_NROWS(limits_rows),
					     limits_check};

/* clang-format off */
static const struct ckpt_word filter_words[] = {{"log", SECCOMP_FILTER_FLAG_LOG}, {NULL, 0}};

#define I struct ckpt_insn
static const struct ckpt_row seccomp_rows[] = {
	{"filter", CKPT_MANY, offsetof(struct ckpt_seccomp, filter), sizeof(struct ckpt_filter),
	 {CKPT_FA(flags, struct ckpt_filter, flags, filter_words)}},
	{"insn", CKPT_MANY, offsetof(struct ckpt_seccomp, insn), sizeof(I),
	 {CKPT_F(dec, I, filter), CKPT_F(hex, I, code), CKPT_F(dec, I, jt), CKPT_F(dec, I, jf),
	  CKPT_F(hex, I, k)}},
};
/* clang-format on */

/* What the instructions mean is for the kernel to judge. */
static int seccomp_check(const void *obj, struct ckpt_err *err)
{
	const struct ckpt_seccomp *s = obj;
	size_t at = 0;

	for (size_t i = 0; i < s->filter.n; i++) {
		size_t from = at;

		if (s->filter.v[i].flags & ~(uint64_t)SECCOMP_FILTER_FLAG_LOG)
			return ckpt_fail(err, EINVAL, "filter %zu: unknown flags", i);
		while (at < s->insn.n && s->insn.v[at].filter == i)
			at++;
		if (at == from || at - from > BPF_MAXINSNS)
			return ckpt_fail(err, EINVAL, "filter %zu: %zu instructions in a row", i,
					 at - from);
	}
	if (at != s->insn.n)
		return ckpt_fail(err, EINVAL, "insn: filter %u is not there, or not in order",
				 s->insn.v[at].filter);
	for (at = 0; at < s->insn.n; at++)
		if (s->insn.v[at].code > UINT16_MAX || s->insn.v[at].jt > UINT8_MAX ||
		    s->insn.v[at].jf > UINT8_MAX)
			return ckpt_fail(err, EINVAL, "insn %zu: a value is too large", at);
	return 0;
}

const struct ckpt_codec ckpt_seccomp_codec = {"seccomp", seccomp_rows, CKPT_NROWS(seccomp_rows),
					      seccomp_check};
