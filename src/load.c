// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the text files of a tree to the state they describe: every file parsed, and what the files
 * say of each other held together. Knows nothing of processes, asks for no privilege. It reads
 * what anybody may have written: what it allocates is bounded by the limits of tree.h and
 * manifest.h, whatever the tree says.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include "load.h"
#include "x86_regs.h"
#include "tree.h"

/* ---- sizes ---- */

static uint64_t machine_memory(void)
{
	struct sysinfo info;

	if (sysinfo(&info))
		return UINT64_MAX;
	return (info.totalram + info.totalswap) * (uint64_t)info.mem_unit;
}

static int too_much(uint64_t memory, const char *path, struct ckpt_err *err)
{
	return ckpt_fail(err, ENOMEM,
			 "%s: with it the tree has more than the %" PRIu64
			 " MiB of memory and swap of this machine",
			 path, memory >> 20);
}

int ckpt_manifest_check_sizes(const struct ckpt_manifest *m, struct ckpt_err *err)
{
	uint64_t memory = machine_memory(), left = memory;

	for (size_t i = 0; i < m->n; i++) {
		const struct ckpt_manifest_line *line = &m->v[i];

		if (line->size > CKPT_TEXT_MAX &&
		    ckpt_node_kind_of(line->path, NULL) == CKPT_NODE_TEXT)
			return ckpt_fail(err, EINVAL,
					 CKPT_MANIFEST_NAME ": %s: %" PRIu64
							    " bytes are too long for a text file",
					 line->path, line->size);
		if (line->size > left) {
			too_much(memory, line->path, err);
			return ckpt_err_about(err, CKPT_MANIFEST_NAME);
		}
		left -= line->size;
	}
	return 0;
}

static int check_pages(const struct ckpt_task *task, struct ckpt_err *err)
{
	uint64_t memory = machine_memory(), left = memory / CKPT_PAGE_SIZE;
	char path[64];

	for (size_t i = 0; i < task->vmas.n; i++) {
		snprintf(path, sizeof(path), "vmas/%016" PRIx64 "/meta", task->vmas.v[i].start);
		if (task->vmas.v[i].pages.npages > left)
			return too_much(memory, path, err);
		left -= task->vmas.v[i].pages.npages;
	}
	for (size_t i = 0; i < task->objects.n; i++) {
		snprintf(path, sizeof(path), "objects/%" PRIu64 "/meta", task->objects.v[i].id);
		if (task->objects.v[i].pages.npages > left)
			return too_much(memory, path, err);
		left -= task->objects.v[i].pages.npages;
	}
	return 0;
}

/* ---- text ---- */

static char *read_text(struct ckpt_source *src, const char *path, size_t *len, struct ckpt_err *err)
{
	uint64_t size;
	ssize_t got;
	char *text;
	int ret = src->ops->size(src, path, &size);

	if (ret) {
		ckpt_fail(err, ret == -ENOENT ? EINVAL : -ret, "%s: %s", path,
			  ret == -ENOENT ? "missing" : strerror(-ret));
		return NULL;
	}
	if (size > CKPT_TEXT_MAX) {
		ckpt_fail(err, EINVAL, "%s: %" PRIu64 " bytes are too long for a text file", path,
			  size);
		return NULL;
	}
	text = malloc(size + 1);
	got = text ? src->ops->read(src, path, text, size, 0) : -ENOMEM;
	if (got < 0 || (uint64_t)got != size) {
		ckpt_fail(err, got < 0 ? (int)-got : EINVAL, "%s: can't be read", path);
		free(text);
		return NULL;
	}
	text[size] = '\0';
	*len = size;
	return text;
}

/* Before anything is parsed: a newer tree is refused by the name of what is new in it, not by the
 * first key that is not known. */
