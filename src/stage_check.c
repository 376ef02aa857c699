// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a complete tree is, and the restore that completes it.
 *
 * Every file is judged against the manifest once it is settled (closed after it was written);
 * those that came before the manifest, when it comes. Counters by verdict say whether all are
 * there, so that one more file costs no pass over the others.
 */
#include "stage.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cred.h"
#include "load.h"
#include "log.h"
#include "task.h"
#include "tree.h"

#define NAMED_MISSING 10 /* so many missing files are named in the log */

/* ---- one file ---- */

/* Text must have its `end` line, pages must be whole. */
static bool edited_complete(const struct ckpt_blob *b, int kind)
{
	char tail[5];

	if (kind == CKPT_NODE_PAGES)
		return b->size % CKPT_PAGE_SIZE == 0;
	if (b->size == 4)
		return ckpt_blob_read(b, tail, 4, 0) == 4 && !memcmp(tail, "end\n", 4);
	return b->size > 4 && ckpt_blob_read(b, tail, 5, b->size - 5) == 5 &&
	       !memcmp(tail, "\nend\n", 5);
}

/* Digest of what pages.gz unpacks to. Unpacks at most the size that the manifest tells. */
static int gz_digest(struct ckpt_stage *s, const struct ckpt_manifest_line *line,
		     struct ckpt_digest *out, struct ckpt_err *err)
{
	struct ckpt_hasher *h = ckpt_hasher_new(true);
	char *buf = malloc(CKPT_CHUNK_SIZE);
	struct ckpt_page_stream *stream;
	uint64_t size;
	int ret;

	if (!h || !buf) {
		ret = ckpt_fail(err, ENOMEM, "%s: no memory", line->path);
		goto out;
	}
	ret = ckpt_page_stream_open(&s->source, line->path, &stream, err);
	if (!ret)
		ckpt_page_stream_keep(stream);
	if (ret)
		goto out;
	for (uint64_t off = 0; !ret && off < line->size;) {
		uint64_t left = line->size - off;
		size_t part = left < CKPT_CHUNK_SIZE ? (size_t)left : CKPT_CHUNK_SIZE;

		ret = ckpt_page_stream_read(stream, buf, part, err);
		if (!ret)
			ret = ckpt_hasher_add(h, buf, part);
		off += part;
	}
	if (!ret)
		ret = ckpt_page_stream_end(stream, err);
	if (!ret)
		ret = ckpt_hasher_end(h, &size, out);
	ckpt_page_stream_close(stream);
out:
	free(buf);
	ckpt_hasher_free(h);
	return ret;
}

/* 0 good; else err says what is wrong. */
static int compare(struct ckpt_stage *s, struct ckpt_stage_node *node, const char *path, int kind,
		   bool gz, const struct ckpt_manifest_line *line, struct ckpt_err *err)
{
	struct ckpt_digest digest;
	int ret;

	if (line->edited) {
		if (gz || edited_complete(&node->blob, kind))
			return 0;
		return ckpt_fail(err, EINVAL, "%s: edited, but %s", path,
				 kind == CKPT_NODE_PAGES ? "not a whole number of pages"
							 : "without its `end` line");
	}
	if (!gz && node->blob.size != line->size)
		return ckpt_fail(err, EINVAL,
				 "%s: %" PRIu64 " bytes, the manifest says %" PRIu64
				 " (`file %s edited` there accepts a change made on purpose)",
				 path, node->blob.size, line->size, line->path);
	ret = gz ? gz_digest(s, line, &digest, err)
		 : ckpt_blob_digest(&node->blob, kind == CKPT_NODE_PAGES, &digest);
	if (ret)
		return err->code ? ret : ckpt_fail(err, -ret, "%s: %s", path, strerror(-ret));
	if (!ckpt_digest_equal(&digest, &line->digest))
		return ckpt_fail(err, EINVAL,
				 "%s: damaged: its digest is not the manifest's "
				 "(`file %s edited` there accepts a change made on purpose)",
				 path, line->path);
	return 0;
}

