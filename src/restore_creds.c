// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Credentials of a skeleton: first those of the user who restores, then the task's own. The
 * second step is done by the skeleton with the first one's authority, so that the kernel itself
 * refuses whatever he could not have done.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "cgroup.h"
#include "keyrings.h"
#include "log.h"
#include "skeleton.h"

#define KEEP_BITS (SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP)

/* What to have; ids and groups as in struct ckpt_creds. */
struct wanted {
	uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
	const gid_t *groups;
	size_t ngroups;
	uint64_t inh, prm, eff, bnd, amb;
	uint32_t securebits;
	bool no_new_privs;
};

/* What the skeleton has now. */
struct having {
	struct ckpt_cred *cred;
	long securebits;
};

static int having_read(struct ckpt_skeleton *s, struct having *h, struct ckpt_err *err)
{
	int ret = ckpt_cred_take(s->pid, &h->cred, err);

	return ret ? ret
		   : ckpt_skeleton_do(s, &h->securebits, err, "securebits", SYS_prctl,
				      PR_GET_SECUREBITS);
}

static int group_order(const void *a, const void *b)
{
	const gid_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool same_groups(const struct wanted *w, const struct ckpt_cred *c)
{
	bool same = w->ngroups == c->ngroups;
	gid_t *sorted;

	if (!same || !w->ngroups)
		return same;
	sorted = malloc(w->ngroups * sizeof(*sorted));
	if (!sorted)
		return false;
	memcpy(sorted, w->groups, w->ngroups * sizeof(*sorted));
	qsort(sorted, w->ngroups, sizeof(*sorted), group_order);
	/* the kernel keeps and shows them sorted (kernel/groups.c) */
	same = !memcmp(sorted, c->groups, w->ngroups * sizeof(*sorted));
	free(sorted);
	return same;
}

static int drop_bounding(struct ckpt_skeleton *s, const struct wanted *w, const struct having *h,
			 struct ckpt_err *err)
{
	int ret = 0;

	if (w->bnd & ~h->cred->cap_bnd)
		return ckpt_fail(err, EPERM,
				 "capability bounding set: 0x%llx has more than yours 0x%llx",
				 (unsigned long long)w->bnd, (unsigned long long)h->cred->cap_bnd);
	for (uint64_t cap = 0; !ret && cap < 64; cap++)
		if ((h->cred->cap_bnd & ~w->bnd) >> cap & 1)
			ret = ckpt_skeleton_do(s, NULL, err, "capability bounding set", SYS_prctl,
					       PR_CAPBSET_DROP, cap);
	return ret;
}

static int set_groups(struct ckpt_skeleton *s, const struct wanted *w, const struct having *h,
		      struct ckpt_err *err)
{
	size_t bytes = w->ngroups * sizeof(gid_t);
	int ret;

	if (same_groups(w, h->cred))
		return 0;
	/* more than 24,000 groups do not fit into one call's memory */
	ret = bytes ? ckpt_remote_put(&s->r, 0, w->groups, bytes, err) : 0;
	return ret ? ret
		   : ckpt_skeleton_do(s, NULL, err, "groups", SYS_setgroups, w->ngroups,
				      s->r.scratch);
}

/* setfsuid reports no error: asking for an impossible id returns the one in force. */
static int set_fsid(struct ckpt_skeleton *s, long nr, uint32_t id, const char *what,
		    struct ckpt_err *err)
{
	long now;
	int ret = ckpt_remote_call(&s->r, &now, err, nr, CKPT_ARGS(id));

	if (!ret)
		ret = ckpt_remote_call(&s->r, &now, err, nr, CKPT_ARGS((uint32_t)-1));
	if (!ret && (uint32_t)now != id)
		ret = ckpt_fail(err, EPERM, "%s %u: Operation not permitted", what, id);
	return ret;
}

static int set_ids(struct ckpt_skeleton *s, const struct wanted *w, const struct having *h,
		   struct ckpt_err *err)
{
	const struct ckpt_cred *c = h->cred;
	int ret = 0;

	if (w->gid != c->rgid || w->egid != c->egid || w->sgid != c->sgid)
		ret = ckpt_skeleton_do(s, NULL, err, "gid", SYS_setresgid, w->gid, w->egid,
				       w->sgid);
	if (!ret && w->fsgid != w->egid)
		ret = set_fsid(s, SYS_setfsgid, w->fsgid, "fsgid", err);
	if (!ret && (w->uid != c->ruid || w->euid != c->euid || w->suid != c->suid))
		ret = ckpt_skeleton_do(s, NULL, err, "uid", SYS_setresuid, w->uid, w->euid,
				       w->suid);
	if (!ret && w->fsuid != w->euid)
		ret = set_fsid(s, SYS_setfsuid, w->fsuid, "fsuid", err);
	return ret;
}

static int cap_set(struct ckpt_skeleton *s, uint64_t eff, uint64_t prm, uint64_t inh,
		   struct ckpt_err *err)
{
	struct {
		struct __user_cap_header_struct head;
		struct __user_cap_data_struct data[2];
	} c = {
		{_LINUX_CAPABILITY_VERSION_3, 0},
		{{(uint32_t)eff, (uint32_t)prm, (uint32_t)inh},
		 {(uint32_t)(eff >> 32), (uint32_t)(prm >> 32), (uint32_t)(inh >> 32)}},
	};
	int ret = ckpt_remote_put(&s->r, 0, &c, sizeof(c), err);

	return ret ? ret
		   : ckpt_skeleton_do(s, NULL, err, "capabilities", SYS_capset, s->r.scratch,
				      s->r.scratch + sizeof(c.head));
}

static int set_ambient(struct ckpt_skeleton *s, const struct wanted *w, struct ckpt_err *err)
{
	int ret = ckpt_skeleton_do(s, NULL, err, "ambient capabilities", SYS_prctl, PR_CAP_AMBIENT,
				   PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);

	for (uint64_t cap = 0; !ret && cap < 64; cap++)
		if (w->amb >> cap & 1)
			ret = ckpt_skeleton_do(s, NULL, err, "ambient capabilities", SYS_prctl,
					       PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
	return ret;
}

static int set_securebits(struct ckpt_skeleton *s, uint32_t bits, struct ckpt_err *err)
{
	return ckpt_skeleton_do(s, NULL, err, "securebits", SYS_prctl, PR_SET_SECUREBITS, bits);
}

/* Capabilities as wanted, ambient ones while they still may be raised, secure bits while
 * CAP_SETPCAP is still there. */
static int set_caps(struct ckpt_skeleton *s, const struct wanted *w, const struct having *h,
		    bool kept, struct ckpt_err *err)
{
	const struct ckpt_cred *c = h->cred;
	long bits = kept ? (h->securebits | KEEP_BITS) : h->securebits;
	int ret = 0;

	if (w->prm & ~c->cap_prm)
		return ckpt_fail(err, EPERM, "capabilities: 0x%llx has more than yours 0x%llx",
				 (unsigned long long)w->prm, (unsigned long long)c->cap_prm);
	if (w->amb || c->cap_amb) {
		ret = cap_set(s, c->cap_prm, c->cap_prm, w->inh, err);
		if (!ret)
			ret = set_ambient(s, w, err);
	} else if (kept || bits != (long)w->securebits) {
		ret = cap_set(s, c->cap_prm, c->cap_prm, c->cap_inh, err);
	}
	if (!ret && bits != (long)w->securebits)
		ret = set_securebits(s, w->securebits, err);
	if (!ret && (kept || w->amb || w->eff != c->cap_eff || w->prm != c->cap_prm ||
		     w->inh != c->cap_inh))
		ret = cap_set(s, w->eff, w->prm, w->inh, err);
	return ret;
}

static int apply(struct ckpt_skeleton *s, const struct wanted *w, struct ckpt_err *err)
{
	struct having h = {0};
	bool keep = false;
	int ret = having_read(s, &h, err);

	if (!ret)
		ret = drop_bounding(s, w, &h, err);
	/* Changing ids must not change capabilities behind our back (capabilities(7)); who has
	 * no CAP_SETPCAP has the ids he has. */
	if (!ret &&
	    (w->uid != h.cred->ruid || w->euid != h.cred->euid || w->suid != h.cred->suid ||
	     w->fsuid != h.cred->fsuid) &&
	    h.cred->cap_eff >> CAP_SETPCAP & 1) {
		ret = set_securebits(s, (uint32_t)h.securebits | KEEP_BITS, err);
		keep = true;
	}
	if (!ret)
		ret = set_groups(s, w, &h, err);
	if (!ret)
		ret = set_ids(s, w, &h, err);
	if (!ret)
		ret = set_caps(s, w, &h, keep, err);
	if (!ret && w->no_new_privs)
		ret = ckpt_skeleton_do(s, NULL, err, "no_new_privs", SYS_prctl, PR_SET_NO_NEW_PRIVS,
				       1, 0, 0, 0);
	ckpt_cred_free(h.cred);
	return ret;
}

/* What he would have passed on to a process of his own: where the daemon's is better, the
 * skeleton must not keep it. Raising above the daemon's own hard limits may fail: it need not. */
static int inherit(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_cred *c = s->who;
	char path[40];
	FILE *f;

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit = {c->limit[i].soft, c->limit[i].hard}, now;

		if (prlimit(s->pid, i, NULL, &now))
			return ckpt_fail_sys(err, "limits of the new process");
		if (limit.rlim_max > now.rlim_max)
			limit.rlim_max = now.rlim_max;
		if (limit.rlim_cur > limit.rlim_max)
			limit.rlim_cur = limit.rlim_max;
		if (prlimit(s->pid, i, &limit, NULL))
			return ckpt_fail_sys(err, "limits of the new process");
	}
	if (setpriority(PRIO_PROCESS, (id_t)s->pid, c->nice) && errno != EACCES)
		return ckpt_fail_sys(err, "nice value of the new process");
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", s->pid);
	f = fopen(path, "we");
	if (f) { /* a lower one than ours takes CAP_SYS_RESOURCE: then ours stays */
		fprintf(f, "%d", c->oom_score_adj);
		fclose(f);
	}
	return 0;
}

static int set_loginuid(struct ckpt_skeleton *s, uint32_t id, struct ckpt_err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", id);
	return ckpt_skeleton_put(s, "loginuid", text, err);
}

/* By the daemon's authority: who has logged in stays known as that. */
static int inherit_loginuid(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	uint32_t id = s->who->loginuid;

	if (id == CKPT_NO_LOGINUID || id == ckpt_cred_loginuid(s->pid))
		return 0;
	return set_loginuid(s, id, err);
}

/* By the maker's: who has one may only change it with CAP_AUDIT_CONTROL (kernel/auditsc.c,
 * audit_set_loginuid_perm). */
static int restore_loginuid(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	uint32_t id = s->task->creds.loginuid, now = ckpt_cred_loginuid(s->pid);
	struct ckpt_err why = {0};
	int ret;

	if (id == now)
		return 0;
	ret = set_loginuid(s, id, &why);
	if (ret == -ESRCH)
		return ckpt_fail(err, ESRCH, "%s", why.text);
	if (ret)
		ckpt_log("restore %d: its login uid stays %d: %s", s->pid, (int)now, why.text);
	return 0;
}

int ckpt_restore_identity(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_cred *c = s->who;
	struct wanted w = {
		c->ruid,    c->euid,	c->suid,    c->fsuid,	   c->rgid,	    c->egid,
		c->sgid,    c->fsgid,	c->groups,  c->ngroups,	   c->cap_inh,	    c->cap_prm,
		c->cap_eff, c->cap_bnd, c->cap_amb, c->securebits, c->no_new_privs,
	};
	int ret = ckpt_cgroup_join(s->pid, c->cgroup, err);

	if (!ret)
		ret = inherit(s, err);
	if (ret)
		return ret;
	ret = inherit_loginuid(s, err);
	if (!ret)
		ret = apply(s, &w, err);
	if (!ret)
		ret = ckpt_keyrings_leave(s, err);
	if (ret)
		return ckpt_err_about(err, "your identity can't be given to the new process");
	/* now, so that its memory counts there; in a frozen one it could not be built */
	ckpt_cgroup_return(s->pid, &s->task->header, c, false);
	return 0;
}

int ckpt_restore_creds(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_creds *k = &s->task->creds;
	struct wanted w = {
		k->uid,
		k->euid,
		k->suid,
		k->fsuid,
		k->gid,
		k->egid,
		k->sgid,
		k->fsgid,
		NULL,
		k->groups.n,
		k->cap_inh,
		k->cap_prm,
		k->cap_eff,
		k->cap_bnd,
		k->cap_amb,
		k->securebits,
		k->no_new_privs != 0,
	};
	_Static_assert(sizeof(struct ckpt_group) == sizeof(gid_t), "groups are passed as they lie");
	int ret;

	w.groups = (const gid_t *)(const void *)k->groups.v;
	ret = restore_loginuid(s, err);
	if (!ret)
		ret = apply(s, &w, err);
	if (!ret)
		ret = ckpt_keyrings_link(s, err);
	if (!ret) /* a change of ids has cleared it (prctl(2)); 2 can't be asked for */
		ret = ckpt_skeleton_do(s, NULL, err, "dumpable", SYS_prctl, PR_SET_DUMPABLE,
				       s->task->mm.dumpable == 1);
	if (!ret && s->task->mm.dumpable == 2)
		ckpt_log("restore %d: dumpable was 2 (suid_dumpable) and is 0 now", s->pid);
	if (!ret)
		ret = ckpt_skeleton_do(s, NULL, err, "pdeathsig", SYS_prctl, PR_SET_PDEATHSIG,
				       s->task->thread.pdeathsig);
	return ret ? ckpt_err_about(err, "creds") : 0;
}
