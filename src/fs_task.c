// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frozen tasks: /PID and everything below.
 *
 * A task is in the table while it is frozen by mkdir, or while it is listed because job control
 * stopped it. A reference keeps the struct; the rwlock keeps it frozen: reads hold it shared,
 * a thaw takes it exclusively, so that after a thaw no read of the tree is in progress.
 *
 * A task that job control stopped is frozen ("pinned") at the first opendir or lookup below it,
 * until nobody has used it for a while: cp closes a directory before it opens the files.
 */
#include "fs.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cred.h"
#include "frozen.h"
#include "log.h"
#include "opts.h"

#define PIN_IDLE_MS 2000
#define REAPER_MS   500

struct task {
	struct task *next;
	uint32_t number; /* tree, of its inodes */
	pid_t pid;
	bool stopped; /* by job control: frozen only while pinned */
	bool busy;    /* mkdir is at work: not to be seen yet */
	bool pinned;  /* a stopped one that has frozen */
	unsigned int refs, handles; /* under table_lock, as is used_ms */
	int64_t used_ms;
	struct timespec since; /* times of the directory, the same before and after pinning */
	pthread_rwlock_t lock;
	struct ckpt_frozen *frozen; /* under lock; NULL: thawed, or not pinned */
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t reaper_cond = PTHREAD_COND_INITIALIZER;
static pthread_t reaper_thread;
static bool reaper_runs, reaper_stop;
static struct task *tasks;
static unsigned int npinned;

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the table, under table_lock ---- */

static struct task *table_find(pid_t pid)
{
	struct task *t = tasks;

	while (t && t->pid != pid)
		t = t->next;
	return t;
}

static struct task *table_add(pid_t pid, bool stopped)
{
	struct task *t = calloc(1, sizeof(*t));
	pthread_rwlockattr_t attr;

	if (!t)
		return NULL;
	t->pid = pid;
	t->stopped = stopped;
	t->number = ckpt_tree_number(false);
	t->refs = 1; /* the table's */
	t->used_ms = now_ms();
	clock_gettime(CLOCK_REALTIME, &t->since);
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&t->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	t->next = tasks;
	tasks = t;
	return t;
}

static void task_unref(struct task *t)
{
	if (--t->refs)
		return;
	pthread_rwlock_destroy(&t->lock);
	free(t);
}

/* The caller gets the table's reference. */
static void table_remove(struct task *t)
{
	struct task **p = &tasks;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
}

/* The listed task of that PID; listing those that job control stopped, forgetting those that it
 * lets run again. */
static struct task *table_lookup(pid_t pid)
{
	struct task *t = table_find(pid);

	if (t && (!t->stopped || t->pinned))
		return t;
	if (ckpt_stopped(pid))
		return t ? t : table_add(pid, true);
	if (t && t->refs == 1) {
		table_remove(t);
		task_unref(t);
	}
	return NULL;
}

/* ---- references and freezing ---- */

static struct task *task_get(uint64_t ino)
{
	struct task *t;

