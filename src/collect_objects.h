/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory behind mappings that has no name: shared anonymous memory, unlinked files, memfds. Each
 * is one object, however often it is mapped.
 */
#ifndef CKPT_COLLECT_OBJECTS_H
#define CKPT_COLLECT_OBJECTS_H

#include <sys/stat.h>
#include "collect.h"

struct ckpt_object_seen {
	dev_t dev;
	ino_t ino;
	uint64_t id;
	bool checked; /* that nobody else could write it */
};

/* Zero but for c; while the mappings are gone through. */
struct ckpt_object_finder {
	struct ckpt_collect *c;
	CKPT_VEC(struct ckpt_object_seen) seen;
};
void ckpt_object_finder_fini(struct ckpt_object_finder *f);

/* Shared anonymous memory. What can't be captured goes to the obstacles. */
int ckpt_object_find_shm(struct ckpt_object_finder *f, struct ckpt_vma *vma, struct ckpt_err *err);

/* A file that has no name any more; the name it had is vma->fname afterwards. */
bool ckpt_object_is_unlinked(const struct ckpt_vma *vma);
int ckpt_object_find_file(struct ckpt_object_finder *f, struct ckpt_vma *vma, struct ckpt_err *err);

/* The executable, if it is one of those. */
void ckpt_object_find_exe(struct ckpt_object_finder *f);

void ckpt_object_obstacle(struct ckpt_collect *c, const struct ckpt_vma *vma, const char *name,
			  const char *why);

/* /proc/PID/map_files: the file behind a mapping, whatever became of its name. */
void ckpt_map_file_path(const struct ckpt_collect *c, const struct ckpt_vma *vma, char *path,
			size_t size);
int ckpt_map_file_open(const struct ckpt_collect *c, const struct ckpt_vma *vma);

#endif
