// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns protection keys: finding out which are allocated, and allocating the same ones.
 */
#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "pkeys.h"

#define OSPKE (1u << 4) /* cpuid leaf 7, ecx: the kernel uses them */

static bool machine_has_keys(void)
{
	unsigned int a, b, c = 0, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & OSPKE;
}

/* ---- which are allocated ---- */

/* mm->context.pkey_allocation_map is told by nothing. pkey_mprotect says EINVAL of a key that is
 * not allocated (mm/mprotect.c, do_mprotect_pkey), so the scratch memory gets one after the other;
 * no call that the kernel reads or writes it for is made before it has key 0 again. */
int ckpt_pkeys_get(struct ckpt_remote *r, struct ckpt_task *task, struct ckpt_obstacles *obstacles,
		   struct ckpt_err *err)
{
	uint32_t allocated = 0;
	int ret = 0;

	if (!machine_has_keys())
		return 0;
	for (uint64_t i = 0; !ret && i <= CKPT_PKEYS; i++) {
		uint64_t key = i % CKPT_PKEYS;
		long result;

		ret = ckpt_remote_call(
			r, &result, err, SYS_pkey_mprotect,
			CKPT_ARGS(r->scratch, CKPT_SCRATCH_SIZE, PROT_READ | PROT_WRITE, key));
		if (!ret && result == -ENOSYS)
			return 0;
		if (!ret && result && !key) {
			ckpt_obstacle_add(obstacles, "protection keys: it has freed key 0");
			return 0;
		}
		if (!ret && !result)
			allocated |= 1u << key;
	}
	task->mm.pkeys = allocated;
	return ret;
}

/* Memory with PROT_EXEC alone has a key of the kernel's own, one for all, that pkey_mprotect and
 * pkey_free do not take for allocated (arch/x86/include/asm/pkeys.h, mm_pkey_is_allocated). */
uint32_t ckpt_pkeys_exec_only(const struct ckpt_task *task)
{
	for (size_t i = 0; i < task->vmas.n; i++) {
		const struct ckpt_vma *vma = &task->vmas.v[i];

		if (vma->pkey && vma->prot == CKPT_PROT_EXEC && !(task->mm.pkeys >> vma->pkey & 1))
			return vma->pkey;
	}
	return 0;
}

bool ckpt_pkeys_explicit(const struct ckpt_task *task, const struct ckpt_vma *vma)
{
	if (vma->prot == CKPT_PROT_EXEC) /* without keys there is none to choose */
		return task->mm.pkeys && vma->pkey != ckpt_pkeys_exec_only(task);
	return vma->pkey;
}

/* ---- allocating ---- */

size_t ckpt_pkeys_plan(uint32_t want, uint32_t exec_only,
		       struct ckpt_pkey_step steps[2 * CKPT_PKEYS])
{
	uint32_t last = 0;
	size_t n = 0;

	for (uint32_t key = 1; key < CKPT_PKEYS; key++)
		if (want >> key & 1 || key == exec_only)
			last = key;
	/* The one for the kernel comes when all below it are taken, and before those above. */
	for (uint32_t key = 1; key <= last; key++)
		steps[n++] = (struct ckpt_pkey_step){
			key == exec_only ? CKPT_PKEY_EXEC_ONLY : CKPT_PKEY_ALLOC, key};
	for (uint32_t key = 1; key < last; key++)
		if (!(want >> key & 1) && key != exec_only)
			steps[n++] = (struct ckpt_pkey_step){CKPT_PKEY_FREE, key};
	return n;
}

/* Any mapping with PROT_EXEC alone makes the kernel take its key, and it keeps it. */
static int take_exec_only(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	uint64_t page = ckpt_skeleton_gap(s, CKPT_PAGE_SIZE);
	int ret;

	if (!page)
		return ckpt_fail(err, ENOTSUP, "no free address space");
	ret = ckpt_skeleton_do(s, NULL, err, "mmap", SYS_mmap, page, CKPT_PAGE_SIZE, PROT_EXEC,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, (uint64_t)-1, 0);
	return ret ? ret
		   : ckpt_skeleton_do(s, NULL, err, "munmap", SYS_munmap, page, CKPT_PAGE_SIZE);
}

static int take_step(struct ckpt_skeleton *s, const struct ckpt_pkey_step *step,
		     struct ckpt_err *err)
{
	long key;
	int ret;

	if (step->what == CKPT_PKEY_EXEC_ONLY)
		return take_exec_only(s, err);
	if (step->what == CKPT_PKEY_FREE)
		return ckpt_skeleton_do(s, NULL, err, "pkey_free", SYS_pkey_free, step->key);
	ret = ckpt_remote_call(&s->r, &key, err, SYS_pkey_alloc, CKPT_ARGS(0, 0));
	if (!ret && key < 0)
		ret = ckpt_fail(err, ENOTSUP, "this machine has no protection key %u: %s",
				step->key, strerror((int)-key));
	if (!ret && key != step->key)
		ret = ckpt_fail(err, ENOTSUP, "protection key %u: this kernel gives %ld instead",
				step->key, key);
	return ret;
}

int ckpt_pkeys_restore(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	struct ckpt_pkey_step steps[2 * CKPT_PKEYS];
	size_t n = ckpt_pkeys_plan(s->task->mm.pkeys, ckpt_pkeys_exec_only(s->task), steps);
	int ret = 0;

	for (size_t i = 0; !ret && i < n; i++)
		ret = take_step(s, &steps[i], err);
	return ret ? ckpt_err_about(err, "mm: pkeys") : 0;
}
