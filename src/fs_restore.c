// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The directory restore/: who made which directory in it, and restoring by reference.
 */
#include "fs.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cred.h"
#include "log.h"
#include "mounts.h"
#include "stage.h"

/* One directory of restore/. References are the list's and those of requests and handles. */
struct slot {
	struct slot *next;
	uint32_t tree;
	unsigned int refs;
	bool listed;
	struct ckpt_stage *stage;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *slots;

/* ---- the list, under lock ---- */

static struct slot *find_name(const char *name)
{
	struct slot *s = slots;

	while (s && (!s->listed || strcmp(s->stage->name, name)))
		s = s->next;
	return s;
}

static void slot_unref(struct slot *slot)
{
	struct slot **p = &slots;

	if (--slot->refs)
		return;
	while (*p != slot)
		p = &(*p)->next;
	*p = slot->next;
	ckpt_stage_free(slot->stage);
	free(slot);
}

static struct slot *slot_of(const struct ckpt_stage *s)
{
	struct slot *slot = slots;

	while (slot->stage != s)
		slot = slot->next;
	return slot;
}

struct ckpt_stage *ckpt_stages_get(uint32_t tree)
{
	struct slot *s;

	pthread_mutex_lock(&lock);
	for (s = slots; s && (!s->listed || s->tree != tree);)
		s = s->next;
	if (s)
		s->refs++;
	pthread_mutex_unlock(&lock);
	return s ? s->stage : NULL;
}

struct ckpt_stage *ckpt_stages_ref(struct ckpt_stage *s)
{
	pthread_mutex_lock(&lock);
	slot_of(s)->refs++;
	pthread_mutex_unlock(&lock);
	return s;
}

void ckpt_stages_put(struct ckpt_stage *s)
{
	pthread_mutex_lock(&lock);
	slot_unref(slot_of(s));
	pthread_mutex_unlock(&lock);
}

void ckpt_stages_stop(void)
{
	pthread_mutex_lock(&lock);
	while (slots) {
		slots->refs = 1;
		slot_unref(slots);
	}
	pthread_mutex_unlock(&lock);
}

/* ---- making a stage ---- */

static int check_name(const char *op, const char *name)
{
	if (name[0] != '.')
		return 0;
	ckpt_log("%s restore/%s: a name here must not begin with a dot", op, name);
	return -EINVAL;
}

/* The maker's authority is taken now, while he waits for the answer to his request. */
static int make_stage(const struct ckpt_req *req, const char *op, const char *name, mode_t mode,
		      struct ckpt_stage **out)
{
	struct ckpt_cred *who;
	struct ckpt_err err = {0};
	int ret = check_name(op, name);

	if (ret)
		return ret;
	ret = ckpt_cred_take(req->pid, &who, &err);
	if (!ret)
		ret = ckpt_stage_new(name, who, mode, out, &err);
	if (ret)
		ckpt_log("%s restore/%s: %s", op, name, err.text);
	return ret;
}

/* Takes the stage over, also on failure. On success there is a reference for the caller. */
static int list_stage(struct ckpt_stage *stage, uint32_t *tree)
{
	struct slot *slot = calloc(1, sizeof(*slot));
	int ret = 0;

	pthread_mutex_lock(&lock);
	if (!slot) {
		ret = -ENOMEM;
	} else if (find_name(stage->name)) {
		ret = -EEXIST;
	} else {
		*slot = (struct slot){slots, ckpt_tree_number(CKPT_TREE_STAGED), 2, true, stage};
		slots = slot;
		*tree = slot->tree;
	}
	pthread_mutex_unlock(&lock);
	if (ret) {
		free(slot);
		ckpt_stage_free(stage);
	}
	return ret;
}

/* ---- operations ---- */

static int restore_lookup(const struct ckpt_req *req, uint64_t dir, const char *name,
			  struct stat *st)
{
	struct slot *slot;
	int ret = -ENOENT;

	(void)req, (void)dir;
	if (!strcmp(name, ".."))
		return ckpt_root_ops.getattr(req, CKPT_INO_ROOT, st);
	pthread_mutex_lock(&lock);
	slot = find_name(name);
	if (slot)
		slot->refs++;
	pthread_mutex_unlock(&lock);
	if (slot) {
		ret = ckpt_stage_root_stat(slot->stage, slot->tree, st);
		ckpt_stages_put(slot->stage);
	}
	return ret;
}

static int restore_getattr(const struct ckpt_req *req, uint64_t ino, struct stat *st)
{
	return ckpt_root_ops.getattr(req, ino, st);
}

static int restore_mkdir(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode,
			 struct stat *st)
{
	struct ckpt_stage *stage;
	uint32_t tree;
	int ret;

