// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading ahead: a queue of handles, and a few threads that serve it.
 */
#include "fs_ahead.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#define THREADS 2

enum state {
	IDLE,	/* buf holds nothing */
	QUEUED, /* [off, off + len) shall be read */
	BUSY,	/* a thread reads it */
	READY,	/* result and buf have it */
};

struct ckpt_ahead {
	struct ckpt_ahead *next; /* of the queue */
	ckpt_ahead_read_fn *read;
	void *ctx;
	uint64_t size;
	void *buf;
	enum state state;
	uint64_t off, expected; /* expected: where a read in sequence begins */
	size_t len;
	ssize_t result;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queued = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static pthread_t threads[THREADS];
static unsigned int nthreads;
static bool stop;
static struct ckpt_ahead *queue;

void *ckpt_read_buffer_new(void)
{
	return aligned_alloc(4096, CKPT_READ_MAX);
}

struct ckpt_ahead *ckpt_ahead_new(ckpt_ahead_read_fn *read, void *ctx, uint64_t size)
{
	struct ckpt_ahead *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->read = read;
	a->ctx = ctx;
	a->size = size;
	a->buf = ckpt_read_buffer_new();
	if (!a->buf) {
		free(a);
		return NULL;
	}
	return a;
}

/* Under lock: nothing will be read, or is being read, any more. */
static void settle(struct ckpt_ahead *a)
{
	struct ckpt_ahead **p = &queue;

	if (a->state == QUEUED) {
		while (*p != a)
			p = &(*p)->next;
		*p = a->next;
		a->state = IDLE;
	}
	while (a->state == BUSY)
		pthread_cond_wait(&done, &lock);
}

void ckpt_ahead_free(struct ckpt_ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&lock);
	settle(a);
	pthread_mutex_unlock(&lock);
	free(a->buf);
	free(a);
}

ssize_t ckpt_ahead_take(struct ckpt_ahead *a, void **buf, size_t len, uint64_t off)
{
	ssize_t n = -EAGAIN;

	if (!a)
		return n;
	pthread_mutex_lock(&lock);
	if (a->off == off)
		settle(a); /* still queued: to read it oneself is as fast */
	/* No less than what was asked for: a short read looks like the end of the file. */
	if (a->state == READY && a->off == off && (a->len >= len || off + a->len == a->size)) {
		void *mine = *buf;

		*buf = a->buf;
		a->buf = mine;
		a->state = IDLE;
		n = a->result;
		if (n > 0 && (size_t)n > len)
			n = (ssize_t)len;
	}
	pthread_mutex_unlock(&lock);
	return n;
}

void ckpt_ahead_start(struct ckpt_ahead *a, size_t len, uint64_t off)
{
	struct ckpt_ahead **p = &queue;
	uint64_t end = off + len;

	if (!a)
		return;
	pthread_mutex_lock(&lock);
	if (off == a->expected && end < a->size && nthreads && !stop &&
	    (a->state == IDLE || a->state == READY)) {
		a->off = end;
		a->len = a->size - end < len ? (size_t)(a->size - end) : len;
		a->state = QUEUED;
		a->next = NULL;
		while (*p)
			p = &(*p)->next;
		*p = a;
		pthread_cond_signal(&queued);
	}
	a->expected = end;
	pthread_mutex_unlock(&lock);
}

static void *serve(void *arg)
{
	struct ckpt_ahead *a;
	ssize_t n;

	(void)arg;
	pthread_mutex_lock(&lock);
	while (!stop) {
		a = queue;
		if (!a) {
			pthread_cond_wait(&queued, &lock);
			continue;
		}
		queue = a->next;
		a->state = BUSY;
		pthread_mutex_unlock(&lock);
		n = a->read(a->ctx, a->buf, a->len, a->off);
		pthread_mutex_lock(&lock);
		a->result = n;
		a->state = n < 0 ? IDLE : READY; /* the error belongs to whoever reads it himself */
		pthread_cond_broadcast(&done);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

int ckpt_ahead_threads_start(void)
{
	sigset_t all, old;
	int ret = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (nthreads < THREADS && !ret) {
		ret = pthread_create(&threads[nthreads], NULL, serve, NULL);
		if (!ret)
			nthreads++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -ret;
}

void ckpt_ahead_threads_stop(void)
{
	pthread_mutex_lock(&lock);
	stop = true;
	pthread_cond_broadcast(&queued);
	pthread_mutex_unlock(&lock);
	while (nthreads)
		pthread_join(threads[--nthreads], NULL);
}