static int check_format(struct ckpt_source *src, struct ckpt_err *err)
{
	char *save, *line, *text;
	size_t len;
	int ret = 0;

	text = read_text(src, "task", &len, err);
	if (!text)
		return -err->code;
	for (line = strtok_r(text, "\n", &save); line && !ret; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "feature ", 8))
			ret = ckpt_fail(err, ENOTSUP,
					"task: the tree uses the feature '%s', which this "
					"ckptfs does not know",
					line + 8);
		else if (!strncmp(line, "version ", 8) &&
			 strtoul(line + 8, NULL, 10) > CKPT_FORMAT_VERSION)
			ret = ckpt_fail(err, ENOTSUP,
					"task: format version %s: this ckptfs reads version %d",
					line + 8, CKPT_FORMAT_VERSION);
	}
	free(text);
	return ret;
}

static int load_one(struct ckpt_source *src, const char *path, uint64_t *left,
		    struct ckpt_task *task, struct ckpt_err *err)
{
	size_t len;
	char *text = read_text(src, path, &len, err);
	int ret;

	if (!text)
		return -err->code;
	if (len > *left) {
		ret = ckpt_fail(err, EINVAL, "%s: with it the tree has more than %llu MiB of text",
				path, CKPT_TEXT_TOTAL >> 20);
	} else {
		*left -= len;
		ret = ckpt_node_parse(task, path, text, len, err);
	}
	free(text);
	return ret;
}

static int load(struct ckpt_source *src, const struct ckpt_manifest *m, struct ckpt_task *task,
		struct ckpt_err *err)
{
	uint64_t left = CKPT_TEXT_TOTAL;
	int ret = ckpt_node_check_list(m, err);

	if (!ret)
		ret = check_format(src, err);
	for (size_t i = 0; !ret && i < m->n; i++)
		if (ckpt_node_kind_of(m->v[i].path, NULL) == CKPT_NODE_TEXT)
			ret = load_one(src, m->v[i].path, &left, task, err);
	return ret ? ret : ckpt_task_sort(task, err);
}

/* ---- what the files say of each other; the collections are sorted by now ---- */

static int object_cmp(const void *key, const void *elem)
{
	uint64_t id = *(const uint64_t *)key, other = ((const struct ckpt_object *)elem)->id;

	return (id > other) - (id < other);
}

static const struct ckpt_object *find_object(const struct ckpt_task *task, uint64_t id,
					     uint32_t kind)
{
	const struct ckpt_object *o = NULL;

	if (task->objects.n)
		o = bsearch(&id, task->objects.v, task->objects.n, sizeof(*o), object_cmp);
	return o && o->kind == kind ? o : NULL;
}

static int file_cmp(const void *key, const void *elem)
{
	uint64_t id = *(const uint64_t *)key, other = ((const struct ckpt_file *)elem)->id;

	return (id > other) - (id < other);
}

/* A view of memory may reach behind its end (mremap(2), ftruncate(2)). */
static int check_view(const struct ckpt_task *task, const struct ckpt_vma *vma,
		      struct ckpt_err *err)
{
	const struct ckpt_object *o = find_object(task, vma->object, CKPT_OBJECT_SHM);

	if (vma->how == CKPT_VMA_FILE) {
		o = find_object(task, vma->object, CKPT_OBJECT_FILE);
		o = o ? o : find_object(task, vma->object, CKPT_OBJECT_MEMFD);
	}
	if (!o)
		return ckpt_fail(err, EINVAL,
				 "vmas/%016" PRIx64 "/meta: there is no objects/%" PRIu64
				 " of its kind",
				 vma->start, vma->object);
	if (vma->pgoff > (uint64_t)INT64_MAX - (vma->end - vma->start))
		return ckpt_fail(err, EINVAL,
				 "vmas/%016" PRIx64
				 "/meta: pgoff: it lies outside objects/%" PRIu64,
				 vma->start, vma->object);
	return 0;
}

static int check_exe(const struct ckpt_task *task, struct ckpt_err *err)
{
	const struct ckpt_header *h = &task->header;

	for (size_t i = 0; h->has_exe_object && i < task->vmas.n; i++)
		if (task->vmas.v[i].how == CKPT_VMA_FILE && task->vmas.v[i].has_object &&
		    task->vmas.v[i].object == h->exe_object)
			return 0;
	return h->has_exe_object
		       ? ckpt_fail(err, EINVAL, "task: no mapping has objects/%llu of exe",
				   (unsigned long long)h->exe_object)
		       : 0;
}

