// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns locked memory: what mlockall(2) has promised for mappings to come, and locking again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "memlocks.h"
#include "proc.h"
#include "vma_nodes.h"

/* ---- what is promised ---- */

/* Whether the mapping that starts there is locked on fault only: "lf" in its flags. */
static int is_onfault(pid_t tid, uint64_t start, bool *onfault, struct ckpt_err *err)
{
	char path[40], head[24], *line = NULL;
	bool here = false;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", tid);
	snprintf(head, sizeof(head), "%08llx-", (unsigned long long)start);
	f = ckpt_proc_fopen(path);
	if (!f)
		return ckpt_fail_sys(err, "%s", path);
	*onfault = false;
	while (ckpt_proc_getline(&line, &cap, f) > 0) {
		if (!strncmp(line, head, strlen(head)))
			here = true;
		if (!here || strncmp(line, "VmFlags:", 8))
			continue;
		*onfault = strstr(line, " lf ") || strstr(line, " ?? "); /* see vma_nodes.c */
		break;
	}
	free(line);
	fclose(f);
	return 0;
}

int64_t ckpt_memlocks_locked(pid_t pid)
{
	return ckpt_proc_status(pid, "VmLck", 10);
}

/* Nothing tells mm->def_flags, but every new mapping has them (mm/mmap.c, do_mmap), and so has the
 * scratch memory: then more is locked than was before. */
int ckpt_memlocks_get(const struct ckpt_remote *r, int64_t locked_before, struct ckpt_task *task,
		      struct ckpt_err *err)
{
	bool onfault = false;
	int ret;

	if (ckpt_memlocks_locked(r->tid) <= locked_before)
		return 0;
	ret = is_onfault(r->tid, r->scratch, &onfault, err);
	task->mm.lock_future = onfault ? CKPT_LOCK_FUTURE_ONFAULT : CKPT_LOCK_FUTURE_YES;
	return ret;
}

/* ---- locking again ---- */

/* The soft limit that holds later may be lower than when it locked, or the maker's be lower than
 * the task's: as much as the maker's hard one allows. */
static int raise_memlock(struct ckpt_skeleton *s, struct rlimit *limit, struct ckpt_err *err)
{
	int ret = ckpt_skeleton_do(s, NULL, err, "prlimit", SYS_prlimit64, 0, RLIMIT_MEMLOCK, 0,
				   s->r.scratch);

	if (!ret)
		ret = ckpt_remote_get(&s->r, 0, limit, sizeof(*limit), err);
	limit->rlim_cur = limit->rlim_max;
	if (!ret)
		ret = ckpt_remote_put(&s->r, 0, limit, sizeof(*limit), err);
	return ret ? ret
		   : ckpt_skeleton_do(s, NULL, err, "prlimit", SYS_prlimit64, 0, RLIMIT_MEMLOCK,
				      s->r.scratch, 0);
}

static int refused(const struct rlimit *limit, long result, struct ckpt_err *err)
{
	return ckpt_fail(err, (int)-result,
			 "it can't be locked: %s: your limit of locked memory (RLIMIT_MEMLOCK) is "
			 "%llu bytes",
			 strerror((int)-result), (unsigned long long)limit->rlim_max);
}

/* mlock sets the flag, then touches every page, and tells ENOMEM of those that can't be touched:
 * the guard pages of a program that called mlockall, the end of a mapping behind that of its file.
 * They are locked all the same (mm/mlock.c, do_mlock); MLOCK_ONFAULT touches none, so that it fails
 * only if the flag can't be set. */
static int lock_vma(struct ckpt_skeleton *s, const struct ckpt_vma *vma, const struct rlimit *limit,
		    struct ckpt_err *err)
{
	const bool onfault = ckpt_vma_has(vma, "lf");
	const uint64_t len = vma->end - vma->start;
	long result = -EAGAIN;
	int ret = 0;

	if (!onfault)
		ret = ckpt_remote_call(&s->r, &result, err, SYS_mlock, CKPT_ARGS(vma->start, len));
	if (ret || result >= 0)
		return ret;
	ret = ckpt_remote_call(&s->r, &result, err, SYS_mlock2,
			       CKPT_ARGS(vma->start, len, MLOCK_ONFAULT));
	if (!ret && result < 0)
		ret = refused(limit, result, err);
	/* back to plain locking; that it can't touch them is known */
	if (!ret && !onfault)
		ret = ckpt_remote_call(&s->r, &result, err, SYS_mlock, CKPT_ARGS(vma->start, len));
	return ret;
}

int ckpt_memlocks_restore(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	struct rlimit limit = {0};
	int ret = 0;

	for (size_t i = 0; !ret && i < s->task->vmas.n; i++) {
		const struct ckpt_vma *vma = &s->task->vmas.v[i];

		if (vma->how >= CKPT_VMA_VDSO || !ckpt_vma_has(vma, "lo"))
			continue;
		if (!limit.rlim_max)
			ret = raise_memlock(s, &limit, err);
		if (!ret)
			ret = lock_vma(s, vma, &limit, err);
		if (ret)
			ckpt_err_about(err, "vmas/%016llx", (unsigned long long)vma->start);
	}
	return ret;
}

int ckpt_memlocks_restore_future(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	static const uint64_t flags[] = {
		[CKPT_LOCK_FUTURE_YES] = MCL_FUTURE,
		[CKPT_LOCK_FUTURE_ONFAULT] = MCL_FUTURE | MCL_ONFAULT,
	};

	if (s->task->mm.lock_future == CKPT_LOCK_FUTURE_NO)
		return 0;
	return ckpt_skeleton_do(s, NULL, err, "mm: lock_future: mlockall", SYS_mlockall,
				flags[s->task->mm.lock_future]);
}
