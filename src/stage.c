// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Trees being staged in memory: nodes, names and contents. stage_check.c has what a complete
 * tree is.
 */
#include "stage.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cred.h"
#include "quota.h"

#define BUCKETS_MIN 256

static struct timespec now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts;
}

/* ---- the hash table: (directory, name) -> node ---- */

static uint32_t hash_name(const struct ckpt_stage_node *dir, const char *name)
{
	uint32_t h = 2166136261u ^ dir->index; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h;
}

static struct ckpt_stage_node **bucket(const struct ckpt_stage *s,
				       const struct ckpt_stage_node *dir, const char *name)
{
	return &s->buckets[hash_name(dir, name) % s->nbuckets];
}

/* Failing to grow only makes it slower. */
static void hash_grow(struct ckpt_stage *s)
{
	struct ckpt_stage_node **old = s->buckets;
	uint32_t nold = s->nbuckets;

	s->buckets = calloc((size_t)nold * 4, sizeof(struct ckpt_stage_node *));
	if (!s->buckets) {
		s->buckets = old;
		return;
	}
	s->nbuckets = nold * 4;
	for (uint32_t i = 0; i < nold; i++)
		while (old[i]) {
			struct ckpt_stage_node *node = old[i], **to;

			old[i] = node->chain;
			to = bucket(s, node->dir, node->name);
			node->chain = *to;
			*to = node;
		}
	free(old);
}

/* Something comes or goes: whoever set the directory's times was not finished with it. */
static void dir_changed(struct ckpt_stage *s, struct ckpt_stage_node *dir)
{
	dir->mtime = dir->ctime = now();
	if (dir->touched && dir->touched == s->touch)
		s->ntouched--;
	dir->touched = 0;
	dir->turn = s->touch;
}

static void node_link(struct ckpt_stage *s, struct ckpt_stage_node *node,
		      struct ckpt_stage_node *dir)
{
	struct ckpt_stage_node **head;

	if (++s->nlinked > s->nbuckets)
		hash_grow(s);
	head = bucket(s, dir, node->name);
	node->chain = *head;
	*head = node;
	node->dir = dir;
	node->prev = dir->last;
	node->next = NULL;
	*(dir->last ? &dir->last->next : &dir->first) = node;
	dir->last = node;
	dir->nsubdirs += S_ISDIR(node->mode);
	dir->nfiles += S_ISREG(node->mode);
	s->nfiles += S_ISREG(node->mode);
	dir_changed(s, dir);
}

static void node_unlink(struct ckpt_stage *s, struct ckpt_stage_node *node)
{
	struct ckpt_stage_node *dir = node->dir, **p;

	for (p = bucket(s, dir, node->name); *p != node;)
		p = &(*p)->chain;
	*p = node->chain;
	*(node->prev ? &node->prev->next : &dir->first) = node->next;
	*(node->next ? &node->next->prev : &dir->last) = node->prev;
	node->dir = node->next = node->prev = node->chain = NULL;
	dir->nsubdirs -= S_ISDIR(node->mode);
	dir->nfiles -= S_ISREG(node->mode);
	s->nfiles -= S_ISREG(node->mode);
	s->nlinked--;
	dir_changed(s, dir);
}

/* ---- nodes ---- */

static uint64_t node_cost(const char *name)
{
	return sizeof(struct ckpt_stage_node) + strlen(name) + 1;
}

static bool wants_page_digest(const char *name)
{
	/* rsync writes `pages` as `.pages.XXXXXX` first */
	return !strcmp(name, "pages") || !strncmp(name, ".pages.", strlen(".pages."));
}

static int node_new(struct ckpt_stage *s, const char *name, mode_t mode,
		    struct ckpt_stage_node **out)
{
	struct ckpt_stage_node *node, **slot;
	int ret = ckpt_quota_take(s->uid, node_cost(name));