	pthread_mutex_lock(&table_lock);
	for (t = tasks; t && t->number != CKPT_INO_TREE(ino);)
		t = t->next;
	if (t) {
		t->refs++;
		t->used_ms = now_ms();
	}
	pthread_mutex_unlock(&table_lock);
	return t;
}

static void task_put(struct task *t)
{
	pthread_mutex_lock(&table_lock);
	t->used_ms = now_ms();
	task_unref(t);
	pthread_mutex_unlock(&table_lock);
}

/* Takes over the table's reference of a task that was removed from it. */
static void task_thaw(struct task *t)
{
	struct ckpt_frozen *frozen;
	uint32_t n = 0;

	pthread_rwlock_wrlock(&t->lock);
	frozen = t->frozen;
	t->frozen = NULL;
	pthread_rwlock_unlock(&t->lock);
	if (frozen) {
		n = frozen->tree->n;
		ckpt_frozen_free(frozen);
	}
	/* Only now that no read can be in progress: the kernel waits for those it has cached. */
	ckpt_fs.forget(CKPT_INO(t->number, 0), n);
	pthread_mutex_lock(&table_lock);
	if (t->stopped && frozen)
		npinned--;
	task_unref(t);
	pthread_mutex_unlock(&table_lock);
}

static int freeze(const struct ckpt_req *req, pid_t pid, bool pin, struct ckpt_frozen **out)
{
	struct ckpt_freeze_opts opts = {
		.timeout_ms = ckpt_fs.opts->timeout_ms,
		.inspect = ckpt_fs.opts->inspect,
		.pin = pin,
	};
	struct ckpt_cred *caller = NULL;
	struct ckpt_err err = {0};
	int ret;

	ret = ckpt_cred_take(req->pid, &caller, &err);
	if (!ret)
		ret = ckpt_frozen_new(pid, caller, &opts, out, &err);
	if (ret)
		ckpt_log("%s %d: %s", pin ? "open" : "mkdir", pid, err.text);
	ckpt_cred_free(caller);
	return ret;
}

static int pin(const struct ckpt_req *req, struct task *t)
{
	struct ckpt_frozen *frozen;
	int ret = 0;

	pthread_rwlock_wrlock(&t->lock);
	if (!t->frozen) {
		ret = freeze(req, t->pid, true, &frozen);
		if (!ret) {
			t->frozen = frozen;
			pthread_mutex_lock(&table_lock);
			npinned++;
			t->pinned = true;
			t->used_ms = now_ms();
			pthread_cond_signal(&reaper_cond);
			pthread_mutex_unlock(&table_lock);
		}
	}
	pthread_rwlock_unlock(&t->lock);
	return ret;
}

/* A reference and the lock, shared. may_pin: freeze it if only job control holds it. */
static int task_enter(const struct ckpt_req *req, uint64_t ino, bool may_pin, struct task **out)
{
	struct task *t = task_get(ino);
	int ret;

	if (!t)
		return -ESTALE;
	pthread_rwlock_rdlock(&t->lock);
	while (!t->frozen) {
		pthread_rwlock_unlock(&t->lock);
		ret = t->stopped && may_pin ? pin(req, t) : -ESTALE;
		if (ret) {
			task_put(t);
			return ret;
		}
		pthread_rwlock_rdlock(&t->lock);
	}
	if (CKPT_INO_INDEX(ino) >= t->frozen->tree->n) {
		pthread_rwlock_unlock(&t->lock);
		task_put(t);
		return -ESTALE;
	}
	*out = t;
	return 0;
}

static void task_leave(struct task *t)
{
	pthread_rwlock_unlock(&t->lock);
	task_put(t);
}

/* ---- attributes ---- */

static void entry_stat(const struct task *t, uint32_t index, struct stat *st)
{
	const struct ckpt_entry *e = &t->frozen->tree->v[index];
	struct timespec mtime = index ? t->frozen->tree->mtime : t->since;
	bool dir = e->kind == CKPT_NODE_DIR;

	*st = (struct stat){
		.st_ino = CKPT_INO(t->number, index),
		.st_mode = dir ? S_IFDIR | 0700 : S_IFREG | 0600,
		.st_nlink = dir ? 2 + e->nsubdirs : 1,
		.st_uid = t->frozen->uid,
		.st_gid = t->frozen->gid,
		.st_size = (off_t)e->size,
		.st_blocks = (blkcnt_t)((e->size + 511) / 512),
		.st_blksize = 1 << 20,
		.st_atim = mtime,
		.st_mtim = mtime,
		.st_ctim = mtime,
	};
}

/* Of a task that only job control holds: owner as /proc/PID has it. */
static int unpinned_stat(const struct task *t, struct stat *st)
{
	char path[32];
	struct stat proc;

	snprintf(path, sizeof(path), "/proc/%d", t->pid);
	if (stat(path, &proc))
		return -ENOENT;
	ckpt_fs_dir_stat(CKPT_INO(t->number, 0), 0700, st);
	st->st_uid = proc.st_uid;
	st->st_gid = proc.st_gid;
	st->st_blksize = 1 << 20;
	st->st_atim = st->st_mtim = st->st_ctim = t->since;
	return 0;
}

static int root_stat(struct task *t, struct stat *st)
{
	int ret = 0;

	pthread_rwlock_rdlock(&t->lock);
	if (t->frozen)
		entry_stat(t, 0, st);
	else
		ret = t->stopped ? unpinned_stat(t, st) : -ESTALE;
	pthread_rwlock_unlock(&t->lock);
	return ret;
}

/* ---- for the root directory ---- */

int ckpt_tasks_lookup(pid_t pid, struct stat *st)
{
	struct task *t;
	int ret;

	pthread_mutex_lock(&table_lock);
	t = table_lookup(pid);
	if (t && t->busy)
		t = NULL;
	if (t)
		t->refs++;
	pthread_mutex_unlock(&table_lock);
	if (!t)
		return -ENOENT;
	ret = root_stat(t, st);
	task_put(t);
	return ret == -ESTALE ? -ENOENT : ret;
}

int ckpt_tasks_freeze(const struct ckpt_req *req, pid_t pid, struct stat *st)
{
	struct ckpt_frozen *frozen;
	struct task *t;
	int ret;

	pthread_mutex_lock(&table_lock);
	if (table_lookup(pid)) {
		pthread_mutex_unlock(&table_lock);
		return -EEXIST;
	}
	t = table_add(pid, false);
	if (t)
		t->busy = true;
	pthread_mutex_unlock(&table_lock);
	if (!t)
		return -ENOMEM;

	ret = freeze(req, pid, false, &frozen);
	if (!ret) {
		pthread_rwlock_wrlock(&t->lock);
		t->frozen = frozen;
		entry_stat(t, 0, st);
		pthread_rwlock_unlock(&t->lock);
	}
	pthread_mutex_lock(&table_lock);
	t->busy = false;
	if (ret) {
		table_remove(t);
		task_unref(t);
	}
	pthread_mutex_unlock(&table_lock);
	return ret;
}

int ckpt_tasks_thaw(const struct ckpt_req *req, pid_t pid)
{
	struct task *t;
	int ret = 0;

	(void)req;
	pthread_mutex_lock(&table_lock);
	t = table_lookup(pid);
	if (!t || t->busy)
		ret = -ENOENT;
	else if (t->stopped)
		ret = -EBUSY;
	else
		table_remove(t);
	pthread_mutex_unlock(&table_lock);
	if (ret == -EBUSY)
		ckpt_log("rmdir %d: stopped by job control, not by ckptfs: kill -CONT %d lets it "
			 "run", pid, pid);
	if (!ret)
		task_thaw(t);
	return ret;
}

static void list_stopped(pid_t pid, void *arg)
{
	(void)arg;
	if (!table_find(pid))
		table_add(pid, true);
}

/* Tasks that run again are left out; the next lookup forgets them. */
static bool listed(const struct task *t)
{
	return !t->busy && (!t->stopped || t->pinned || ckpt_stopped(t->pid));
}

void ckpt_tasks_list(struct ckpt_handle *h)
{
	pthread_mutex_lock(&table_lock);
	ckpt_stopped_each(list_stopped, NULL);
	for (struct task *t = tasks; t; t = t->next) {
		char name[16];

		if (!listed(t))
			continue;
		snprintf(name, sizeof(name), "%d", t->pid);
		ckpt_handle_list(h, name, CKPT_INO(t->number, 0), S_IFDIR);
	}
	pthread_mutex_unlock(&table_lock);
}

/* ---- the thread that lets pinned tasks go ---- */

static struct task *find_idle(int64_t now)
{
	struct task *t = tasks;