/* The path by which the manifest lists a file: pages.gz counts as pages. */
static const struct ckpt_manifest_line *find_line(const struct ckpt_stage *s, char *path, bool gz)
{
	const struct ckpt_manifest_line *line;
	char *dot = path + strlen(path) - strlen(".gz");

	if (!gz)
		return ckpt_manifest_find(&s->manifest, path);
	*dot = '\0';
	line = ckpt_manifest_find(&s->manifest, path);
	if (line && ckpt_stage_find(s, path))
		line = NULL; /* two files for one line: the uncompressed one counts */
	*dot = '.';
	return line;
}

static bool is_manifest(const struct ckpt_stage *s, const struct ckpt_stage_node *node)
{
	return node->dir == ckpt_stage_root(s) && !strcmp(node->name, CKPT_MANIFEST_NAME);
}

/* Gives a settled file its verdict; without lock, busy. An empty file says nothing before the
 * tool has finished, unless an empty one is listed: `cat > file` closes it once before the
 * first write. */
static int judge(struct ckpt_stage *s, struct ckpt_stage_node *node, bool finished,
		 struct ckpt_err *err)
{
	char *path = ckpt_stage_path(node);
	const struct ckpt_manifest_line *line;
	enum ckpt_verdict verdict = CKPT_GOOD;
	bool gz = false, early;
	int kind, ret = 0;

	if (!path)
		return ckpt_fail(err, ENOMEM, "%s: no memory", node->name);
	kind = ckpt_node_kind_of(path, &gz);
	line = kind < 0 ? NULL : find_line(s, path, gz);
	early = !finished && !node->blob.size && line && (line->edited || line->size);
	if (early) {
		verdict = CKPT_UNJUDGED;
	} else if (!line) {
		ret = ckpt_fail(err, EINVAL,
				"%s: not a file of this tree: the manifest does not "
				"list it",
				path);
		verdict = CKPT_EXTRA;
	} else {
		ret = compare(s, node, path, kind, gz, line, err);
		if (ret)
			verdict = CKPT_BAD;
	}
	ckpt_stage_set_verdict(s, node, verdict, ret ? err->text : NULL);
	free(path);
	if (ret && node->edit &&
	    node->writer != s->writer) { /* of the task as it was: no part of this tree */
		pthread_mutex_lock(&s->lock);
		ckpt_stage_unlink(s, node);
		pthread_mutex_unlock(&s->lock);
		ret = 0;
	}
	return ret;
}

/* ---- the manifest ---- */

/* In order of paths, those of a directory without subdirectories stand together. */
static uint32_t count_dirs(const struct ckpt_manifest *m)
{
	const char *last = "";
	size_t last_len = 0;
	uint32_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		const char *path = m->v[i].path, *slash = strrchr(path, '/');
		size_t len = slash ? (size_t)(slash - path) : 0;

		n += len && (len != last_len || memcmp(path, last, len) != 0);
		if (len) {
			last = path;
			last_len = len;
		}
	}
	return n;
}

static int manifest_load(struct ckpt_stage *s, struct ckpt_stage_node *node, struct ckpt_err *err)
{
	size_t len = (size_t)node->blob.size;
	struct ckpt_manifest m = {0};
	char *text;
	int ret;

	if (node->blob.size > CKPT_MANIFEST_MAX) /* it may be all holes, which cost nobody */
		return ckpt_fail(err, EINVAL, "manifest: %" PRIu64 " bytes are too long for one",
				 node->blob.size);
	text = malloc(len + 1);
	if (!text)
		return ckpt_fail(err, ENOMEM, "manifest: no memory");
	ckpt_blob_read(&node->blob, text, len, 0);
	text[len] = '\0';
	ret = ckpt_manifest_parse(text, len, &m, err);
	free(text);
	if (!ret)
		ret = ckpt_manifest_check_sizes(&m, err);
	if (ret) {
		ckpt_manifest_fini(&m);
		return ret;
	}
	if (s->has_manifest)
		ckpt_manifest_fini(&s->manifest);
	s->manifest = m;
	s->has_manifest = true;
	s->ndirs_listed = count_dirs(&m);
	return 0;
}