	if (ret)
		return ret;
	ret = -ENOMEM;
	node = calloc(1, sizeof(*node));
	if (!node)
		goto give;
	node->name = strdup(name);
	if (!node->name)
		goto free_node;
	slot = CKPT_VEC_ADD(&s->nodes);
	if (!slot)
		goto free_node;
	*slot = node;
	node->index = (uint32_t)(s->nodes.n - 1);
	node->mode = mode;
	node->uid = s->who->fsuid;
	node->gid = s->who->fsgid;
	node->atime = node->mtime = node->ctime = now();
	if (S_ISREG(mode)) {
		ckpt_blob_init(&node->blob, s->uid, wants_page_digest(name));
		s->nverdicts[CKPT_UNJUDGED]++;
	}
	*out = node;
	return 0;
free_node:
	free(node->name);
	free(node);
give:
	ckpt_quota_give(s->uid, node_cost(name));
	return ret;
}

static void node_free(struct ckpt_stage *s, struct ckpt_stage_node *node)
{
	s->nodes.v[node->index] = NULL;
	ckpt_quota_give(s->uid, node_cost(node->name));
	ckpt_blob_fini(&node->blob);
	free(node->why);
	free(node->name);
	free(node);
}

void ckpt_stage_set_verdict(struct ckpt_stage *s, struct ckpt_stage_node *node,
			    enum ckpt_verdict verdict, const char *why)
{
	s->nverdicts[node->verdict]--;
	s->nverdicts[verdict]++;
	node->verdict = verdict;
	free(node->why);
	node->why = why ? strdup(why) : NULL;
}

static bool is_manifest(const struct ckpt_stage *s, const struct ckpt_stage_node *node)
{
	return node->dir == s->nodes.v[0] && !strcmp(node->name, CKPT_MANIFEST_NAME);
}

/* Without its manifest a tree is files that nobody can judge. */
static void manifest_drop(struct ckpt_stage *s)
{
	if (!s->has_manifest)
		return;
	ckpt_manifest_fini(&s->manifest);
	s->has_manifest = false;
	for (size_t i = 0; i < s->nodes.n; i++) {
		struct ckpt_stage_node *node = s->nodes.v[i];

		if (node && node->dir && S_ISREG(node->mode))
			ckpt_stage_set_verdict(s, node, CKPT_UNJUDGED, NULL);
	}
}

/* The contents changed: what was known of them is void until the next close. */
static void node_unsettle(struct ckpt_stage *s, struct ckpt_stage_node *node)
{
	node->mtime = node->ctime = now();
	node->settled = node->edit = false;
	if (!node->dir)
		return;
	if (node->verdict != CKPT_UNJUDGED)
		ckpt_stage_set_verdict(s, node, CKPT_UNJUDGED, NULL);
	if (is_manifest(s, node))
		manifest_drop(s);
}

/* ---- stages ---- */

int ckpt_stage_new(const char *name, struct ckpt_cred *who, mode_t mode, struct ckpt_stage **out,
		   struct ckpt_err *err)
{
	struct ckpt_stage *s = calloc(1, sizeof(*s));
	struct ckpt_stage_node *root;
	int ret = -ENOMEM;

	if (!s) {
		ckpt_cred_free(who);
		return ckpt_fail(err, ENOMEM, "restore/%s: no memory", name);
	}
	s->who = who;
	s->uid = who->fsuid;
	s->source.ops = &ckpt_stage_source_ops;
	s->above = "restore/";
	s->build = ckpt_stage_build;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->idle, NULL);
	ckpt_status_init(&s->status);
	s->name = strdup(name);
	s->nbuckets = BUCKETS_MIN;
	s->buckets = calloc(s->nbuckets, sizeof(struct ckpt_stage_node *));
	if (s->name && s->buckets)
		ret = node_new(s, "", S_IFDIR | (mode & 07777), &root);
	if (ret) {
		ckpt_stage_free(s);
		return ckpt_fail(err, -ret, "restore/%s: %s", name, strerror(-ret));
	}
	*out = s;
	return 0;
}

