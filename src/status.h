/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What restore/NAME/.status shows. It has a lock of its own, so that it can be read while the
 * tree is being checked or restored. Any thread.
 *
 *	state staging|checking|restoring|done|failed
 *	pid N			0 until a process is being built
 *	files PRESENT of LISTED	LISTED is - until the manifest is there
 *	pages DONE of TOTAL	while restoring
 *	error SENTENCE		if something failed
 *	end
 */
#ifndef CKPT_STATUS_H
#define CKPT_STATUS_H

#include <pthread.h>
#include <stdint.h>
#include "buf.h"
#include "err.h"
#include "restore.h"

enum ckpt_status_state {
	CKPT_STAGING,
	CKPT_CHECKING,
	CKPT_RESTORING,
	CKPT_DONE,
	CKPT_FAILED,
};

struct ckpt_status {
	pthread_mutex_t lock;
	enum ckpt_status_state state;
	uint64_t present, listed;
	bool has_listed;
	char *error; /* NULL: none */
	struct ckpt_progress progress;
};

void ckpt_status_init(struct ckpt_status *s);
void ckpt_status_fini(struct ckpt_status *s);

void ckpt_status_set_state(struct ckpt_status *s, enum ckpt_status_state state);
enum ckpt_status_state ckpt_status_state(struct ckpt_status *s);
void ckpt_status_set_files(struct ckpt_status *s, uint64_t present, uint64_t listed,
			   bool has_listed);
void ckpt_status_set_error(struct ckpt_status *s, const struct ckpt_err *err); /* NULL: none */

/* Forgets what an earlier try left. */
void ckpt_status_reset(struct ckpt_status *s);

void ckpt_status_render(struct ckpt_status *s, struct ckpt_buf *buf);

#endif
