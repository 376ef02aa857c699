/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much memory each user has staged under restore/. Any thread.
 */
#ifndef CKPT_QUOTA_H
#define CKPT_QUOTA_H

#include <stdint.h>
#include <sys/types.h>

/* Sets the limit of every user, in bytes. */
void ckpt_quota_set_limit(uint64_t bytes);
uint64_t ckpt_quota_limit(void);

/* 0, or -ENOSPC and nothing taken; -ENOMEM. */
int ckpt_quota_take(uid_t uid, uint64_t bytes);
void ckpt_quota_give(uid_t uid, uint64_t bytes);
uint64_t ckpt_quota_used(uid_t uid);

#endif