/* Judges everything that was not judged yet; the first error stays. */
static int judge_all(struct ckpt_stage *s, bool finished, struct ckpt_err *err)
{
	struct ckpt_err one;
	int first = 0;

	for (size_t i = 0; i < s->nodes.n; i++) {
		struct ckpt_stage_node *node = s->nodes.v[i];
		int ret;

		if (!node || !node->dir || !S_ISREG(node->mode) || is_manifest(s, node) ||
		    ckpt_stage_is_temporary(s, node) || !node->settled ||
		    node->verdict != CKPT_UNJUDGED)
			continue;
		one = (struct ckpt_err){0};
		ret = judge(s, node, finished, &one);
		if (ret && !first) {
			*err = one;
			first = ret;
		}
	}
	return first;
}

/* ---- the whole ---- */

static bool all_present(const struct ckpt_stage *s)
{
	return s->has_manifest && s->nverdicts[CKPT_GOOD] + s->nverdicts[CKPT_BAD] >= s->manifest.n;
}

static void show_counts(struct ckpt_stage *s)
{
	uint32_t present = s->nfiles;

	if (s->has_manifest)
		present = s->nverdicts[CKPT_GOOD] + s->nverdicts[CKPT_BAD];
	ckpt_status_set_files(&s->status, present, s->manifest.n, s->has_manifest);
}

/* With everything there: nothing bad, and nothing else. */
static int check_rest(struct ckpt_stage *s, struct ckpt_err *err)
{
	if (s->stranger)
		return ckpt_fail(err, EINVAL, "%s", s->stranger);
	for (size_t i = 0; i < s->nodes.n; i++) {
		struct ckpt_stage_node *node = s->nodes.v[i];
		char *path;

		if (!node || !node->dir || !S_ISREG(node->mode) || node->verdict == CKPT_GOOD ||
		    is_manifest(s, node) ||
		    (s->scratch && (!node->settled || ckpt_stage_is_temporary(s, node))))
			continue;
		if (node->why)
			return ckpt_fail(err, EINVAL, "%s", node->why);
		path = ckpt_stage_path(node);
		ckpt_fail(err, EINVAL, "%s: not a file of this tree: the manifest does not list it",
			  path ? path : node->name);
		free(path);
		return -EINVAL;
	}
	return 0;
}

/* The try has come to its end: the files go, whatever the result. Without lock, busy. */
static void end_try(struct ckpt_stage *s, pid_t pid, int ret, const struct ckpt_err *err)
{
	pthread_mutex_lock(&s->lock);
	ckpt_stage_try_over(s, pid);
	pthread_mutex_unlock(&s->lock);
	ckpt_status_set_error(&s->status, ret ? err : NULL);
	ckpt_status_set_state(&s->status, ret ? CKPT_FAILED : CKPT_DONE);
	malloc_trim(0); /* a tree of millions of lines is not kept as free memory of ours */
}

int ckpt_stage_build(struct ckpt_stage *s, struct ckpt_err *err)
{
	return ckpt_restore(&s->source, &s->manifest, s->who, &s->status.progress, err);
}

/* Without lock, busy; takes the lock at times. */
static int restore(struct ckpt_stage *s, pid_t pid, struct ckpt_err *err)
{
	int ret;

	pthread_mutex_lock(&s->lock);
	s->restoring = true;
	pthread_cond_broadcast(&s->idle); /* those who wait get EBUSY */
	pthread_mutex_unlock(&s->lock);
	ckpt_status_set_state(&s->status, CKPT_RESTORING);
	ret = s->build(s, err);
	end_try(s, pid, ret, err);
	return ret;
}

/* What is bad and was left by somebody else is of an earlier copy that came to nothing; who writes
 * now may be about to write it again: it goes, and the tree is not complete. Without lock, busy. */
static unsigned int drop_leftovers(struct ckpt_stage *s, pid_t pid)
{
	unsigned int n = 0;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->nodes.n; i++) {
		struct ckpt_stage_node *node = s->nodes.v[i];

		if (!node || !node->dir || node->writer == pid ||
		    (node->verdict != CKPT_BAD && node->verdict != CKPT_EXTRA))
			continue;
		ckpt_stage_unlink(s, node);
		n++;
	}
	pthread_mutex_unlock(&s->lock);
	if (n)
		ckpt_log("%s%s: %u bad files of an earlier copy were dropped", s->above, s->name,
			 n);
	return n;
}

