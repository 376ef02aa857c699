// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mount: from the options to a session, and its end. What was frozen runs on before the
 * mount goes away, whatever ends it.
 */
#include "fs_ops.h"
#include "fs_ops_fuse.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chunks.h"
#include "fs_ahead.h"
#include "log.h"
#include "opts.h"
#include "quota.h"

#define IDLE_THREADS 10
#define MAX_THREADS  64 /* a restore keeps one for as long as it takes */

static struct fuse_session *session;

const char *ckpt_fs_library(void)
{
	return fuse_pkgversion();
}

/* The kernel remembers attributes of a thawed task's inodes, and pages of mapped files. */
static void forget(uint64_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		fuse_lowlevel_notify_inval_inode(session, first + i, 0, 0);
}

struct forgotten {
	uint64_t dir;
	char name[256];
};
static atomic_uint forgetting;

static void *forget_one(void *arg)
{
	struct forgotten *f = arg;

	fuse_lowlevel_notify_inval_entry(session, f->dir, f->name, strlen(f->name));
	free(f);
	atomic_fetch_sub(&forgetting, 1);
	return NULL;
}

/* The kernel takes the directory's lock for it, which may be held by whoever waits for an answer of
 * ours: never on a thread that answers. */
static void forget_name(uint64_t dir, const char *name)
{
	struct forgotten *f = malloc(sizeof(*f));
	pthread_t thread;

	if (!f)
		return; /* the kernel looks again when its entry is old */
	f->dir = dir;
	snprintf(f->name, sizeof(f->name), "%s", name);
	atomic_fetch_add(&forgetting, 1);
	if (pthread_create(&thread, NULL, forget_one, f)) {
		atomic_fetch_sub(&forgetting, 1);
		free(f);
	} else {
		pthread_detach(thread);
	}
}

/* After the unmount nothing holds them up. */
static void forget_end(void)
{
	for (int i = 0; i < 200 && atomic_load(&forgetting); i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

/* In an option string commas and backslashes are spelled with a backslash before them. */
static void put_escaped(struct ckpt_buf *buf, const char *text)
{
	for (; *text; text++) {
		if (*text == ',' || *text == '\\')
			ckpt_buf_puts(buf, "\\");
		ckpt_buf_put(buf, text, 1);
	}
}

static int make_args(const struct ckpt_opts *opts, struct fuse_args *args)
{
	struct ckpt_buf o = {0};
	int ret;

	ckpt_buf_puts(&o, "default_permissions,subtype=ckptfs,fsname=");
	put_escaped(&o, opts->source);
	if (opts->allow_other)
		ckpt_buf_puts(&o, ",allow_other");
	if (opts->pass.len)
		ckpt_buf_put(&o, opts->pass.data, opts->pass.len);
	ret = o.failed || fuse_opt_add_arg(args, "ckptfs") || fuse_opt_add_arg(args, "-o") ||
	      fuse_opt_add_arg(args, o.data) || (opts->debug && fuse_opt_add_arg(args, "-d"));
	ckpt_buf_fini(&o);
	return ret ? -ENOMEM : 0;
}

/* A worker of libfuse that gets no memory for its buffer ends the whole loop (fuse_lowlevel.c,
 * fuse_session_receive_buf); who waits for his answer has not been heard yet. Go on. */
static int loop(struct fuse_loop_config *config)
{
	int ret;

	while ((ret = fuse_session_loop_mt(session, config)) == -ENOMEM) {
		ckpt_log("out of memory: waiting for some");
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		fuse_session_reset(session);
	}
	return ret;
}

static int serve(const struct ckpt_opts *opts)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int ret;

	if (!config)
		return -ENOMEM;
	fuse_loop_cfg_set_clone_fd(config, 0);
	fuse_loop_cfg_set_idle_threads(config, IDLE_THREADS);
	fuse_loop_cfg_set_max_threads(config, MAX_THREADS);
	ret = ckpt_tasks_start();
	if (!ret)
		ret = ckpt_ahead_threads_start();
	if (!ret) {
		ckpt_log("ckptfs " CKPT_VERSION " mounted on %s by uid %u", opts->mountpoint,
			 getuid());
		ret = loop(config);
	}
	ckpt_fs_release_all();
	ckpt_ahead_threads_stop();
	ckpt_tasks_stop();
	ckpt_stages_stop();
	ckpt_chunks_stop();
	fuse_loop_cfg_destroy(config);
	return ret;
}

int ckpt_fs_serve(const struct ckpt_opts *opts)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	bool foreground = opts->foreground || opts->debug;
	int status = CKPT_EXIT_SYS;

	ckpt_fs = (struct ckpt_fs){.opts = opts,
				   .uid = getuid(),
				   .gid = getgid(),
				   .forget = forget,
				   .forget_name = forget_name};
	clock_gettime(CLOCK_REALTIME, &ckpt_fs.since);
	ckpt_quota_set_limit(opts->stage_limit);
	ckpt_log_echo(foreground);
	if (make_args(opts, &args))
		goto free_args;
	session = fuse_session_new(&args, &ckpt_fs_fuse_ops, sizeof(ckpt_fs_fuse_ops), NULL);
	if (!session)
		goto free_args;
	if (fuse_set_signal_handlers(session))
		goto destroy;
	status = CKPT_EXIT_MOUNT;
	if (fuse_session_mount(session, opts->mountpoint))
		goto remove_handlers;
	/* Threads do not survive the fork in here: none before it. */
	status = CKPT_EXIT_SYS;
	if (!fuse_daemonize(foreground))
		/* A signal ends the loop with its number: that is a clean end as well. */
		status = serve(opts) < 0 ? CKPT_EXIT_SYS : 0;
	fuse_session_unmount(session);
	forget_end();
remove_handlers:
	fuse_remove_signal_handlers(session);
destroy:
	fuse_session_destroy(session);
free_args:
	fuse_opt_free_args(&args);
	return status;
}
