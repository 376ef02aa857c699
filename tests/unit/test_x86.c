// SPDX-License-Identifier: GPL-2.0-or-later
/* x86_check.c, x86_xsave.c, cpu_features.c: registers that a program can have, and others; those of
 * another CPU. */
#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "x86_regs.h"

Suite *x86_suite(void);

static struct ckpt_task *task;
static struct ckpt_err err;

static void add_ldt(uint32_t index, uint8_t access)
{
	struct ckpt_ldt_entry *e = CKPT_VEC_ADD(&task->ldt.entries);

	e->index = index;
	e->desc[5] = access;
}

static void setup(void)
{
	struct ckpt_tls *tls;
	const uint32_t bits = 0x51; /* 32-bit data, pages, useable */

	task = ckpt_task_new();
	task->cpu.cs = CKPT_CS_64;
	task->cpu.ss = CKPT_SS_FLAT;
	task->cpu.eflags = CKPT_EFLAGS_PLAIN;
	add_ldt(0, 0xfb); /* code, read */
	add_ldt(1, 0xf3); /* data, write */
	add_ldt(2, 0x7b); /* code, not present */
	add_ldt(3, 0xf1); /* data, read only */
	tls = CKPT_VEC_ADD(&task->cpu.tls);
	tls->entry = 12;
	memcpy(tls->desc + 12, &bits, sizeof(bits));
}

static void teardown(void)
{
	ckpt_task_free(task);
}

static const struct row {
	size_t off;
	uint64_t value;
	const char *why; /* NULL: it is good */
} rows[] = {
#define R(r) offsetof(struct ckpt_cpu, r)
	{R(cs), 0x23, NULL},
	{R(cs), 0x07, NULL},
	{R(cs), 0x0f, "cs 0xf"},  /* data */
	{R(cs), 0x17, "cs 0x17"}, /* not present */
	{R(cs), 0x27, "cs 0x27"}, /* beyond the table */
	{R(cs), 0x04, "cs 0x4"},  /* another privilege level */
	{R(cs), 0x10, "cs 0x10"}, /* the kernel's */
	{R(cs), 0x63, "cs 0x63"}, /* TLS is data */
	{R(cs), 0, "cs 0x0"},	  /* null */
	{R(ss), 0x0f, NULL},
	{R(ss), 0x63, NULL},
	{R(ss), 0x1f, "ss 0x1f"}, /* read only */
	{R(ss), 0x07, "ss 0x7"},  /* code */
	{R(ss), 0x18, "ss 0x18"},
	{R(ss), 0, "ss 0x0"},
	{R(ds), 0, NULL},
	{R(es), 0x1f, NULL},
	{R(fs), 0x63, NULL},
	{R(gs), 0x7b, NULL},
	{R(gs), 0x6b, "gs 0x6b"},
	{R(fs), 0x100000000000002b, "fs"},
	{R(rip), 0x7fffffffe000, NULL},
	{R(rip), 0xffffffffff600400, NULL},
	{R(rip), 0xffffffff81000000, "rip 0xffffffff81000000"},
	{R(rip), 0x8000000000000000, "rip 0x8000000000000000"},
	{R(fs_base), 0xffff888000000000, "fs_base"},
	{R(gs_base), 0xffff888000000000, "gs_base"},
	{R(eflags), 0x254fd7, NULL},
	{R(eflags), 0x302, NULL}, /* the trap flag */
	{R(eflags), 0x3202, "eflags"},
	{R(eflags), 0x20202, "eflags"},
	{R(eflags), 0x2, "eflags"},
	{R(eflags), 0x100000202, "eflags"},
};

START_TEST(register_is_judged)
{
	const struct row *r = &rows[_i];
	int ret;

	memcpy((char *)&task->cpu + r->off, &r->value, sizeof(r->value));
	ret = ckpt_regs_check(task, &err);
	ck_assert_int_eq(ret, r->why ? -EINVAL : 0);
	if (r->why)
		ck_assert_ptr_nonnull(strstr(err.text, r->why));
}
END_TEST

START_TEST(rip_of_32_bits_is_below_4_gib)
{
	task->cpu.cs = CKPT_CS_32;
	task->cpu.rip = 0xffffffff;
	ck_assert_int_eq(ckpt_regs_check(task, &err), 0);
	task->cpu.rip = 1ull << 32;
	ck_assert_int_eq(ckpt_regs_check(task, &err), -EINVAL);
}
END_TEST