static int check_memory(const struct ckpt_task *task, struct ckpt_err *err)
{
	int ret = 0;

	if (task->mm.map_count != task->vmas.n)
		return ckpt_fail(err, EINVAL, "mm: map_count is %u, but the tree has %zu vmas",
				 task->mm.map_count, task->vmas.n);
	for (size_t i = 0; !ret && i < task->vmas.n; i++) {
		const struct ckpt_vma *vma = &task->vmas.v[i];

		if (i && vma->start < task->vmas.v[i - 1].end)
			ret = ckpt_fail(err, EINVAL,
					"vmas/%016" PRIx64 "/meta: it overlaps the one before",
					vma->start);
		else if (vma->has_object)
			ret = check_view(task, vma, err);
	}
	return ret ? ret : check_pages(task, err);
}

static int check_files(const struct ckpt_task *task, struct ckpt_err *err)
{
	for (size_t i = 0; i < task->fds.n; i++) {
		const struct ckpt_fd *fd = &task->fds.v[i];

		if (fd->fd > INT32_MAX)
			return ckpt_fail(err, EINVAL, "fds/%" PRIu64 ": is no descriptor", fd->fd);
		if (!task->files.n || !bsearch(&fd->file, task->files.v, task->files.n,
					       sizeof(*task->files.v), file_cmp))
			return ckpt_fail(err, EINVAL, "fds/%" PRIu64 ": there is no files/%" PRIu64,
					 fd->fd, fd->file);
	}
	for (size_t i = 0; i < task->files.n; i++) {
		const struct ckpt_file *file = &task->files.v[i];

		if (file->object && !find_object(task, file->object, CKPT_OBJECT_PIPE))
			return ckpt_fail(err, EINVAL,
					 "files/%" PRIu64 ": objects/%" PRIu64 " is no pipe",
					 file->id, file->object);
	}
	return 0;
}

int ckpt_task_load(struct ckpt_source *src, const struct ckpt_manifest *m, struct ckpt_task *task,
		   struct ckpt_err *err)
{
	int ret = load(src, m, task, err);

	if (!ret)
		ret = check_memory(task, err);
	if (!ret)
		ret = check_files(task, err);
	if (!ret)
		ret = check_exe(task, err);
	return ret ? ret : ckpt_regs_check(task, err);
}

/* ---- a list made from the source ---- */

struct lister {
	struct ckpt_manifest *m;
	struct ckpt_err *err;
};

static int list_add(struct lister *l, const char *path, size_t len, const char *suffix)
{
	struct ckpt_manifest_line *line = ckpt_vec_add((struct ckpt_vec *)l->m, sizeof(*line));

	if (!line || asprintf(&line->path, "%.*s%s", (int)len, path, suffix) < 0) {
		if (line)
			line->path = NULL;
		return ckpt_fail(l->err, ENOMEM, "no memory for a list of files");
	}
	return 0;
}

static int list_file(const char *path, void *arg)
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash + 1 - path) : 0;
	struct lister *l = arg;
	bool gz = false;
	int kind = ckpt_node_kind_of(path, &gz), ret;

	if (kind < 0)
		return ckpt_fail(l->err, EINVAL, "%s: no file of this format", path);
	if (kind == CKPT_NODE_SUMS || kind == CKPT_NODE_MANIFEST)
		return 0;
	ret = list_add(l, path, gz ? strlen(path) - 3 : strlen(path), "");
	return ret || kind != CKPT_NODE_PAGES ? ret : list_add(l, path, dir, "sums");
}

static int line_order(const void *a, const void *b)
{
	const struct ckpt_manifest_line *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int ckpt_source_list(struct ckpt_source *src, struct ckpt_manifest *out, struct ckpt_err *err)
{
	struct lister l = {out, err};
	int ret = src->ops->each(src, list_file, &l);

	if (ret && !err->code)
		ckpt_fail(err, -ret, "the files of the tree can't be listed: %s", strerror(-ret));
	if (!ret && out->n)
		qsort(out->v, out->n, sizeof(*out->v), line_order);
	if (ret)
		ckpt_manifest_fini(out);
	return ret;
}
