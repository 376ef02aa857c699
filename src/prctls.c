// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the table of prctl(2) settings.
 */
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "prctls.h"

#define CKPT_PR_SET_IO_FLUSHER	 57 /* Linux 5.6 */
#define CKPT_PR_GET_IO_FLUSHER	 58
#define CKPT_PR_SET_MEMORY_MERGE 67 /* Linux 6.4 */
#define CKPT_PR_GET_MEMORY_MERGE 68
#define CKPT_PR_GET_MDWE	 66 /* Linux 6.3; can't be cleared, set as the last of memory */

#define AT(f) offsetof(struct ckpt_task, f), sizeof(((struct ckpt_task *)0)->f)

const struct ckpt_prctl ckpt_prctls[] = {
	{"clear_child_tid", PR_GET_TID_ADDRESS, CKPT_PRCTL_STORES8, false, 0, -1,
	 AT(thread.clear_child_tid)},
	{"timerslack", PR_GET_TIMERSLACK, CKPT_PRCTL_RETURNS, false, PR_SET_TIMERSLACK, -1,
	 AT(thread.timerslack)},
	/* Set last of all: a change of parent or of credentials clears or fires it. */
	{"pdeathsig", PR_GET_PDEATHSIG, CKPT_PRCTL_STORES4, false, 0, -1, AT(thread.pdeathsig)},
	{"tsc", PR_GET_TSC, CKPT_PRCTL_STORES4, true, PR_SET_TSC, -1, AT(thread.tsc)},
	{"mce_kill", PR_MCE_KILL_GET, CKPT_PRCTL_RETURNS, true, PR_MCE_KILL, PR_MCE_KILL_SET,
	 AT(thread.mce_kill)},
	{"io_flusher", CKPT_PR_GET_IO_FLUSHER, CKPT_PRCTL_RETURNS, true, CKPT_PR_SET_IO_FLUSHER, -1,
	 AT(thread.io_flusher)},
	{"child_subreaper", PR_GET_CHILD_SUBREAPER, CKPT_PRCTL_STORES4, false,
	 PR_SET_CHILD_SUBREAPER, -1, AT(thread.child_subreaper)},
	{"securebits", PR_GET_SECUREBITS, CKPT_PRCTL_RETURNS, false, 0, -1, AT(creds.securebits)},
	{"dumpable", PR_GET_DUMPABLE, CKPT_PRCTL_RETURNS, false, 0, -1, AT(mm.dumpable)},
	{"thp_disable", PR_GET_THP_DISABLE, CKPT_PRCTL_RETURNS, true, PR_SET_THP_DISABLE, -1,
	 AT(mm.thp_disable)},
	{"memory_merge", CKPT_PR_GET_MEMORY_MERGE, CKPT_PRCTL_RETURNS, true,
	 CKPT_PR_SET_MEMORY_MERGE, -1, AT(mm.memory_merge)},
	{"mdwe", CKPT_PR_GET_MDWE, CKPT_PRCTL_RETURNS, true, 0, -1, AT(mm.mdwe)},
};
const size_t ckpt_nprctls = sizeof(ckpt_prctls) / sizeof(ckpt_prctls[0]);

static int get_one(struct ckpt_remote *r, const struct ckpt_prctl *p, uint64_t *value,
		   struct ckpt_err *err)
{
	long result;
	int ret;

	ret = ckpt_remote_call(r, &result, err, SYS_prctl,
			       CKPT_ARGS(p->get, p->how == CKPT_PRCTL_RETURNS ? 0 : r->scratch));
	if (ret)
		return ret;
	*value = 0;
	if (result < 0)
		return p->optional ? 0
				   : ckpt_fail(err, (int)-result, "prctl %s: %s", p->name,
					       strerror((int)-result));
	if (p->how == CKPT_PRCTL_RETURNS)
		*value = (uint64_t)result;
	else
		ret = ckpt_remote_get(r, 0, value, p->how == CKPT_PRCTL_STORES8 ? 8 : 4, err);
	return ret;
}

int ckpt_prctls_get(struct ckpt_remote *r, struct ckpt_task *task, struct ckpt_err *err)
{
	for (size_t i = 0; i < ckpt_nprctls; i++) {
		uint64_t value;
		int ret = get_one(r, &ckpt_prctls[i], &value, err);

		if (ret)
			return ret;
		memcpy((char *)task + ckpt_prctls[i].off, &value, ckpt_prctls[i].size);
	}
	return 0;
}

int ckpt_prctls_set(struct ckpt_remote *r, const struct ckpt_task *task, struct ckpt_err *err)
{
	for (size_t i = 0; i < ckpt_nprctls; i++) {
		const struct ckpt_prctl *p = &ckpt_prctls[i];
		uint64_t now, value = 0;
		int ret;

		memcpy(&value, (const char *)task + p->off, p->size);
		if (!p->set)
			continue;
		ret = get_one(r, p, &now, err);
		if (ret)
			return ret;
		if (now == value)
			continue;
		if (p->set == PR_SET_THP_DISABLE) { /* 1 and flags, Linux 6.18, are read as one */
			ret = ckpt_remote_do(r, NULL, err, p->name, SYS_prctl,
					     CKPT_ARGS(p->set, value & 1, value & ~1ull));
			if (ret)
				return ret;
			continue;
		}
		ret = ckpt_remote_do(r, NULL, err, p->name, SYS_prctl,
				     p->set_prefix < 0 ? CKPT_ARGS(p->set, value)
						       : CKPT_ARGS(p->set, p->set_prefix, value));
		if (ret)
			return ret;
	}
	return 0;
}