void ckpt_stage_free(struct ckpt_stage *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nodes.n; i++)
		if (s->nodes.v[i])
			node_free(s, s->nodes.v[i]);
	CKPT_VEC_FINI(&s->nodes);
	free(s->buckets);
	ckpt_manifest_fini(&s->manifest);
	ckpt_manifest_fini(&s->done);
	ckpt_status_fini(&s->status);
	pthread_cond_destroy(&s->idle);
	pthread_mutex_destroy(&s->lock);
	ckpt_cred_free(s->who);
	free(s->name);
	free(s->stranger);
	free(s);
}

int ckpt_stage_wait_turn(struct ckpt_stage *s)
{
	while (s->busy && !s->restoring)
		pthread_cond_wait(&s->idle, &s->lock);
	return s->busy ? -EBUSY : 0;
}

void ckpt_stage_begin(struct ckpt_stage *s)
{
	s->busy = true;
	pthread_mutex_unlock(&s->lock);
}

void ckpt_stage_end(struct ckpt_stage *s)
{
	pthread_mutex_lock(&s->lock);
	s->busy = s->restoring = false;
	for (size_t i = 0; s->orphans && i < s->nodes.n; i++) {
		struct ckpt_stage_node *node = s->nodes.v[i];

		if (node && i && !node->dir && !node->handles)
			node_free(s, node);
	}
	s->orphans = false;
	pthread_cond_broadcast(&s->idle);
}

/* ---- the tree ---- */

struct ckpt_stage_node *ckpt_stage_root(const struct ckpt_stage *s)
{
	return s->nodes.v[0];
}

struct ckpt_stage_node *ckpt_stage_node(const struct ckpt_stage *s, uint32_t index)
{
	return index < s->nodes.n ? s->nodes.v[index] : NULL;
}

struct ckpt_stage_node *ckpt_stage_child(const struct ckpt_stage *s,
					 const struct ckpt_stage_node *dir, const char *name)
{
	struct ckpt_stage_node *node = *bucket(s, dir, name);

	while (node && (node->dir != dir || strcmp(node->name, name)))
		node = node->chain;
	return node;
}

struct ckpt_stage_node *ckpt_stage_find(const struct ckpt_stage *s, const char *path)
{
	struct ckpt_stage_node *node = ckpt_stage_root(s);
	char name[NAME_MAX + 1];

	while (node && *path) {
		size_t len = strcspn(path, "/");

		if (!len || len > NAME_MAX)
			return NULL;
		memcpy(name, path, len);
		name[len] = '\0';
		node = ckpt_stage_child(s, node, name);
		path += len + (path[len] == '/');
	}
	return node;
}

char *ckpt_stage_path(const struct ckpt_stage_node *node)
{
	const struct ckpt_stage_node *n;
	size_t len = 0;
	char *path, *p;

	for (n = node; n->dir; n = n->dir)
		len += strlen(n->name) + 1;
	path = malloc(len + 1);
	if (!path)
		return NULL;
	p = path + (len ? len - 1 : 0);
	*p = '\0';
	for (n = node; n->dir; n = n->dir) {
		size_t part = strlen(n->name);

		p -= part;
		memcpy(p, n->name, part);
		if (n->dir->dir)
			*--p = '/';
	}
	return path;
}

int ckpt_stage_make(struct ckpt_stage *s, struct ckpt_stage_node *dir, const char *name,
		    mode_t mode, struct ckpt_stage_node **out)
{
	struct ckpt_stage_node *node;
	int ret;

	if (ckpt_stage_child(s, dir, name))
		return -EEXIST;
	ret = node_new(s, name, mode, &node);
	if (ret)
		return ret;
	ckpt_stage_ghost_drop(s);
	node_link(s, node, dir);
	*out = node;
	return 0;
}