/* Restores if everything is there; fails for good if that is not what the manifest says.
 * Without lock, busy. */
static int complete(struct ckpt_stage *s, pid_t pid, struct ckpt_err *err)
{
	int ret;

	show_counts(s);
	if (!all_present(s) || drop_leftovers(s, pid))
		return 0;
	ret = check_rest(s, err);
	if (!ret)
		return restore(s, pid, err);
	end_try(s, pid, ret, err);
	return ret;
}

static void show_result(struct ckpt_stage *s, int ret, const struct ckpt_err *err)
{
	if (ckpt_stage_is_over(s))
		return;
	ckpt_status_set_state(&s->status, CKPT_STAGING);
	if (ret)
		ckpt_status_set_error(&s->status, err);
	else if (!s->nverdicts[CKPT_BAD] && !s->nverdicts[CKPT_EXTRA])
		ckpt_status_set_error(&s->status, NULL);
}

int ckpt_stage_arrived(struct ckpt_stage *s, struct ckpt_stage_node *node, pid_t pid,
		       struct ckpt_err *err)
{
	bool manifest = is_manifest(s, node);
	int ret = 0;

	if (node->late)
		return ckpt_stage_arrived_late(s, node, err);
	s->writer = node->writer = pid;
	node->settled = true;
	if (ckpt_stage_is_temporary(s, node) || (!s->has_manifest && !manifest)) {
		show_counts(s);
		return 0;
	}
	if (manifest && !node->blob.size)
		return 0;
	ckpt_stage_begin(s);
	if (manifest) {
		ckpt_status_set_state(&s->status, CKPT_CHECKING);
		ret = manifest_load(s, node, err);
		if (ret)
			end_try(s, pid, ret, err);
		else
			ret = judge_all(s, false, err);
	} else {
		ret = judge(s, node, false, err);
	}
	show_counts(s);
	if (!ret || all_present(s))
		ret = complete(s, pid, err);
	show_result(s, ret, err);
	ckpt_stage_end(s);
	return ret;
}

int ckpt_stage_move(struct ckpt_stage *s, struct ckpt_stage_node *node, struct ckpt_stage_node *dir,
		    const char *name, pid_t pid, struct ckpt_err *err)
{
	struct ckpt_stage_node *olddir = node->dir;
	char *oldname = strdup(node->name);
	uint32_t index = node->index;
	int ret;

	if (!oldname)
		return -ENOMEM;
	ret = ckpt_stage_rename(s, node, dir, name);
	if (!ret && node->settled) {
		ret = ckpt_stage_arrived(s, node, pid, err);
		node = ckpt_stage_node(s, index); /* a restore clears the stage */
		if (ret && node && node->dir && node->why && !ckpt_stage_child(s, olddir, oldname))
			ckpt_stage_rename(s, node, olddir, oldname);
	}
	free(oldname);
	return ret;
}

/* ---- the tool says it is finished ---- */

int ckpt_stage_missing(struct ckpt_stage *s, struct ckpt_err *err)
{
	const char *first = NULL;
	size_t n = 0;

	if (!s->has_manifest)
		return ckpt_fail(err, EINVAL, "incomplete: manifest missing");
	for (size_t i = 0; i < s->manifest.n; i++) {
		const char *path = s->manifest.v[i].path;
		struct ckpt_stage_node *node = ckpt_stage_find(s, path);

		if (!node || node->verdict == CKPT_UNJUDGED) {
			char gz[PATH_MAX];

			snprintf(gz, sizeof(gz), "%s.gz", path);
			node = ckpt_stage_find(s, gz);
		}
		if (node && node->verdict != CKPT_UNJUDGED)
			continue;
		first = first ? first : path;
		if (n++ < NAMED_MISSING)
			ckpt_log("%s%s: %s missing", s->above, s->name, path);
	}
	if (n > 1)
		return ckpt_fail(err, EINVAL, "incomplete: %s and %zu more missing", first, n - 1);
	return ckpt_fail(err, EINVAL, "incomplete: %s missing", first ? first : "something");
}

