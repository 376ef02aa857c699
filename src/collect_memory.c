// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which pages of each VMA are dumped, and what mapped files look like.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "again.h"
#include "collect.h"
#include "collect_objects.h"
#include "pages.h"
#include "proc.h"
#include "vma_nodes.h"

/* Size and time of the mapped file, and whether its name still leads to it. Without the privilege
 * to look behind map_files the name is all there is. */
static int collect_file(struct ckpt_collect *c, struct ckpt_vma *vma, struct ckpt_object_finder *f,
			struct ckpt_err *err)
{
	const char *lost = NULL;
	char path[96];
	struct stat st;

	ckpt_map_file_path(c, vma, path, sizeof(path));
	if (!stat(path, &st))
		lost = ckpt_path_lost(vma->fname, &st);
	else if (stat(vma->fname, &st))
		lost = strerror(errno);
	if (lost && ckpt_object_is_unlinked(vma))
		return ckpt_object_find_file(f, vma, err);
	if (lost) {
		ckpt_object_obstacle(c, vma, vma->fname, lost);
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	vma->fsize = (uint64_t)st.st_size;
	vma->fmtime = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec;
	return 0;
}

/* A page that our code was in is a private copy from then on: leave it out if the file has the same
 * bytes. The stub is gone by now; what makes a system call again is none of the program's. */
static void forget_slack(struct ckpt_collect *c, struct ckpt_vma *vma, uint64_t at)
{
	uint8_t mine[CKPT_PAGE_SIZE], theirs[CKPT_PAGE_SIZE];
	uint64_t page = at & ~(CKPT_PAGE_SIZE - 1);
	int fd;

	if (!at || page < vma->start || page >= vma->end || vma->how != CKPT_VMA_FILE)
		return;
	fd = ckpt_map_file_open(c, vma);
	if (fd < 0)
		fd = open(vma->fname, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return;
	memset(theirs, 0, sizeof(theirs)); /* past the end of the file a page is zero */
	if (pread(fd, theirs, sizeof(theirs), (off_t)(vma->pgoff + page - vma->start)) > 0 &&
	    pread(c->mem_fd, mine, sizeof(mine), (off_t)page) == (ssize_t)sizeof(mine)) {
		ckpt_again_hide(c->again, page, mine);
		if (!memcmp(mine, theirs, sizeof(mine)))
			ckpt_pages_remove(&vma->pages, page);
	}
	close(fd);
}

int ckpt_collect_memory(struct ckpt_collect *c, struct ckpt_err *err)
{
	struct ckpt_object_finder f = {.c = c};
	struct ckpt_pagemap pm;
	int ret = ckpt_pagemap_open(c->cap->pid, &pm, err);

	if (ret)
		return ret;
	for (size_t i = 0; !ret && i < c->task->objects.n; i++) {
		int *none = CKPT_VEC_ADD(&c->object_fds); /* pipes, of fds.c */

		if (none)
			*none = -1;
		else
			ret = ckpt_fail(err, ENOMEM, "no memory for objects");
	}
	for (size_t i = 0; !ret && i < c->task->vmas.n; i++) {
		struct ckpt_vma *vma = &c->task->vmas.v[i];

		if (vma->how == CKPT_VMA_FILE)
			ret = collect_file(c, vma, &f, err);
		if (vma->how == CKPT_VMA_SHM)
			ret = ckpt_object_find_shm(&f, vma, err);
		if (!ret && !vma->shared && vma->how <= CKPT_VMA_FILE)
			ret = ckpt_pages_select(&pm, vma->start, vma->end, &vma->pages, err);
		if (!ret && vma->how < CKPT_VMA_VDSO)
			ret = ckpt_guards_select(&pm, vma, err);
		if (!ret)
			forget_slack(c, vma, c->slack);
		if (!ret)
			forget_slack(c, vma, c->again);
	}
	ckpt_pagemap_close(&pm);
	if (!ret)
		ckpt_object_find_exe(&f);
	ckpt_object_finder_fini(&f);
	c->task->mm.map_count = (uint32_t)c->task->vmas.n;
	return ret;
}
