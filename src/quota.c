// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How much memory each user has staged: a short array, one element per user seen.
 */
#include "quota.h"

#include <errno.h>
#include <pthread.h>

#include "buf.h"

struct account {
	uid_t uid;
	uint64_t used;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static CKPT_VEC(struct account) accounts;
static uint64_t limit = UINT64_MAX;

void ckpt_quota_set_limit(uint64_t bytes)
{
	limit = bytes;
}

uint64_t ckpt_quota_limit(void)
{
	return limit;
}

static struct account *find(uid_t uid)
{
	for (size_t i = 0; i < accounts.n; i++)
		if (accounts.v[i].uid == uid)
			return &accounts.v[i];
	return NULL;
}

int ckpt_quota_take(uid_t uid, uint64_t bytes)
{
	struct account *a;
	int ret = 0;

	pthread_mutex_lock(&lock);
	a = find(uid);
	if (!a) {
		a = CKPT_VEC_ADD(&accounts);
		if (a)
			a->uid = uid;
	}
	if (!a)
		ret = -ENOMEM;
	else if (bytes > limit || a->used > limit - bytes)
		ret = -ENOSPC;
	else
		a->used += bytes;
	pthread_mutex_unlock(&lock);
	return ret;
}

void ckpt_quota_give(uid_t uid, uint64_t bytes)
{
	struct account *a;

	pthread_mutex_lock(&lock);
	a = find(uid);
	if (a)
		a->used -= bytes;
	pthread_mutex_unlock(&lock);
}

uint64_t ckpt_quota_used(uid_t uid)
{
	struct account *a;
	uint64_t used;

	pthread_mutex_lock(&lock);
	a = find(uid);
	used = a ? a->used : 0;
	pthread_mutex_unlock(&lock);
	return used;
}