static bool has_writers(const struct ckpt_stage *s)
{
	for (size_t i = 0; i < s->nodes.n; i++)
		if (s->nodes.v[i] && s->nodes.v[i]->writers &&
		    !(s->scratch && ckpt_stage_is_temporary(s, s->nodes.v[i])))
			return true;
	return false;
}

void ckpt_stage_touched(struct ckpt_stage *s, struct ckpt_stage_node *dir, pid_t pid)
{
	if (pid != s->toucher) {
		s->toucher = pid;
		s->touch++;
		s->ntouched = 0;
	}
	if (!dir->nfiles || dir->turn != s->touch || dir->touched == s->touch)
		return; /* its times are set when it is made, too, and when a copy begins */
	dir->touched = s->touch;
	s->ntouched++;
}

int ckpt_stage_finish(struct ckpt_stage *s, const struct ckpt_stage_node *dir, pid_t pid,
		      struct ckpt_err *err)
{
	bool by_writer = pid == s->writer && dir == ckpt_stage_root(s);
	int ret = 0;

	if (!by_writer && (pid == s->writer || pid != s->toucher || !s->has_manifest ||
			   !s->ndirs_listed || s->ntouched != s->ndirs_listed))
		return 0;
	if (by_writer)
		s->late_until = 0; /* what comes now is a new copy */
	if (!s->nfiles || has_writers(s) || ckpt_stage_is_over(s))
		return 0;
	ckpt_stage_begin(s);
	if (s->has_manifest)
		ret = judge_all(s, true, err);
	if (!ret || all_present(s))
		ret = complete(s, s->writer, err);
	if (!ret && !ckpt_stage_is_over(s))
		ret = ckpt_stage_missing(s, err);
	show_result(s, ret, err);
	ckpt_stage_end(s);
	return ret;
}

/* ---- by reference ---- */

static int read_manifest(struct ckpt_source *src, struct ckpt_manifest *m, struct ckpt_err *err)
{
	uint64_t size;
	ssize_t n;
	char *text;
	int ret = src->ops->size(src, CKPT_MANIFEST_NAME, &size);

	if (ret)
		return ckpt_fail(err, ret == -ENOENT ? EINVAL : -ret, "manifest: %s",
				 ret == -ENOENT ? "there is none: not a ckptfs tree"
						: strerror(-ret));
	if (size > CKPT_MANIFEST_MAX)
		return ckpt_fail(err, EINVAL, "manifest: %" PRIu64 " bytes are too long for one",
				 size);
	text = malloc((size_t)size + 1);
	if (!text)
		return ckpt_fail(err, ENOMEM, "manifest: no memory");
	n = src->ops->read(src, CKPT_MANIFEST_NAME, text, (size_t)size, 0);
	if (n < 0)
		ret = ckpt_fail(err, (int)-n, "manifest: %s", strerror((int)-n));
	else
		ret = ckpt_manifest_parse(text, (size_t)n, m, err);
	free(text);
	return ret;
}

int ckpt_stage_restore_dir(const char *target, const struct ckpt_cred *who,
			   struct ckpt_status *status, struct ckpt_err *err)
{
	struct ckpt_manifest m = {0};
	struct ckpt_source *src;
	int ret = ckpt_source_dir_open(target, who, &src, err);

	if (ret)
		return ret;
	ckpt_status_set_state(status, CKPT_CHECKING);
	ret = read_manifest(src, &m, err);
	if (ret)
		goto close;
	ckpt_status_set_files(status, m.n, m.n, true);
	ret = ckpt_source_check(src, &m, err);
	if (!ret) {
		ckpt_status_set_state(status, CKPT_RESTORING);
		ret = ckpt_restore(src, &m, who, &status->progress, err);
	}
	ckpt_manifest_fini(&m);
close:
	ckpt_source_dir_close(src);
	malloc_trim(0);
	ckpt_status_set_error(status, ret ? err : NULL);
	ckpt_status_set_state(status, ret ? CKPT_FAILED : CKPT_DONE);
	return ret;
}
