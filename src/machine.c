// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compares this machine with what a tree says of its own.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "log.h"
#include "machine.h"
#include "manifest.h"
#include "x86_regs.h"

#define AMX_FEATURES (3ull << 17) /* tile configuration, tile data */

/* ---- vdso ---- */

/* The section headers are the last thing in the image the kernel maps; 0: it is no image. */
static size_t image_size(const void *image, size_t room)
{
	const Elf64_Ehdr *e64 = image;
	const Elf32_Ehdr *e32 = image;
	uint64_t size;

	if (room < sizeof(*e64) || memcmp(e64->e_ident, ELFMAG, SELFMAG))
		return 0;
	size = e64->e_ident[EI_CLASS] == ELFCLASS32
		       ? e32->e_shoff + (uint64_t)e32->e_shentsize * e32->e_shnum
		       : e64->e_shoff + (uint64_t)e64->e_shentsize * e64->e_shnum;
	return size <= room ? size : 0;
}

static void image_digest(const void *image, size_t room, char out[CKPT_VDSO_DIGEST])
{
	size_t size = image_size(image, room);
	struct ckpt_digest digest;

	out[0] = '\0';
	if (!size)
		return;
	ckpt_digest_of(image, size, &digest);
	ckpt_digest_hex(&digest, out);
}

void ckpt_vdso_digest(char out[CKPT_VDSO_DIGEST])
{
	const void *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);

	out[0] = '\0';
	if (vdso)
		image_digest(vdso, SIZE_MAX, out);
}

void ckpt_vdso_digest_of(const struct ckpt_task *task, int mem_fd, char out[CKPT_VDSO_DIGEST])
{
	out[0] = '\0';
	for (size_t i = 0; i < task->vmas.n; i++) {
		const struct ckpt_vma *vma = &task->vmas.v[i];
		size_t size = vma->end - vma->start;
		void *image;

		if (vma->how != CKPT_VMA_VDSO)
			continue;
		image = malloc(size);
		if (image && pread(mem_fd, image, size, (off_t)vma->start) == (ssize_t)size)
			image_digest(image, size, out);
		free(image);
		return;
	}
}

int ckpt_vdso_check(const struct ckpt_task *task, const char *here, struct ckpt_err *err)
{
	const struct ckpt_header *h = &task->header;

	for (size_t i = 0; i < task->vmas.n; i++)
		if (task->vmas.v[i].how == CKPT_VMA_VDSO && strcmp(here, h->vdso))
			return ckpt_fail(err, ENOTSUP,
					 "task: vdso: the kernel of the freeze (%s) gave another "
					 "one",
					 h->kernel ? h->kernel : "-");
	return 0;
}

/* ---- the CPU ---- */

int ckpt_machine_check(const struct ckpt_task *task, struct ckpt_err *err)
{
	const struct ckpt_header *h = &task->header;
	/* the tiles are seen by those only that asked for them */
	uint64_t need = h->xsave_mask & ~(AMX_FEATURES & ~task->cpu.xcomp_perm);
	uint64_t mask = ckpt_xsave_mask();
	char digest[65];
	int ret;

	if ((strcmp(h->arch, CKPT_ARCH_X86_64) && strcmp(h->arch, CKPT_ARCH_I386)) ||
	    h->page_size != CKPT_PAGE_SIZE)
		return ckpt_fail(err, ENOTSUP, "task: made for %s with pages of %llu bytes",
				 h->arch, (unsigned long long)h->page_size);
	if (need & ~mask)
		return ckpt_fail(err, ENOTSUP,
				 "task: xsave_mask 0x%llx: this CPU or kernel has only 0x%llx",
				 (unsigned long long)need, (unsigned long long)mask);
	ret = ckpt_xsave_check(&task->cpu, err);
	if (ret)
		return ret;
	ret = ckpt_cpu_features_check(h, task->cpu.xcomp_perm & AMX_FEATURES, err);
	if (ret)
		return ret;
	ckpt_cpuid_digest(digest);
	if (strcmp(digest, h->cpuid))
		ckpt_log("restore %d: this CPU differs from the one of the freeze", h->pid);
	if (ckpt_task_is_i386(task)) /* its vdso is seen in the skeleton */
		return 0;
	ckpt_vdso_digest(digest);
	return ckpt_vdso_check(task, digest, err);
}
