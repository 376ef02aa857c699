// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One try and the next: whether a file that is written belongs to the copy that is staged, to
 * a new one, or to one that is over.
 *
 * A tree of which something is missing stays staged, so that the missing file alone completes
 * it. But the user may as well run the whole `cp -a` again, and nothing announces that. Two
 * rules make both work. A good file that somebody else writes again means a new copy: what is
 * left of the old one is dropped. And when a tree that holds files of an earlier copy is
 * complete, the thread that completed it may be in the middle of a copy: what it still writes
 * is of no use, and taken without a word.
 */
#include "stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "tree.h"

#define GHOST_MS 2000
#define LATE_MS	 5000 /* a copy that pauses for longer is over */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool is_file(const struct ckpt_stage_node *node)
{
	return node && node->dir && S_ISREG(node->mode);
}

static bool is_unknown(const struct ckpt_stage_node *node)
{
	char *path = ckpt_stage_path(node);
	bool unknown = path && ckpt_node_kind_of(path, NULL) < 0;

	free(path);
	return unknown;
}

bool ckpt_stage_is_temporary(const struct ckpt_stage *s, const struct ckpt_stage_node *node)
{
	const struct ckpt_stage_node *n = node;

	while (n->dir && n->name[0] != '.')
		n = n->dir;
	return n->dir || (s->scratch && is_unknown(node));
}

bool ckpt_stage_is_over(struct ckpt_stage *s)
{
	enum ckpt_status_state state = ckpt_status_state(&s->status);

	return state == CKPT_DONE || state == CKPT_FAILED;
}

/* ---- the thread that completed a tree goes on ---- */

bool ckpt_stage_is_late(struct ckpt_stage *s, pid_t pid)
{
	return ckpt_stage_is_over(s) && pid == s->writer && now_ms() < s->late_until;
}

void ckpt_stage_try_over(struct ckpt_stage *s, pid_t pid)
{
	free(s->stranger);
	s->stranger = NULL;
	s->mixed = false;
	for (size_t i = 0; i < s->nodes.n; i++)
		if (is_file(s->nodes.v[i]) && s->nodes.v[i]->writer != pid)
			s->mixed = true;
	ckpt_manifest_fini(&s->done);
	s->done = s->manifest;
	s->manifest = (struct ckpt_manifest){0};
	s->has_manifest = false;
	ckpt_stage_clear(s);
	s->late_until = now_ms() + LATE_MS;
}

static bool is_listed(const struct ckpt_stage *s, const struct ckpt_stage_node *node)
{
	char *path = ckpt_stage_path(node);
	bool listed;

	if (!path)
		return true;
	listed = !strcmp(path, CKPT_MANIFEST_NAME) || ckpt_manifest_find(&s->done, path);
	free(path);
	return listed;
}

void ckpt_stage_created(struct ckpt_stage *s, struct ckpt_stage_node *node, pid_t pid)
{
	if (!ckpt_stage_is_over(s))
		return;
	if (ckpt_stage_is_late(s, pid) &&
	    (s->mixed || (!ckpt_stage_is_temporary(s, node) && !is_listed(s, node)))) {
		s->late_until = now_ms() + LATE_MS;
		node->late = true;
		return;
	}
	ckpt_manifest_fini(&s->done);
	ckpt_status_reset(&s->status);
}

/* The tool is told that this file was of no use, and what became of the tree meanwhile. */
static int too_late(struct ckpt_stage *s, const struct ckpt_stage_node *node, struct ckpt_err *err)
{
	char *path = ckpt_stage_path(node);
	const char *name = path ? path : node->name;

	if (ckpt_status_state(&s->status) == CKPT_DONE)
		ckpt_fail(err, EINVAL,
			  "%s: not a file of this tree: the manifest does not list it; process %u "
			  "was restored without it",
			  name, atomic_load(&s->status.progress.pid));
	else
		ckpt_fail(err, EINVAL, "%s: thrown away: the restore has failed before: %s", name,
			  s->status.error ? s->status.error : "see above");
	free(path);
	return -EINVAL;
}

int ckpt_stage_arrived_late(struct ckpt_stage *s, struct ckpt_stage_node *node,
			    struct ckpt_err *err)
{
	int ret = 0;

	node->settled = true;
	s->late_until = now_ms() + LATE_MS;
	if (ckpt_stage_is_temporary(s, node))
		return 0;
	if (!is_listed(s, node))
		ret = too_late(s, node, err);
	ckpt_blob_fini(&node->blob);
	ckpt_stage_unlink(s, node);
	return ret;
}

/* ---- a copy over another one ---- */

void ckpt_stage_changing(struct ckpt_stage *s, const struct ckpt_stage_node *node, pid_t pid)
{
	unsigned int n = 0;

	if (!s->has_manifest || node->verdict != CKPT_GOOD || node->writer == pid)
		return;
	for (size_t i = 0; i < s->nodes.n; i++) {
		struct ckpt_stage_node *old = s->nodes.v[i];

		if (!is_file(old) || old == node || old->writer == pid ||
		    (s->scratch && ckpt_stage_is_temporary(s, old)))
			continue;
		ckpt_stage_unlink(s, old);
		n++;
	}
	ckpt_log("%s%s: written anew: %u files of an earlier copy were dropped", s->above, s->name,
		 n);
}

/* ---- the file that is gone already ---- */

void ckpt_stage_ghost_set(struct ckpt_stage *s, struct ckpt_stage_node *node,
			  struct ckpt_stage_node *dir)
{
	ckpt_stage_ghost_drop(s);
	ckpt_stage_opened(node, false);
	s->ghost = node;
	s->ghost_dir = dir;
	s->ghost_until = now_ms() + GHOST_MS;
}

struct ckpt_stage_node *ckpt_stage_ghost(const struct ckpt_stage *s,
					 const struct ckpt_stage_node *dir, const char *name,
					 pid_t pid)
{
	if (!s->ghost || s->ghost_dir != dir || pid != s->writer || strcmp(s->ghost->name, name))
		return NULL;
	return now_ms() < s->ghost_until ? s->ghost : NULL;
}

void ckpt_stage_ghost_drop(struct ckpt_stage *s)
{
	struct ckpt_stage_node *node = s->ghost;

	s->ghost = s->ghost_dir = NULL;
	if (node)
		ckpt_stage_closed(s, node, false);
}
