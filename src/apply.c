// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leads the change of a frozen task in place: reads what is wanted, has it judged, has what is
 * needed brought into the task, and has the task change itself. See docs/apply.md.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "apply_int.h"
#include "backend.h"
#include "clocks.h"
#include "collect.h"
#include "freezer.h"
#include "load.h"
#include "log.h"
#include "settle.h"
#include "tree.h"
#include "waits.h"
#include "x86_regs.h"

/* ---- the source: nothing of it is dropped, it may be needed once more ---- */

static struct ckpt_apply *of(struct ckpt_source *src)
{
	return (struct ckpt_apply *)((char *)src - offsetof(struct ckpt_apply, src));
}

static int src_size(struct ckpt_source *src, const char *path, uint64_t *size)
{
	struct ckpt_source *real = of(src)->w->src;

	return real->ops->size(real, path, size);
}

static ssize_t src_read(struct ckpt_source *src, const char *path, void *buf, size_t len,
			uint64_t off)
{
	struct ckpt_source *real = of(src)->w->src;

	return real->ops->read(real, path, buf, len, off);
}

static void src_drop(struct ckpt_source *src, const char *path, uint64_t off, uint64_t len)
{
	(void)src, (void)path, (void)off, (void)len;
}

static int src_each(struct ckpt_source *src, int (*fn)(const char *path, void *arg), void *arg)
{
	struct ckpt_source *real = of(src)->w->src;

	return real->ops->each(real, fn, arg);
}

static const struct ckpt_source_ops src_ops = {src_size, src_read, src_drop, src_each};

/* ---- what is wanted ---- */

static int load_wanted(struct ckpt_apply *a, struct ckpt_task *task)
{
	struct ckpt_manifest list = {0};
	int ret = ckpt_source_list(&a->src, &list, a->err);

	if (!ret)
		ret = ckpt_task_load(&a->src, &list, task, a->err);
	ckpt_manifest_fini(&list);
	return ret;
}

static int check_program(struct ckpt_apply *a)
{
	if (a->frozen->incomplete)
		return ckpt_fail(a->err, ENOTSUP,
				 "process %d can't be captured whole, so it can't be changed",
				 a->frozen->pid);
	if (ckpt_task_is_i386(a->old) || (a->old->cpu.cs & 0xffff) != CKPT_CS_64)
		return ckpt_fail(a->err, ENOTSUP,
				 "process %d: 32-bit code can't be changed in "
				 "place",
				 a->frozen->pid);
	return 0;
}

static int judge(struct ckpt_apply *a)
{
	int (*const parts[])(struct ckpt_apply *) = {
		check_program,		 ckpt_apply_cpu_check,	 ckpt_apply_process_check,
		ckpt_apply_memory_check, ckpt_apply_files_check,
	};
	int ret = ckpt_apply_judge(a);

	for (size_t i = 0; !ret && i < sizeof(parts) / sizeof(parts[0]); i++)
		ret = parts[i](a);
	return ret;
}

/* ---- on the thread that traces the task ---- */

static int find_used(struct ckpt_apply *a)
{
	const struct ckpt_task *both[2] = {a->old, a->want};

	for (int t = 0; t < 2; t++)
		for (size_t i = 0; i < both[t]->vmas.n; i++) {
			struct ckpt_span *span = CKPT_VEC_ADD(&a->s.used);

			if (!span)
				return ckpt_fail(a->err, ENOMEM, "no memory for the address map");
			span->start = both[t]->vmas.v[i].start;
			span->end = both[t]->vmas.v[i].end;
		}
	return 0;
}

/* Brings in what is new, and says what is to be done: limits are raised first, so that they stop
 * nothing, and lowered last. */
static int prepare(struct ckpt_apply *a)
{
	int (*const parts[])(struct ckpt_apply *) = {
		ckpt_apply_memory, ckpt_apply_files,   ckpt_apply_process,
		ckpt_apply_cpu,	   ckpt_apply_signals,
	};
	int ret = 0;

	ckpt_apply_limits(a, true);
	for (size_t i = 0; !ret && i < sizeof(parts) / sizeof(parts[0]); i++)
		ret = parts[i](a);
	ckpt_apply_limits(a, false);
	return ret;
}

