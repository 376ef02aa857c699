// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chunks of fresh memory, prepared ahead by a thread.
 */
#include "chunks.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <time.h>

#include "task.h"

#define CHUNK	((size_t)CKPT_CHUNK_SIZE)
#define AHEAD	16  /* chunks */
#define IDLE_MS 500 /* nobody takes any: they are given back */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t taken = PTHREAD_COND_INITIALIZER;
static pthread_t thread;
static bool runs, stop;
static void *ready[AHEAD];
static size_t nready;

static void *map(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		return NULL;
	madvise(mem, size, MADV_DONTFORK);
	return mem;
}

static void populate(void *mem)
{
#ifdef MADV_POPULATE_WRITE
	madvise(mem, CHUNK, MADV_POPULATE_WRITE);
#else
	(void)mem;
#endif
}

/* Under lock. false: nobody took one for a while. */
static bool wait_taken(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += IDLE_MS * 1000000l;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	while (!stop && nready == AHEAD)
		if (pthread_cond_timedwait(&taken, &lock, &ts) == ETIMEDOUT)
			return false;
	return true;
}

static void *prepare(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	while (!stop && wait_taken() && !stop) {
		void *mem;

		pthread_mutex_unlock(&lock);
		mem = map(CHUNK);
		if (mem)
			populate(mem);
		pthread_mutex_lock(&lock);
		if (!mem)
			break;
		ready[nready++] = mem;
	}
	while (nready)
		munmap(ready[--nready], CHUNK);
	if (!stop) {
		runs = false;
		pthread_detach(pthread_self());
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* Under lock. Without the thread everything works, only slower. */
static void start(void)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	runs = !pthread_create(&thread, NULL, prepare, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void *ckpt_chunk_new(void)
{
	void *mem = NULL;

	pthread_mutex_lock(&lock);
	if (!runs && !stop)
		start();
	if (nready) {
		mem = ready[--nready];
		pthread_cond_signal(&taken);
	}
	pthread_mutex_unlock(&lock);
	if (mem)
		return mem;
	mem = map(CHUNK);
	if (mem)
		populate(mem);
	return mem;
}

void *ckpt_chunk_resize(void *old, size_t old_size, size_t size)
{
	void *mem;

	if (!old)
		return map(size);
	mem = mremap(old, old_size, size, MREMAP_MAYMOVE); /* keeps MADV_DONTFORK */
	return mem == MAP_FAILED ? NULL : mem;
}

void ckpt_chunk_free(void *chunk, size_t size)
{
	munmap(chunk, size);
}

void ckpt_chunks_stop(void)
{
	bool join;

	pthread_mutex_lock(&lock);
	join = runs;
	stop = true;
	pthread_cond_signal(&taken);
	pthread_mutex_unlock(&lock);
	if (join)
		pthread_join(thread, NULL);
	pthread_mutex_lock(&lock);
	runs = stop = false;
	pthread_mutex_unlock(&lock);
}
