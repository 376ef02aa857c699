// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which tasks are listed in the root directory, and what freezes and thaws them.
 *
 * A task is in the table while it is frozen by mkdir, or while it is listed because others stopped
 * it: job control, or the freezer of a control group. The latter is frozen ("pinned") at the first
 * opendir or lookup below it, until nobody has used it for a while: cp closes a directory before it
 * opens the files.
 */
#include "fs_task.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cred.h"
#include "freezer.h"
#include "log.h"
#include "opts.h"
#include "proc.h"

#define PIN_IDLE_MS 2000
#define REAPER_MS   500

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t reaper_cond = PTHREAD_COND_INITIALIZER;
static pthread_cond_t left_cond = PTHREAD_COND_INITIALIZER;
static pthread_t reaper_thread;
static bool reaper_runs, reaper_stop;
static struct ckpt_listed *tasks;
static unsigned int npinned;

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool held_by_others(pid_t pid)
{
	char group[256];

	return ckpt_stopped(pid) || ckpt_freezer_holds(pid, group, sizeof(group));
}

/* ---- the table, under table_lock ---- */

static struct ckpt_listed *table_find(pid_t pid)
{
	struct ckpt_listed *t = tasks;

	while (t && t->pid != pid)
		t = t->next;
	return t;
}

static struct ckpt_listed *table_add(pid_t pid, bool stopped)
{
	struct ckpt_listed *t = calloc(1, sizeof(*t));
	pthread_rwlockattr_t attr;

	if (!t)
		return NULL;
	t->pid = pid;
	t->stopped = stopped;
	t->number = ckpt_tree_number(stopped ? CKPT_TREE_STOPPED : 0);
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

static void task_unref(struct ckpt_listed *t)
{
	if (--t->refs)
		return;
	pthread_rwlock_destroy(&t->lock);
	free(t);
}

/* The caller gets the table's reference. */
static void table_remove(struct ckpt_listed *t)
{
	struct ckpt_listed **p = &tasks;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
}

/* The listed task of that PID; listing those that others stopped, forgetting those that they let
 * run again. */
static struct ckpt_listed *table_lookup(pid_t pid)
{
	struct ckpt_listed *t;

	while ((t = table_find(pid)) && t->leaving)
		pthread_cond_wait(&left_cond, &table_lock);
	if (t && (!t->stopped || t->pinned))
		return t;
	if (held_by_others(pid))
		return t ? t : table_add(pid, true);
	if (t && t->refs == 1) {
		table_remove(t);
		task_unref(t);
	}
	return NULL;
}

/* ---- references and freezing ---- */

struct ckpt_listed *ckpt_task_get(uint64_t ino)
{
	struct ckpt_listed *t;