/* The task has changed, and stands in its second stub: the wait, then what only we can set. */
static int finish(struct ckpt_apply *a)
{
	struct ckpt_cpu cpu = a->want->cpu; /* the vecs stay the task's */
	int64_t now = ckpt_now();
	int ret = 0;

	if (!a->same_wait) {
		ret = ckpt_restore_wait(&a->s, &cpu, a->err);
		ckpt_regs_to_user(&cpu, &a->s.r.saved);
	}
	if (!ret)
		ret = ckpt_program_close(a, true);
	if (!ret) {
		ckpt_settle_new(a->s.pid, a->s.r.mem_fd, &cpu);
		ret = ckpt_backend()->cpu_set(a->s.pid, &cpu, a->err);
	}
	if (!ret && !a->same_wait && (int64_t)cpu.rax == -CKPT_ERESTART_RESTARTBLOCK)
		ckpt_wait_remember(a->s.pid, now, &cpu);
	return ret;
}

static int after(struct ckpt_apply *a)
{
	int ret = finish(a);

	if (!ret)
		ret = ckpt_frozen_refresh(a->frozen, &a->want->cpu, a->err);
	return ret ? ckpt_err_about(a->err, "it has changed") : 0;
}

static bool is_empty(const struct ckpt_apply *a)
{
	return !a->steps.n && a->same_cpu && a->old->signals.blocked == a->want->signals.blocked;
}

static int job_apply(const struct ckpt_collect *c, void *arg)
{
	struct ckpt_apply *a = arg;
	int ret = find_used(a);

	if (!ret)
		ret = ckpt_program_open(a, c);
	if (ret)
		return ret;
	ret = prepare(a);
	if (ret || is_empty(a)) {
		ckpt_program_close(a, false);
		return ret;
	}
	ret = ckpt_program_run(a);
	if (ret == -ECANCELED)
		ret = ckpt_fail(a->err, a->failed ? a->failed : EIO, "%s: %s",
				a->failed_what ? a->failed_what : "its program",
				strerror(a->failed ? a->failed : EIO));
	else if (!ret)
		return after(a);
	if (ret && !a->lost)
		ckpt_program_close(a, false);
	return ret;
}

static int commit(struct ckpt_apply *a)
{
	int ret = ckpt_frozen_run(a->frozen, job_apply, a);

	if (!ret && a->failed)
		ret = ckpt_fail(a->err, EIO, "%s: %s: the rest has changed, see the log",
				a->failed_what, strerror(a->failed));
	return ret == -ENOSYS ? -ENOTSUP : ret;
}

static void fini(struct ckpt_apply *a)
{
	CKPT_VEC_FINI(&a->segs);
	CKPT_VEC_FINI(&a->fds);
	CKPT_VEC_FINI(&a->s.used);
	CKPT_VEC_FINI(&a->undo);
	CKPT_VEC_FINI(&a->patches);
	CKPT_VEC_FINI(&a->steps);
	CKPT_VEC_FINI(&a->what);
	free(a->data.v);
	free(a->live);
}

int ckpt_apply(struct ckpt_frozen *frozen, const struct ckpt_want *want, enum ckpt_apply_mode mode,
	       struct ckpt_err *err)
{
	struct ckpt_task *task = ckpt_task_new();
	struct ckpt_apply a = {
		.frozen = frozen,
		.w = want,
		.old = frozen->tree->task,
		.want = task,
		.err = err,
		.src = {&src_ops},
	};
	char group[256];
	int ret;

	if (!task)
		return ckpt_fail(err, ENOMEM, "no memory for a task");
	a.s.pid = frozen->pid;
	a.s.task = task;
	a.s.src = &a.src;
	a.s.progress = &a.progress;
	if (!ckpt_frozen_alive(frozen))
		ret = ckpt_fail(err, ESRCH, "process %d has ended", frozen->pid);
	else if (ckpt_freezer_holds(frozen->pid, group, sizeof(group)))
		ret = ckpt_fail(err, EBUSY,
				"process %d is frozen by its control group %s, too: to change it, "
				"thaw that first",
				frozen->pid, group);
	else
		ret = load_wanted(&a, task);
	if (!ret)
		ret = judge(&a);
	if (!ret && mode == CKPT_APPLY_COMMIT)
		ret = commit(&a);
	fini(&a);
	ckpt_task_free(task);
	return ret;
}
