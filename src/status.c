// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What restore/NAME/.status shows.
 */
#include "status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
	[CKPT_STAGING] = "staging", [CKPT_CHECKING] = "checking", [CKPT_RESTORING] = "restoring",
	[CKPT_DONE] = "done",	    [CKPT_FAILED] = "failed",
};

void ckpt_status_init(struct ckpt_status *s)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
}

void ckpt_status_fini(struct ckpt_status *s)
{
	free(s->error);
	pthread_mutex_destroy(&s->lock);
}

void ckpt_status_set_state(struct ckpt_status *s, enum ckpt_status_state state)
{
	pthread_mutex_lock(&s->lock);
	s->state = state;
	pthread_mutex_unlock(&s->lock);
}

enum ckpt_status_state ckpt_status_state(struct ckpt_status *s)
{
	enum ckpt_status_state state;

	pthread_mutex_lock(&s->lock);
	state = s->state;
	pthread_mutex_unlock(&s->lock);
	return state;
}

void ckpt_status_set_files(struct ckpt_status *s, uint64_t present, uint64_t listed,
			   bool has_listed)
{
	pthread_mutex_lock(&s->lock);
	s->present = present;
	s->listed = listed;
	s->has_listed = has_listed;
	pthread_mutex_unlock(&s->lock);
}

void ckpt_status_set_error(struct ckpt_status *s, const struct ckpt_err *err)
{
	pthread_mutex_lock(&s->lock);
	free(s->error);
	s->error = err && err->code ? strdup(err->text) : NULL;
	pthread_mutex_unlock(&s->lock);
}

void ckpt_status_reset(struct ckpt_status *s)
{
	ckpt_status_set_error(s, NULL);
	ckpt_status_set_state(s, CKPT_STAGING);
	atomic_store(&s->progress.pid, 0);
	atomic_store(&s->progress.pages_done, 0);
	atomic_store(&s->progress.pages_total, 0);
}

void ckpt_status_render(struct ckpt_status *s, struct ckpt_buf *buf)
{
	pthread_mutex_lock(&s->lock);
	ckpt_buf_printf(buf, "state %s\n", state_names[s->state]);
	ckpt_buf_printf(buf, "pid %u\n", atomic_load(&s->progress.pid));
	ckpt_buf_printf(buf, "files %" PRIu64 " of ", s->present);
	if (s->has_listed)
		ckpt_buf_printf(buf, "%" PRIu64 "\n", s->listed);
	else
		ckpt_buf_puts(buf, "-\n");
	ckpt_buf_printf(buf, "pages %llu of %llu\n", atomic_load(&s->progress.pages_done),
			atomic_load(&s->progress.pages_total));
	if (s->error)
		ckpt_buf_printf(buf, "error %s\n", s->error);
	ckpt_buf_puts(buf, "end\n");
	pthread_mutex_unlock(&s->lock);
}