	while (t && !(t->pinned && t->refs == 1 && !t->handles &&
		      now - t->used_ms >= PIN_IDLE_MS))
		t = t->next;
	return t;
}

static void *reaper(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&table_lock);
	while (!reaper_stop) {
		struct task *t = npinned ? find_idle(now_ms()) : NULL;
		struct timespec ts;

		if (t) {
			table_remove(t);
			pthread_mutex_unlock(&table_lock);
			task_thaw(t);
			pthread_mutex_lock(&table_lock);
		} else if (npinned) {
			clock_gettime(CLOCK_REALTIME, &ts);
			ts.tv_nsec += REAPER_MS * 1000000l;
			ts.tv_sec += ts.tv_nsec / 1000000000;
			ts.tv_nsec %= 1000000000;
			pthread_cond_timedwait(&reaper_cond, &table_lock, &ts);
		} else {
			pthread_cond_wait(&reaper_cond, &table_lock);
		}
	}
	pthread_mutex_unlock(&table_lock);
	return NULL;
}

int ckpt_tasks_start(void)
{
	sigset_t all, old;
	int ret;

	/* SIGTERM must find the thread that waits for it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&reaper_thread, NULL, reaper, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	reaper_runs = !ret;
	return -ret;
}

void ckpt_tasks_stop(void)
{
	struct task *t;

	pthread_mutex_lock(&table_lock);
	reaper_stop = true;
	pthread_cond_signal(&reaper_cond);
	pthread_mutex_unlock(&table_lock);
	if (reaper_runs)
		pthread_join(reaper_thread, NULL);
	for (;;) {
		pthread_mutex_lock(&table_lock);
		t = tasks;
		if (t)
			table_remove(t);
		pthread_mutex_unlock(&table_lock);
		if (!t)
			return;
		task_thaw(t);
	}
}

/* ---- operations below /PID ---- */

static int task_lookup(const struct ckpt_req *req, uint64_t dir, const char *name, struct stat *st)
{
	const struct ckpt_tree *tree;
	uint32_t index;
	struct task *t;
	int ret = task_enter(req, dir, true, &t);

	if (ret)
		return ret;
	tree = t->frozen->tree;
	if (!strcmp(name, ".") || !strcmp(name, "..")) {
		/* only asked by those who export the mount (NFS) */
		index = name[1] ? tree->v[CKPT_INO_INDEX(dir)].parent : CKPT_INO_INDEX(dir);
	} else {
		index = tree->v[CKPT_INO_INDEX(dir)].first;
		while (index && strcmp(tree->v[index].name, name))
			index = tree->v[index].next;
		ret = index ? 0 : -ENOENT;
	}
	if (!ret)
		entry_stat(t, index, st);
	task_leave(t);
	return ret;
}

static int task_getattr(const struct ckpt_req *req, uint64_t ino, struct stat *st)
{
	struct task *t;
	int ret;

	if (!CKPT_INO_INDEX(ino)) {
		t = task_get(ino);
		if (!t)
			return -ESTALE;
		ret = root_stat(t, st);
		task_put(t);
		return ret;
	}
	ret = task_enter(req, ino, false, &t);
	if (ret)
		return ret;
	entry_stat(t, CKPT_INO_INDEX(ino), st);
	task_leave(t);
	return 0;
}

/* The kernel's ptrace rule, at every open: an inherited directory or a path opened earlier by
 * somebody else must not help. */
static int may_open(const struct ckpt_req *req, const struct task *t, const char *path)
{
	struct ckpt_cred *caller = NULL;
	struct ckpt_err err = {0};
	int ret = ckpt_cred_take(req->pid, &caller, &err);

	if (!ret)
		ret = ckpt_cred_may_ptrace(caller, t->pid, &err);
	if (ret)
		ckpt_log("open %d/%s: %s", t->pid, path, err.text);
	ckpt_cred_free(caller);
	if (ret == -ESRCH)
		return -ESTALE;
	return ret == -EPERM ? -EACCES : ret;
}

static void task_handle_add(struct task *t, struct ckpt_handle *h)
{
	pthread_mutex_lock(&table_lock);
	t->handles++;
	t->refs++;
	pthread_mutex_unlock(&table_lock);
	h->obj = t;
}

static int task_open(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	const struct ckpt_entry *e;
	struct task *t;
	int ret;

	if (h->writes)
		return -EACCES;
	ret = task_enter(req, ino, true, &t);
	if (ret)
		return ret;
	e = &t->frozen->tree->v[CKPT_INO_INDEX(ino)];
	ret = may_open(req, t, e->path);
	if (!ret && e->kind == CKPT_NODE_MANIFEST && t->frozen->incomplete) {
		ckpt_log("open %d/%s: this tree is for looking at only (-o inspect): some of the "
			 "task's state could not be captured, so a copy would be no checkpoint; "
			 "earlier lines name what", t->pid, e->path);
		ret = -EACCES;
	}
	if (!ret)
		task_handle_add(t, h);
	task_leave(t);
	return ret;
}

static int task_opendir(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h)
{
	const struct ckpt_tree *tree;
	const struct ckpt_entry *dir;
	struct task *t;
	int ret = task_enter(req, ino, true, &t);

	if (ret)
		return ret;
	tree = t->frozen->tree;
	dir = &tree->v[CKPT_INO_INDEX(ino)];
	ret = may_open(req, t, dir->path);
	if (ret)
		goto leave;
	ckpt_handle_list(h, ".", ino, S_IFDIR);
	ckpt_handle_list(h, "..",
			 CKPT_INO_INDEX(ino) ? CKPT_INO(t->number, dir->parent) : CKPT_INO_ROOT,
			 S_IFDIR);
	for (uint32_t i = dir->first; i; i = tree->v[i].next)
		ckpt_handle_list(h, tree->v[i].name, CKPT_INO(t->number, i),
				 tree->v[i].kind == CKPT_NODE_DIR ? S_IFDIR : S_IFREG);
	task_handle_add(t, h);
leave:
	task_leave(t);
	return ret;
}

static ssize_t task_read(const struct ckpt_req *req, uint64_t ino, struct ckpt_handle *h, void *buf,
			 size_t len, uint64_t off)
{
	struct ckpt_err err = {0};
	struct task *t;
	ssize_t n;
	int ret;

	(void)h;
	ret = task_enter(req, ino, false, &t);
	if (ret)
		return ret;
	n = ckpt_frozen_alive(t->frozen)
		    ? ckpt_tree_read(t->frozen->tree, CKPT_INO_INDEX(ino), buf, len, off, &err)
		    : -ESTALE;
	if (n < 0 && err.code)
		ckpt_log("read %d/%s: %s", t->pid, t->frozen->tree->v[CKPT_INO_INDEX(ino)].path,
			 err.text);
	task_leave(t);
	return n;
}

static void task_release(uint64_t ino, struct ckpt_handle *h)
{
	struct task *t = h->obj;

	(void)ino;
	pthread_mutex_lock(&table_lock);
	t->handles--;
	t->used_ms = now_ms();
	task_unref(t);
	pthread_mutex_unlock(&table_lock);
}

/* What is not here changes something: EPERM, so that mv and rm are refused. */
const struct ckpt_fs_ops ckpt_task_ops = {
	.lookup = task_lookup,
	.getattr = task_getattr,
	.open = task_open,
	.opendir = task_opendir,
	.read = task_read,
	.release = task_release,
};
