// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Protection keys without a machine that has them: the plan, carried out by an allocator as the
 * kernel has it.
 */
#include <check.h>
#include <stdlib.h>

#include "pkeys.h"

Suite *pkeys_suite(void);

/* arch/x86/include/asm/pkeys.h: mm_pkey_alloc() gives the lowest one that is free;
 * __arch_... execute_only_pkey() takes one in the same way. */
static uint32_t lowest_free(uint32_t map)
{
	uint32_t key = 0;

	while (map >> key & 1)
		key++;
	return key;
}

/* Half a million times: no ck_assert, which writes a file each time. */
static bool carry_out(uint32_t want, uint32_t exec_only)
{
	struct ckpt_pkey_step steps[2 * CKPT_PKEYS];
	size_t n = ckpt_pkeys_plan(want, exec_only, steps);
	uint32_t map = 1, taken = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t key = steps[i].key;

		if (steps[i].what == CKPT_PKEY_FREE) {
			if (!(map >> key & 1) || key == taken)
				return false;
			map &= ~(1u << key);
			continue;
		}
		if (lowest_free(map) != key || key >= CKPT_PKEYS)
			return false;
		map |= 1u << key;
		if (steps[i].what == CKPT_PKEY_EXEC_ONLY)
			taken = key;
	}
	return n <= 2 * CKPT_PKEYS && taken == exec_only &&
	       map == ((want | 1) | (exec_only ? 1u << exec_only : 0));
}

START_TEST(plan_leads_to_every_map)
{
	bool good = carry_out(0, 0); /* a machine without keys */

	for (uint32_t map = 0; good && map < 1u << CKPT_PKEYS; map += 2) {
		good = carry_out(map | 1, 0);
		for (uint32_t key = 1; good && key < CKPT_PKEYS; key++)
			good = map >> key & 1 || carry_out(map | 1, key);
	}
	ck_assert(good);
}
END_TEST

static struct ckpt_vma *add_vma(struct ckpt_task *task, uint32_t prot, uint32_t pkey)
{
	struct ckpt_vma *vma = CKPT_VEC_ADD(&task->vmas);

	ck_assert_ptr_nonnull(vma);
	vma->prot = prot;
	vma->pkey = pkey;
	return vma;
}

START_TEST(key_of_executable_memory_is_the_kernels)
{
	struct ckpt_task *task = ckpt_task_new();

	ck_assert_ptr_nonnull(task);
	task->mm.pkeys = 1 | 1 << 2 | 1 << 3;
	add_vma(task, CKPT_PROT_READ, 0);
	add_vma(task, CKPT_PROT_READ | CKPT_PROT_WRITE, 3);
	add_vma(task, CKPT_PROT_EXEC, 2); /* by pkey_mprotect */
	ck_assert_uint_eq(ckpt_pkeys_exec_only(task), 0);
	add_vma(task, CKPT_PROT_EXEC, 1); /* by mprotect */
	add_vma(task, CKPT_PROT_EXEC, 0); /* by pkey_mprotect with key 0 */
	ck_assert_uint_eq(ckpt_pkeys_exec_only(task), 1);
	ck_assert(!ckpt_pkeys_explicit(task, &task->vmas.v[0]));
	ck_assert(ckpt_pkeys_explicit(task, &task->vmas.v[1]));
	ck_assert(ckpt_pkeys_explicit(task, &task->vmas.v[2]));
	ck_assert(!ckpt_pkeys_explicit(task, &task->vmas.v[3]));
	ck_assert(ckpt_pkeys_explicit(task, &task->vmas.v[4]));
	task->mm.pkeys = 0; /* a machine without keys */
	ck_assert(!ckpt_pkeys_explicit(task, &task->vmas.v[4]));
	ckpt_task_free(task);
}
END_TEST

Suite *pkeys_suite(void)
{
	Suite *s = suite_create("pkeys");
	TCase *c = tcase_create("pkeys");

	tcase_add_test(c, plan_leads_to_every_map);
	tcase_add_test(c, key_of_executable_memory_is_the_kernels);
	suite_add_tcase(s, c);
	return s;
}
