// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the table of prctl(2) settings.
 */
#include <linux/prctl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "log.h"
#include "prctls.h"

#define CKPT_PR_SET_IO_FLUSHER	 57 /* Linux 5.6 */
#define CKPT_PR_GET_IO_FLUSHER	 58
#define CKPT_PR_SET_MEMORY_MERGE 67 /* Linux 6.4 */
#define CKPT_PR_GET_MEMORY_MERGE 68
#define CKPT_PR_FUTEX_HASH	 78 /* Linux 6.16 */
#define FUTEX_HASH_SET_SLOTS	 1
#define FUTEX_HASH_GET_SLOTS	 2
#define CKPT_ARCH_GET_CPUID	 0x1011 /* arch/x86/include/uapi/asm/prctl.h */
#define CKPT_ARCH_SET_CPUID	 0x1012
#define CKPT_PR_GET_MDWE	 66 /* Linux 6.3; can't be cleared, set as the last of memory */

#define AT(f) .off = offsetof(struct ckpt_task, f), .size = sizeof(((struct ckpt_task *)0)->f)

#define SPECULATION(name, which)                                                                   \
	{                                                                                          \
#name, PR_GET_SPECULATION_CTRL, CKPT_PRCTL_SPECULATION, true,                      \
			PR_SET_SPECULATION_CTRL, (which), AT(thread.name), .get_prefix = (which)   \
	}

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
	{"futex_hash", CKPT_PR_FUTEX_HASH, CKPT_PRCTL_RETURNS, true, CKPT_PR_FUTEX_HASH,
	 FUTEX_HASH_SET_SLOTS, AT(mm.futex_hash), .get_prefix = FUTEX_HASH_GET_SLOTS},
	{"cpuid", CKPT_ARCH_GET_CPUID, CKPT_PRCTL_RETURNS, true, CKPT_ARCH_SET_CPUID, -1,
	 AT(thread.cpuid), .arch = true, .absent = 1},
	SPECULATION(spec_store_bypass, PR_SPEC_STORE_BYPASS),
	SPECULATION(spec_indirect_branch, PR_SPEC_INDIRECT_BRANCH),
	SPECULATION(spec_l1d_flush, PR_SPEC_L1D_FLUSH),
};
const size_t ckpt_nprctls = sizeof(ckpt_prctls) / sizeof(ckpt_prctls[0]);

static long call_of(const struct ckpt_prctl *p)
{
	return p->arch ? SYS_arch_prctl : SYS_prctl;
}

static int get_one(struct ckpt_remote *r, const struct ckpt_prctl *p, uint64_t *value,
		   struct ckpt_err *err)
{
	bool stores = p->how == CKPT_PRCTL_STORES4 || p->how == CKPT_PRCTL_STORES8;
	bool spec = p->how == CKPT_PRCTL_SPECULATION;
	long result;
	int ret;

	ret = ckpt_remote_call(r, &result, err, call_of(p),
			       spec || p->get_prefix ? CKPT_ARGS(p->get, p->get_prefix)
						     : CKPT_ARGS(p->get, stores ? r->scratch : 0));
	if (ret)
		return ret;
	*value = p->absent;
	if (result < 0)
		return p->optional ? 0
				   : ckpt_fail(err, (int)-result, "prctl %s: %s", p->name,
					       strerror((int)-result));
	if (spec)
		*value = result & PR_SPEC_PRCTL ? (uint64_t)(result & ~(long)PR_SPEC_PRCTL) : 0;
	else if (!stores)
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
		if (p->how == CKPT_PRCTL_SPECULATION && (!now || !value)) {
			ckpt_log("restore %d: %s can't be chosen here, or could not be there: "
				 "it is that of this machine",
				 task->header.pid, p->name);
			continue;
		}
		if (p->set == PR_SET_THP_DISABLE) { /* 1 and flags, Linux 6.18, are read as one */
			ret = ckpt_remote_do(r, NULL, err, p->name, SYS_prctl,
					     CKPT_ARGS(p->set, value & 1, value & ~1ull));
			if (ret)
				return ret;
			continue;
		}
		ret = ckpt_remote_do(r, NULL, err, p->name, call_of(p),
				     p->set_prefix < 0 ? CKPT_ARGS(p->set, value)
						       : CKPT_ARGS(p->set, p->set_prefix, value));
		if (ret)
			return ret;
	}
	return 0;
}