int ckpt_stage_unlink(struct ckpt_stage *s, struct ckpt_stage_node *node)
{
	if (is_manifest(s, node))
		manifest_drop(s);
	s->nverdicts[node->verdict]--;
	node_unlink(s, node);
	if (!node->handles)
		node_free(s, node);
	return 0;
}

int ckpt_stage_rmdir(struct ckpt_stage *s, struct ckpt_stage_node *node)
{
	if (node->first)
		return -ENOTEMPTY;
	ckpt_stage_ghost_drop(s);
	node_unlink(s, node);
	if (!node->handles)
		node_free(s, node);
	return 0;
}

int ckpt_stage_rename(struct ckpt_stage *s, struct ckpt_stage_node *node,
		      struct ckpt_stage_node *dir, const char *name)
{
	struct ckpt_stage_node *old = ckpt_stage_child(s, dir, name);
	char *copy;
	int ret;

	if (old == node)
		return 0;
	if (old && !S_ISREG(old->mode))
		return -EISDIR;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	ret = ckpt_quota_take(s->uid, node_cost(name));
	if (ret) {
		free(copy);
		return ret;
	}
	if (is_manifest(s, node))
		manifest_drop(s);
	if (old)
		ckpt_stage_unlink(s, old);
	node_unlink(s, node);
	ckpt_quota_give(s->uid, node_cost(node->name));
	free(node->name);
	node->name = copy;
	node_link(s, node, dir);
	ckpt_stage_set_verdict(s, node, CKPT_UNJUDGED, NULL);
	return 0;
}

void ckpt_stage_opened(struct ckpt_stage_node *node, bool writes)
{
	node->handles++;
	node->writers += writes;
}

void ckpt_stage_closed(struct ckpt_stage *s, struct ckpt_stage_node *node, bool writes)
{
	node->handles--;
	node->writers -= writes;
	if (node->handles || node->dir || !node->index)
		return;
	/* Who is busy walks the array of nodes without the lock. */
	if (s->busy)
		s->orphans = true;
	else
		node_free(s, node);
}

void ckpt_stage_stat(const struct ckpt_stage_node *node, struct stat *st)
{
	*st = (struct stat){
		.st_mode = node->mode,
		.st_uid = node->uid,
		.st_gid = node->gid,
		.st_nlink = S_ISDIR(node->mode) ? 2 + node->nsubdirs
			    : node->dir		? 1
						: 0,
		.st_size = (off_t)node->blob.size,
		.st_blocks = (blkcnt_t)((node->blob.size + 511) / 512),
		.st_blksize = 1 << 20,
		.st_atim = node->atime,
		.st_mtim = node->mtime,
		.st_ctim = node->ctime,
	};
}

ssize_t ckpt_stage_write(struct ckpt_stage *s, struct ckpt_stage_node *node, const void *buf,
			 size_t len, uint64_t off)
{
	if (!node->dir)
		return -ESTALE; /* its tree was restored, or it was deleted: nobody would see it */
	node_unsettle(s, node);
	return ckpt_blob_write(&node->blob, buf, len, off);
}

int ckpt_stage_truncate(struct ckpt_stage *s, struct ckpt_stage_node *node, uint64_t size)
{
	if (!node->dir)
		return -ESTALE;
	node_unsettle(s, node);
	return ckpt_blob_truncate(&node->blob, size);
}

void ckpt_stage_clear(struct ckpt_stage *s)
{
	for (size_t i = 0; i < s->nodes.n; i++) {
		struct ckpt_stage_node *node = s->nodes.v[i];

		if (!node || !node->dir || !S_ISREG(node->mode) ||
		    (s->scratch && ckpt_stage_is_temporary(s, node)))
			continue;
		ckpt_blob_fini(&node->blob); /* also where a handle keeps the node */
		ckpt_stage_unlink(s, node);
	}
	manifest_drop(s);
}