	(void)dir;
	ret = make_stage(req, "mkdir", name, mode, &stage);
	if (!ret)
		ret = list_stage(stage, &tree);
	if (ret)
		return ret;
	ret = ckpt_stage_root_stat(stage, tree, st);
	ckpt_stages_put(stage);
	return ret;
}

static int refuse_file(const char *name)
{
	ckpt_log("restore/%s: a file can't be restored: copy the directory, not its contents: "
		 "cp -a TREE MOUNTPOINT/restore/",
		 name);
	return -EINVAL;
}

static int restore_create(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode,
			  struct ckpt_handle *h, struct stat *st)
{
	(void)req, (void)dir, (void)mode, (void)h, (void)st;
	return refuse_file(name);
}

static int restore_mknod(const struct ckpt_req *req, uint64_t dir, const char *name, mode_t mode)
{
	(void)req, (void)dir, (void)mode;
	return refuse_file(name);
}

/* The kernel must get a link; afterwards the name is a directory with another inode. */
static int restore_symlink(const struct ckpt_req *req, const char *target, uint64_t dir,
			   const char *name, struct stat *st)
{
	struct ckpt_stage *stage;
	struct ckpt_err err = {0};
	uint32_t tree;
	int ret;

	(void)dir;
	if (target[0] != '/') {
		ckpt_log("ln -s restore/%s: '%s' is not absolute: give the whole path of the tree",
			 name, target);
		return -EINVAL;
	}
	if (ckpt_path_enters_ckptfs(target)) {
		ckpt_log("ln -s restore/%s: '%s' is on ckptfs itself: copy the tree, or link to a "
			 "copy",
			 name, target);
		return -EINVAL;
	}
	ret = make_stage(req, "ln -s", name, 0700, &stage);
	if (ret)
		return ret;
	ret = ckpt_stage_restore_dir(target, stage->who, &stage->status, &err);
	if (ret) {
		ckpt_log("restore/%s -> %s: %s", name, target, err.text);
		ckpt_stage_free(stage);
		return ret;
	}
	ret = list_stage(stage, &tree);
	if (ret)
		return ret;
	ret = ckpt_stage_root_stat(stage, tree, st);
	st->st_ino = CKPT_INO(tree, CKPT_STAGE_LINK);
	st->st_mode = S_IFLNK | 0777;
	st->st_nlink = 1;
	st->st_size = (off_t)strlen(target);
	ckpt_stages_put(stage);
	return ret;
}

/* With everything in it. The superuser may clear up; that restores nothing. */
static int restore_rmdir(const struct ckpt_req *req, uint64_t dir, const char *name)
{
	struct slot *slot;
	int ret = 0;

	(void)dir;
	pthread_mutex_lock(&lock);
	slot = find_name(name);
	if (!slot)
		ret = -ENOENT;
	else if (req->uid && req->uid != slot->stage->uid)
		ret = -EPERM;
	else
		slot->refs++;
	pthread_mutex_unlock(&lock);
	if (ret)
		return ret;

	pthread_mutex_lock(&slot->stage->lock);
	ret = ckpt_stage_wait_turn(slot->stage);
	if (!ret)
		ckpt_stage_clear(slot->stage);
	pthread_mutex_unlock(&slot->stage->lock);

	pthread_mutex_lock(&lock);
	if (!ret && slot->listed) {
		slot->listed = false;
		slot->refs--; /* the list's; ours is still there */
	}
	slot_unref(slot);
	pthread_mutex_unlock(&lock);
	return ret;
}

static int restore_opendir(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	(void)req;
	ckpt_handle_list(h, ".", ino, S_IFDIR);
	ckpt_handle_list(h, "..", CKPT_INO_ROOT, S_IFDIR);
	pthread_mutex_lock(&lock);
	for (struct slot *s = slots; s; s = s->next)
		if (s->listed)
			ckpt_handle_list(h, s->stage->name, CKPT_INO(s->tree, 0), S_IFDIR);
	pthread_mutex_unlock(&lock);
	return 0;
}

const struct ckpt_fs_ops ckpt_restore_ops = {
	.lookup = restore_lookup,
	.getattr = restore_getattr,
	.mkdir = restore_mkdir,
	.mknod = restore_mknod,
	.create = restore_create,
	.symlink = restore_symlink,
	.rmdir = restore_rmdir,
	.opendir = restore_opendir,
};
