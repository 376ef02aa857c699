// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the tracer threads. Knows nothing of what their jobs do.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tracer.h"

struct ckpt_tracer {
	pthread_t thread;
	pthread_mutex_t caller; /* one job at a time */
	pthread_mutex_t lock;	/* the fields below */
	pthread_cond_t done;
	int wake; /* eventfd: a job, a watch or the end */
	int (*fn)(void *arg);
	void *arg;
	int result;
	bool busy, end;
	int pidfd;
	void (*on_death)(void *arg);
	void *death_arg;
};

static void run_job(struct ckpt_tracer *t)
{
	int (*fn)(void *arg) = t->fn;
	int result;

	if (!t->busy || !fn)
		return;
	t->fn = NULL;
	pthread_mutex_unlock(&t->lock);
	result = fn(t->arg);
	pthread_mutex_lock(&t->lock);
	t->result = result;
	t->busy = false;
	pthread_cond_signal(&t->done);
}

static void run_death(struct ckpt_tracer *t)
{
	void (*on_death)(void *arg) = t->on_death;

	close(t->pidfd);
	t->pidfd = -1;
	pthread_mutex_unlock(&t->lock);
	on_death(t->death_arg);
	pthread_mutex_lock(&t->lock);
}

static void *tracer_main(void *arg)
{
	struct ckpt_tracer *t = arg;

	pthread_mutex_lock(&t->lock);
	while (!t->end) {
		struct pollfd fds[2] = {{.fd = t->wake, .events = POLLIN},
					{.fd = t->pidfd, .events = POLLIN}};
		uint64_t count;

		pthread_mutex_unlock(&t->lock);
		poll(fds, 2, -1);
		pthread_mutex_lock(&t->lock);
		if (fds[0].revents && read(t->wake, &count, sizeof(count)) < 0)
			continue;
		run_job(t);
		if (fds[1].revents && t->pidfd == fds[1].fd && t->pidfd >= 0)
			run_death(t);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static void wake(struct ckpt_tracer *t)
{
	uint64_t one = 1;

	while (write(t->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

int ckpt_tracer_new(struct ckpt_tracer **out, struct ckpt_err *err)
{
	struct ckpt_tracer *t = calloc(1, sizeof(*t));
	sigset_t all, old;
	int ret;

	if (!t)
		return ckpt_fail(err, ENOMEM, "no memory for a tracer thread");
	t->pidfd = -1;
	t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->wake < 0) {
		free(t);
		return ckpt_fail_sys(err, "eventfd");
	}
	pthread_mutex_init(&t->caller, NULL);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->done, NULL);
	/* Signals that end the daemon go to the threads that serve requests. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&t->thread, NULL, tracer_main, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret) {
		close(t->wake);
		free(t);
		return ckpt_fail(err, ret, "tracer thread: %s", strerror(ret));
	}
	*out = t;
	return 0;
}

int ckpt_tracer_run(struct ckpt_tracer *t, int (*fn)(void *arg), void *arg)
{
	int result;

	pthread_mutex_lock(&t->caller);
	pthread_mutex_lock(&t->lock);
	t->fn = fn;
	t->arg = arg;
	t->busy = true;
	wake(t);
	while (t->busy)
		pthread_cond_wait(&t->done, &t->lock);
	result = t->result;
	pthread_mutex_unlock(&t->lock);
	pthread_mutex_unlock(&t->caller);
	return result;
}

void ckpt_tracer_watch(struct ckpt_tracer *t, pid_t pid, void (*on_death)(void *arg), void *arg)
{
	pthread_mutex_lock(&t->lock);
	t->on_death = on_death;
	t->death_arg = arg;
	if (t->pidfd >= 0)
		close(t->pidfd);
	t->pidfd = syscall(SYS_pidfd_open, pid, 0);
	wake(t);
	pthread_mutex_unlock(&t->lock);
}

void ckpt_tracer_free(struct ckpt_tracer *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->end = true;
	wake(t);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	if (t->pidfd >= 0)
		close(t->pidfd);
	close(t->wake);
	pthread_cond_destroy(&t->done);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->caller);
	free(t);
}
