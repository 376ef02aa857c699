// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the xsave area: to pieces and back, and from the layout of another CPU to this one's. Where
 * a component lies in the uncompacted format is a constant of each CPU (cpuid leaf 0xd), not of
 * all.
 */
#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include "x86_regs.h"

#define IN_USE 512 /* offset of xstate_bv, Intel SDM, volume 1, 13.4.2 */

/* Of this CPU; size 0: it has no such component. Asked for once, because a hypervisor answers. */
static struct {
	uint64_t mask;
	struct ckpt_component component[63];
} cpu_here;
static pthread_once_t cpu_once = PTHREAD_ONCE_INIT;

static void ask_cpu(void)
{
	uint32_t a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return;
	__asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	cpu_here.mask = (uint64_t)d << 32 | a;
	for (uint32_t nr = 2; nr < 63; nr++) {
		struct ckpt_component *out = &cpu_here.component[nr];

		out->nr = nr;
		if (cpu_here.mask >> nr & 1)
			__cpuid_count(0xd, nr, out->size, out->off, c, d);
	}
}

uint64_t ckpt_xsave_mask(void)
{
	pthread_once(&cpu_once, ask_cpu);
	return cpu_here.mask;
}

static struct ckpt_component component_here(uint32_t nr)
{
	pthread_once(&cpu_once, ask_cpu);
	return cpu_here.component[nr];
}

int ckpt_xsave_pack(const void *area, size_t size, struct ckpt_cpu *cpu)
{
	static const uint8_t zero[sizeof(cpu->xsave.v->data)];
	const uint8_t *bytes = area;

	cpu->xsave_size = size;
	for (uint32_t nr = 2; nr < 63; nr++) {
		struct ckpt_component here = component_here(nr), *out;

		if (!here.size || here.off + here.size > size)
			continue;
		out = CKPT_VEC_ADD(&cpu->component);
		if (!out)
			return -ENOMEM;
		*out = here;
	}
	for (size_t off = 0; off < size; off += sizeof(zero)) {
		size_t len = size - off < sizeof(zero) ? size - off : sizeof(zero);
		struct ckpt_xsave *piece;

		if (!memcmp(bytes + off, zero, len))
			continue;
		piece = CKPT_VEC_ADD(&cpu->xsave);
		if (!piece)
			return -ENOMEM;
		piece->off = off;
		memcpy(piece->data, bytes + off, len);
	}
	return 0;
}

/* One component that is in use, from where the tree has it to where this CPU has it. */
static int place(const struct ckpt_cpu *cpu, uint32_t nr, const uint8_t *from, uint8_t *to,
		 size_t size, struct ckpt_err *err)
{
	struct ckpt_component here = component_here(nr < 63 ? nr : 0);
	const struct ckpt_component *there = NULL;

	for (size_t i = 0; i < cpu->component.n; i++)
		if (cpu->component.v[i].nr == nr)
			there = &cpu->component.v[i];
	if (!there)
		return ckpt_fail(err, EINVAL,
				 "cpu: component %u is in use, but nothing says where it lies", nr);
	if (!here.size || here.off + here.size > size)
		return ckpt_fail(err, ENOTSUP, "cpu: component %u: this CPU or kernel has none",
				 nr);
	if (here.size != there->size)
		return ckpt_fail(err, ENOTSUP,
				 "cpu: component %u has %u bytes, on this CPU it has %u", nr,
				 there->size, here.size);
	memcpy(to + here.off, from + there->off, here.size);
	return 0;
}

int ckpt_xsave_unpack(const struct ckpt_cpu *cpu, void *area, size_t size, struct ckpt_err *err)
{
	uint8_t from[CKPT_XSAVE_MAX + sizeof(cpu->xsave.v->data)] = {0};
	uint64_t in_use;
	int ret = 0;

	for (size_t i = 0; i < cpu->xsave.n; i++)
		memcpy(from + cpu->xsave.v[i].off, cpu->xsave.v[i].data,
		       sizeof(cpu->xsave.v->data));
	memset(area, 0, size);
	memcpy(area, from, size < CKPT_XSAVE_FIXED ? size : CKPT_XSAVE_FIXED);
	memcpy(&in_use, from + IN_USE, sizeof(in_use));
	for (uint32_t nr = 2; !ret && nr < 64; nr++)
		if (in_use >> nr & 1)
			ret = place(cpu, nr, from, area, size, err);
	return ret;
}

/* Intel SDM, volume 1, 11.6.6 */
static uint32_t mxcsr_mask(void)
{
	uint8_t area[512] __attribute__((aligned(16))) = {0};
	uint32_t mask;

	__asm__ volatile("fxsave %0" : "=m"(area));
	memcpy(&mask, area + 28, sizeof(mask));
	return mask ? mask : 0xffbf;
}

/* Bits of mxcsr that this CPU does not know are a fault when they are loaded. */
int ckpt_xsave_check(const struct ckpt_cpu *cpu, struct ckpt_err *err)
{
	uint8_t area[CKPT_XSAVE_MAX];
	uint32_t mxcsr, known = mxcsr_mask();
	int ret = ckpt_xsave_unpack(cpu, area, sizeof(area), err);

	if (ret || !cpu->xsave_size)
		return ret;
	memcpy(&mxcsr, area + 24, sizeof(mxcsr));
	if (mxcsr & ~known)
		return ckpt_fail(err, EINVAL,
				 "cpu: xsave 0: mxcsr 0x%x has bits that this CPU does not: 0x%x",
				 mxcsr, mxcsr & ~known);
	return 0;
}
