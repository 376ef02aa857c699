// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the rows of `creds` and `limits`.
 */
#include <errno.h>
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
