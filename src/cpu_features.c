// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The features of a CPU that a program can use, by the names of /proc/cpuinfo
 * (arch/x86/include/asm/cpufeatures.h), or the maker's where it has none. Left out is what only
 * kernels use, and what is but a hint for speed.
 */
#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "machine.h"

enum reg { EAX, EBX, ECX, EDX };

struct feature {
	const char *name;
	uint8_t bit;
};

/* clang-format off */
static const struct feature f_1_ecx[] = {
	{"pni", 0}, {"pclmulqdq", 1}, {"ssse3", 9}, {"fma", 12}, {"cx16", 13}, {"sse4_1", 19},
	{"sse4_2", 20}, {"movbe", 22}, {"popcnt", 23}, {"aes", 25}, {"xsave", 26}, {"avx", 28},
	{"f16c", 29}, {"rdrand", 30}, {NULL, 0}};
static const struct feature f_1_edx[] = {
	{"fpu", 0}, {"tsc", 4}, {"cx8", 8}, {"cmov", 15}, {"clflush", 19}, {"mmx", 23},
	{"fxsr", 24}, {"sse", 25}, {"sse2", 26}, {NULL, 0}};
static const struct feature f_7_ebx[] = {
	{"fsgsbase", 0}, {"bmi1", 3}, {"hle", 4}, {"avx2", 5}, {"bmi2", 8}, {"rtm", 11},
	{"mpx", 14}, {"avx512f", 16}, {"avx512dq", 17}, {"rdseed", 18}, {"adx", 19},
	{"avx512ifma", 21}, {"clflushopt", 23}, {"clwb", 24}, {"avx512pf", 26}, {"avx512er", 27},
	{"avx512cd", 28}, {"sha_ni", 29}, {"avx512bw", 30}, {"avx512vl", 31}, {NULL, 0}};
static const struct feature f_7_ecx[] = {
	{"avx512vbmi", 1}, {"ospke", 4}, {"waitpkg", 5}, {"avx512_vbmi2", 6}, {"gfni", 8},
	{"vaes", 9}, {"vpclmulqdq", 10}, {"avx512_vnni", 11}, {"avx512_bitalg", 12},
	{"avx512_vpopcntdq", 14}, {"rdpid", 22}, {"cldemote", 25}, {"movdiri", 27},
	{"movdir64b", 28}, {"enqcmd", 29}, {NULL, 0}};
static const struct feature f_7_edx[] = {
	{"avx512_4vnniw", 2}, {"avx512_4fmaps", 3}, {"avx512_vp2intersect", 8}, {"serialize", 14},
	{"tsxldtrk", 16}, {"amx_bf16", 22}, {"avx512_fp16", 23}, {"amx_tile", 24}, {"amx_int8", 25},
	{NULL, 0}};
static const struct feature f_7_1_eax[] = {
	{"sha512", 0}, {"sm3", 1}, {"sm4", 2}, {"raoint", 3}, {"avx_vnni", 4}, {"avx512_bf16", 5},
	{"cmpccxadd", 7}, {"amx_fp16", 21}, {"avx_ifma", 23}, {NULL, 0}};
static const struct feature f_7_1_edx[] = {
	{"avx_vnni_int8", 4}, {"avx_ne_convert", 5}, {"amx_complex", 8}, {"avx_vnni_int16", 10},
	{"avx10", 19}, {NULL, 0}};
static const struct feature f_d_1_eax[] = {
	{"xsaveopt", 0}, {"xsavec", 1}, {"xgetbv1", 2}, {NULL, 0}};
static const struct feature f_ext_ecx[] = {
	{"lahf_lm", 0}, {"abm", 5}, {"sse4a", 6}, {"misalignsse", 7}, {"3dnowprefetch", 8},
	{"xop", 11}, {"lwp", 15}, {"fma4", 16}, {"tbm", 21}, {"mwaitx", 29}, {NULL, 0}};
static const struct feature f_ext_edx[] = {
	{"mmxext", 22}, {"rdtscp", 27}, {"3dnowext", 30}, {"3dnow", 31}, {NULL, 0}};
static const struct feature f_ext8_ebx[] = {{"clzero", 0}, {"rdpru", 4}, {NULL, 0}};

static const struct word {
	uint32_t leaf, sub;
	enum reg reg;
	const struct feature *features;
} words[] = {
	{1, 0, EDX, f_1_edx}, {1, 0, ECX, f_1_ecx}, {0x80000001, 0, EDX, f_ext_edx},
	{0x80000001, 0, ECX, f_ext_ecx}, {7, 0, EBX, f_7_ebx}, {0xd, 1, EAX, f_d_1_eax},
	{7, 1, EAX, f_7_1_eax}, {7, 1, EDX, f_7_1_edx}, {0x80000008, 0, EBX, f_ext8_ebx},
	{7, 0, ECX, f_7_ecx}, {7, 0, EDX, f_7_edx},
};
/* clang-format on */

#define NWORDS (sizeof(words) / sizeof(words[0]))

/* Of this CPU, asked for once, because a hypervisor answers. */
static uint32_t bits_here[NWORDS];
static pthread_once_t cpu_once = PTHREAD_ONCE_INIT;

static void ask_cpu(void)
{
	for (size_t i = 0; i < NWORDS; i++) {
		uint32_t regs[4] = {0};

		__get_cpuid_count(words[i].leaf, words[i].sub, &regs[EAX], &regs[EBX], &regs[ECX],
				  &regs[EDX]);
		bits_here[i] = regs[words[i].reg];
	}
}

int ckpt_cpu_features(struct ckpt_header *h)
{
	pthread_once(&cpu_once, ask_cpu);
	for (size_t i = 0; i < NWORDS; i++) {
		for (const struct feature *f = words[i].features; f->name; f++) {
			struct ckpt_cpu_feature *out;

			if (!(bits_here[i] >> f->bit & 1))
				continue;
			out = CKPT_VEC_ADD(&h->cpu_features);
			if (!out)
				return -ENOMEM;
			snprintf(out->name, sizeof(out->name), "%s", f->name);
		}
	}
	return 0;
}

static bool cpu_has(const char *name)
{
	pthread_once(&cpu_once, ask_cpu);
	for (size_t i = 0; i < NWORDS; i++)
		for (const struct feature *f = words[i].features; f->name; f++)
			if (!strcmp(f->name, name))
				return bits_here[i] >> f->bit & 1;
	return false;
}

int ckpt_cpu_features_check(const struct ckpt_header *h, bool tiles, struct ckpt_err *err)
{
	char text[200] = "";
	size_t missing = 0, len = 0;

	for (size_t i = 0; i < h->cpu_features.n; i++) {
		const char *name = h->cpu_features.v[i].name;

		if (cpu_has(name) || (!tiles && !strncmp(name, "amx_", 4)))
			continue;
		if (len + sizeof(h->cpu_features.v[i].name) + 2 < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, " %s", name);
		missing++;
	}
	if (!missing)
		return 0;
	return ckpt_fail(err, ENOTSUP,
			 "task: cpu_feature: this CPU has no%s%s, which the program may use", text,
			 missing > 12 ? " ..." : "");
}