	pthread_mutex_lock(&table_lock);
	for (t = tasks; t && (t->leaving || t->number != CKPT_INO_TREE(ino));)
		t = t->next;
	if (t) {
		t->refs++;
		t->used_ms = now_ms();
	}
	pthread_mutex_unlock(&table_lock);
	return t;
}

void ckpt_task_put(struct ckpt_listed *t)
{
	pthread_mutex_lock(&table_lock);
	t->used_ms = now_ms();
	task_unref(t);
	pthread_mutex_unlock(&table_lock);
}

/* Of a task marked as leaving; removes it from the table. Until then whoever looks for its PID
 * waits: between the two states it is neither frozen nor stopped by others. */
static void task_thaw(struct ckpt_listed *t)
{
	struct ckpt_frozen *frozen;
	uint32_t n = 0, inodes = 0;

	pthread_rwlock_wrlock(&t->lock);
	if (t->overlay)
		inodes = t->overlay->inodes.n;
	if (t->frozen)
		ckpt_task_edits_end(t);
	frozen = t->frozen;
	t->frozen = NULL;
	pthread_rwlock_unlock(&t->lock);
	if (frozen) {
		n = inodes > frozen->tree->n ? inodes : frozen->tree->n;
		ckpt_frozen_free(frozen);
	}
	pthread_mutex_lock(&table_lock);
	npinned -= t->pinned;
	table_remove(t);
	pthread_cond_broadcast(&left_cond);
	pthread_mutex_unlock(&table_lock);
	/* The kernel waits for reads of mapped files, so nobody must wait for us here. */
	ckpt_fs.forget(CKPT_INO(t->number, 0), n);
	ckpt_task_put(t);
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

static void set_pinned(struct ckpt_listed *t, bool pinned)
{
	pthread_mutex_lock(&table_lock);
	t->pinned = pinned;
	npinned += pinned ? 1u : -1u;
	pthread_cond_signal(&reaper_cond);
	pthread_mutex_unlock(&table_lock);
}

static int pin(const struct ckpt_req *req, struct ckpt_listed *t)
{
	struct ckpt_frozen *frozen;
	int ret = 0;

	pthread_rwlock_wrlock(&t->lock);
	if (!t->frozen) {
		set_pinned(t, true); /* beforehand: seized, it does not look stopped any more */
		ret = freeze(req, t->pid, true, &frozen);
		if (ret)
			set_pinned(t, false);
		else
			t->frozen = frozen;
	}
	pthread_rwlock_unlock(&t->lock);
	return ret;
}

/* Under t->lock. */
static bool is_there(const struct ckpt_listed *t, uint64_t ino)
{
	uint32_t index = CKPT_INO_INDEX(ino);

	if (t->sealed)
		return false;
	if (index & CKPT_INDEX_STAGED)
		return t->overlay && ckpt_stage_node(t->overlay->stage, index & ~CKPT_INDEX_STAGED);
	return ckpt_task_index(t, ino) != CKPT_NO_INDEX;
}

/* A reference and the lock. may_pin: freeze it if only job control holds it. */
static int enter(const struct ckpt_req *req, uint64_t ino, bool may_pin,
		 int (*lock)(pthread_rwlock_t *), struct ckpt_listed **out)
{
	struct ckpt_listed *t = ckpt_task_get(ino);
	int ret;

	if (!t)
		return -ESTALE;
	lock(&t->lock);
	while (!t->frozen) {
		pthread_rwlock_unlock(&t->lock);
		ret = t->stopped && may_pin ? pin(req, t) : -ESTALE;
		if (ret) {
			ckpt_task_put(t);
			return ret;
		}
		lock(&t->lock);
	}
	if (!is_there(t, ino)) {
		pthread_rwlock_unlock(&t->lock);
		ckpt_task_put(t);
		return -ESTALE;
	}
	*out = t;
	return 0;
}

int ckpt_task_enter(const struct ckpt_req *req, uint64_t ino, bool may_pin,
		    struct ckpt_listed **out)
{
	return enter(req, ino, may_pin, pthread_rwlock_rdlock, out);
}

int ckpt_task_enter_alone(const struct ckpt_req *req, uint64_t ino, struct ckpt_listed **out)
{
	int ret = enter(req, ino, true, pthread_rwlock_wrlock, out);

	if (!ret && !ckpt_frozen_alive((*out)->frozen)) {
		ckpt_task_leave(*out);
		ret = -ESTALE;
	}
	return ret;
}

void ckpt_task_leave(struct ckpt_listed *t)
{
	pthread_rwlock_unlock(&t->lock);
	ckpt_task_put(t);
}

/* ---- attributes ---- */

void ckpt_task_entry_stat(const struct ckpt_listed *t, uint32_t index, struct stat *st)
{
	const struct ckpt_entry *e = &ckpt_task_tree(t)->v[index];
	struct timespec mtime = !index	     ? t->since
				: e->changed ? *e->changed
					     : t->frozen->tree->mtime;
	const struct ckpt_stage_node *draft = NULL;
	bool dir = e->kind == CKPT_NODE_DIR;
	uint64_t size = e->size;

	/* Who writes a file is told how far he is. */
	if (t->overlay && !dir)
		draft = ckpt_overlay_find(t->overlay, e->path);
	if (draft && ckpt_overlay_is_draft(t->overlay, draft)) {
		size = draft->blob.size;
		mtime = draft->mtime;
	}

	*st = (struct stat){
		.st_ino = ckpt_task_ino(t, index),
		.st_mode = dir ? S_IFDIR | 0700 : S_IFREG | 0600,
		.st_nlink = dir ? 2 + e->nsubdirs : 1,
		.st_uid = t->frozen->uid,
		.st_gid = t->frozen->gid,
		.st_size = (off_t)size,
		.st_blocks = (blkcnt_t)((size + 511) / 512),
		.st_blksize = 1 << 20,
		.st_atim = mtime,
		.st_mtim = mtime,
		.st_ctim = mtime,
	};
}

/* Of a task that only job control holds: owner as /proc/PID has it. */
static int unpinned_stat(const struct ckpt_listed *t, struct stat *st)
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

int ckpt_task_root_stat(struct ckpt_listed *t, struct stat *st)
{
	int ret = 0;

	pthread_rwlock_rdlock(&t->lock);
	if (t->frozen)
		ckpt_task_entry_stat(t, 0, st);
	else
		ret = t->stopped ? unpinned_stat(t, st) : -ESTALE;
	pthread_rwlock_unlock(&t->lock);
	return ret;
}

/* ---- open handles ---- */

void ckpt_task_opened(struct ckpt_listed *t)
{
	pthread_mutex_lock(&table_lock);
	t->handles++;
	t->refs++;
	pthread_mutex_unlock(&table_lock);
}

void ckpt_task_closed(struct ckpt_listed *t)
{
	pthread_mutex_lock(&table_lock);
	t->handles--;
	t->used_ms = now_ms();
	task_unref(t);
	pthread_mutex_unlock(&table_lock);
}

/* ---- for the root directory ---- */

/* Whether a frozen task was killed, and its PID is that of another process now (restored, most
 * likely). Under table_lock; nobody waits to write while neither busy nor leaving is set. */
static bool is_replaced(struct ckpt_listed *t)
{
	char state;
	bool dead;

	if (t->busy || t->leaving || t->stopped || pthread_rwlock_tryrdlock(&t->lock))
		return false;
	dead = t->frozen && !ckpt_frozen_alive(t->frozen);
	pthread_rwlock_unlock(&t->lock);
	state = dead ? ckpt_proc_state(t->pid) : 'X';
	return state && state != 'Z' && state != 'X';
}

/* The directory of a killed task stays until rmdir, but not in the way of the next one. */
static void drop_replaced(pid_t pid)
{
	struct ckpt_listed *t;

	pthread_mutex_lock(&table_lock);
	t = table_find(pid);
	if (t && !is_replaced(t))
		t = NULL;
	if (t)
		t->leaving = true;
	pthread_mutex_unlock(&table_lock);
	if (t)
		task_thaw(t);
}

int ckpt_tasks_lookup(pid_t pid, struct stat *st)
{
	struct ckpt_listed *t;
	int ret;

	drop_replaced(pid);
	pthread_mutex_lock(&table_lock);
	t = table_lookup(pid);
	if (t && t->busy)
		t = NULL;
	if (t)
		t->refs++;
	pthread_mutex_unlock(&table_lock);
	if (!t)
		return -ENOENT;
	ret = ckpt_task_root_stat(t, st);
	ckpt_task_put(t);
	return ret == -ESTALE ? -ENOENT : ret;
}

int ckpt_tasks_freeze(const struct ckpt_req *req, pid_t pid, struct stat *st)
{
	struct ckpt_frozen *frozen;
	struct ckpt_listed *t;
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
		ckpt_task_entry_stat(t, 0, st);
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

/* What was edited takes effect, and the task is marked as leaving. Gives the reference back. */
static int commit(struct ckpt_listed *t)
{
	int ret = ckpt_task_edits_commit(t);

	pthread_mutex_lock(&table_lock);
	if (!ret && t->leaving)
		ret = -ENOENT; /* unmounted meanwhile */
	if (!ret)
		t->leaving = true;
	if (ret)
		task_unref(t);
	else
		t->refs--; /* the table's keeps it */
	pthread_mutex_unlock(&table_lock);
	return ret;
}

static void say_by_whom(pid_t pid)
{
	char group[256];

	if (ckpt_freezer_holds(pid, group, sizeof(group)))
		ckpt_log("rmdir %d: frozen by its control group %s, not by ckptfs: thaw that", pid,
			 group);
	else
		ckpt_log("rmdir %d: stopped by job control, not by ckptfs: kill -CONT %d lets it "
			 "run",
			 pid, pid);
}

int ckpt_tasks_thaw(const struct ckpt_req *req, pid_t pid)
{
	struct ckpt_listed *t;
	int ret = 0;

	(void)req;
	pthread_mutex_lock(&table_lock);
	t = table_lookup(pid);
	if (!t || t->busy)
		ret = -ENOENT;
	else if (t->stopped)
		ret = -EBUSY;
	else
		t->refs++;
	pthread_mutex_unlock(&table_lock);
	if (!ret)
		ret = commit(t);
	if (ret == -EBUSY)
		say_by_whom(pid);
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
static bool listed(const struct ckpt_listed *t)
{
	return !t->busy && (!t->stopped || t->pinned || held_by_others(t->pid));
}

void ckpt_tasks_list(struct ckpt_handle *h)
{
	pthread_mutex_lock(&table_lock);
	ckpt_stopped_each(list_stopped, NULL);
	ckpt_freezer_each(list_stopped, NULL);
	for (struct ckpt_listed *t = tasks; t; t = t->next) {
		char name[16];

		if (!listed(t))
			continue;
		snprintf(name, sizeof(name), "%d", t->pid);
		ckpt_handle_list(h, name, CKPT_INO(t->number, 0), S_IFDIR);
	}
	pthread_mutex_unlock(&table_lock);
}

/* ---- the thread that lets pinned tasks go ---- */

static struct ckpt_listed *find_idle(int64_t now)
{
	struct ckpt_listed *t = tasks;

	while (t && !(t->pinned && t->refs == 1 && !t->handles && now - t->used_ms >= PIN_IDLE_MS))
		t = t->next;
	return t;
}

static void *reaper(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&table_lock);
	while (!reaper_stop) {
		struct ckpt_listed *t = npinned ? find_idle(now_ms()) : NULL;
		struct timespec ts;

		if (t) {
			t->leaving = true;
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
	struct ckpt_listed *t;

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
			t->leaving = true;
		pthread_mutex_unlock(&table_lock);
		if (!t)
			return;
		task_thaw(t);
	}
}