static void add_piece(uint32_t off, size_t at, uint64_t value)
{
	struct ckpt_xsave *piece = CKPT_VEC_ADD(&task->cpu.xsave);

	task->cpu.xsave_size = 1024;
	piece->off = off;
	memcpy(piece->data + at, &value, sizeof(value));
}

START_TEST(mxcsr_has_no_reserved_bits)
{
	add_piece(0, 24, 0x1f80);
	ck_assert_int_eq(ckpt_xsave_check(&task->cpu, &err), 0);
	memset(task->cpu.xsave.v->data + 26, 1, 1); /* bit 16 */
	ck_assert_int_eq(ckpt_xsave_check(&task->cpu, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "mxcsr"));
}
END_TEST

START_TEST(unknown_component_is_refused)
{
	add_piece(512, 0, 3);
	ck_assert_int_eq(ckpt_xsave_check(&task->cpu, &err), 0);
	task->cpu.xsave.v->data[7] = 0x80;
	ck_assert_int_eq(ckpt_xsave_check(&task->cpu, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "component 63"));
}
END_TEST

static void add_component(uint32_t nr, uint32_t off, uint32_t size)
{
	struct ckpt_component *c = CKPT_VEC_ADD(&task->cpu.component);

	*c = (struct ckpt_component){nr, off, size};
}

/* AVX, component 2, of a CPU that has it elsewhere. */
START_TEST(component_moves_to_where_this_cpu_has_it)
{
	uint8_t area[4096];
	uint64_t word;

	if (!(ckpt_xsave_mask() & 4))
		return;
	add_piece(512, 0, 7);
	add_component(2, 704, 256);
	add_piece(704, 0, 0x1122334455667788);
	add_piece(704 + 224, 24, 0x99);
	ck_assert_int_eq(ckpt_xsave_unpack(&task->cpu, area, sizeof(area), &err), 0);
	memcpy(&word, area + 576, sizeof(word));
	ck_assert(word == 0x1122334455667788);
	ck_assert_int_eq(area[576 + 248], 0x99);
	ck_assert_int_eq(area[704], 0);
}
END_TEST

START_TEST(component_of_another_size_is_refused)
{
	add_piece(512, 0, 7);
	add_component(2, 704, 128);
	ck_assert_int_eq(ckpt_xsave_check(&task->cpu, &err), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.text, "component 2"));
}
END_TEST

START_TEST(component_that_is_not_here_is_refused)
{
	add_piece(512, 0, 1ull << 40 | 3);
	add_component(40, 704, 128);
	ck_assert_int_eq(ckpt_xsave_check(&task->cpu, &err), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.text, "component 40"));
}
END_TEST

static void add_feature(const char *name)
{
	struct ckpt_cpu_feature *f = CKPT_VEC_ADD(&task->header.cpu_features);

	snprintf(f->name, sizeof(f->name), "%s", name);
}

START_TEST(own_cpu_has_its_features)
{
	ck_assert_int_eq(ckpt_cpu_features(&task->header), 0);
	ck_assert(task->header.cpu_features.n > 10); /* all of x86-64 has so many */
	ck_assert_int_eq(ckpt_cpu_features_check(&task->header, true, &err), 0);
}
END_TEST

START_TEST(missing_feature_is_named)
{
	add_feature("sse2");
	add_feature("avx999");
	add_feature("lwp2");
	ck_assert_int_eq(ckpt_cpu_features_check(&task->header, true, &err), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.text, "no avx999 lwp2,"));
}
END_TEST

START_TEST(tiles_count_only_for_who_asked)
{
	add_feature("amx_later");
	ck_assert_int_eq(ckpt_cpu_features_check(&task->header, false, &err), 0);
	ck_assert_int_eq(ckpt_cpu_features_check(&task->header, true, &err), -ENOTSUP);
}
END_TEST

Suite *x86_suite(void)
{
	Suite *suite = suite_create("x86");
	TCase *tc = tcase_create("x86");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, register_is_judged, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, rip_of_32_bits_is_below_4_gib);
	tcase_add_test(tc, mxcsr_has_no_reserved_bits);
	tcase_add_test(tc, unknown_component_is_refused);
	tcase_add_test(tc, component_moves_to_where_this_cpu_has_it);
	tcase_add_test(tc, component_of_another_size_is_refused);
	tcase_add_test(tc, component_that_is_not_here_is_refused);
	tcase_add_test(tc, own_cpu_has_its_features);
	tcase_add_test(tc, missing_feature_is_named);
	tcase_add_test(tc, tiles_count_only_for_who_asked);
	suite_add_tcase(suite, tc);
	return suite;
}
