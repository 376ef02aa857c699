// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes a process in place without a mount: the library alone.
 *
 *	applier PID dump DIR	freezes it, writes its tree to DIR, thaws it
 *	applier PID check DIR	freezes it, asks whether DIR can be applied, thaws it
 *	applier PID apply DIR	freezes it, applies DIR, thaws it
 *	applier PID diff DIR	freezes it, names the files that differ from DIR, thaws it
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "apply.h"
#include "cred.h"
#include "log.h"
#include "tree.h"

static int die(const char *what, const struct ckpt_err *err)
{
	fprintf(stderr, "%s: %s: %s\n", what, strerror(err->code), err->text);
	return 1;
}

static char *read_entry(struct ckpt_tree *tree, uint32_t i, struct ckpt_err *err)
{
	char *buf = malloc(tree->v[i].size + 1);
	uint64_t at = 0;

	while (buf && at < tree->v[i].size) {
		size_t len = tree->v[i].size - at < 1 << 20 ? tree->v[i].size - at : 1 << 20;
		ssize_t got = ckpt_tree_read(tree, i, buf + at, len, at, err);

		if (got <= 0) {
			free(buf);
			return NULL;
		}
		at += (uint64_t)got;
	}
	return buf;
}

static int dump(struct ckpt_frozen *frozen, const char *dir, struct ckpt_err *err)
{
	for (uint32_t i = 0; i < frozen->tree->n; i++) {
		const struct ckpt_entry *e = &frozen->tree->v[i];
		char path[4096], *text;
		int fd;

		snprintf(path, sizeof(path), "%s/%s", dir, e->path);
		if (e->kind == CKPT_NODE_DIR) {
			if (mkdir(path, 0700) && errno != EEXIST)
				return ckpt_fail_sys(err, "%s", path);
			continue;
		}
		text = read_entry(frozen->tree, i, err);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (!text || fd < 0 || write(fd, text, e->size) != (ssize_t)e->size)
			return ckpt_fail_sys(err, "%s", path);
		close(fd);
		free(text);
	}
	return 0;
}

/* Files whose contents are not those of DIR, but the times and names of the checkpoint itself. */
static int diff(struct ckpt_frozen *frozen, const char *dir, struct ckpt_err *err)
{
	for (uint32_t i = 0; i < frozen->tree->n; i++) {
		const struct ckpt_entry *e = &frozen->tree->v[i];
		char path[4096], *text, *theirs;
		struct stat st;
		int fd;

		if (e->kind == CKPT_NODE_DIR || e->kind == CKPT_NODE_MANIFEST ||
		    e->kind == CKPT_NODE_SUMS)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->path);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			printf("new %s\n", e->path);
			continue;
		}
		fstat(fd, &st);
		text = read_entry(frozen->tree, i, err);
		theirs = malloc((size_t)st.st_size + 1);
		if (!text || !theirs || read(fd, theirs, (size_t)st.st_size) != st.st_size)
			return ckpt_fail_sys(err, "%s", path);
		if ((uint64_t)st.st_size != e->size || memcmp(text, theirs, e->size) != 0)
			printf("other %s\n", e->path);
		close(fd);
		free(text);
		free(theirs);
	}
	return 0;
}

static int apply(struct ckpt_frozen *frozen, const struct ckpt_cred *me, const char *dir,
		 enum ckpt_apply_mode mode, struct ckpt_err *err)
{
	struct ckpt_want want = {NULL, NULL};
	char *full = realpath(dir, NULL);
	int ret = full ? ckpt_source_dir_open(full, me, &want.src, err)
		       : ckpt_fail_sys(err, "%s", dir);

	if (!ret)
		ret = ckpt_apply(frozen, &want, mode, err);
	ckpt_source_dir_close(want.src);
	free(full);
	return ret;
}

int main(int argc, char **argv)
{
	struct ckpt_freeze_opts opts = {.timeout_ms = 10000};
	struct ckpt_frozen *frozen;
	struct ckpt_err err = {0};
	struct ckpt_cred *me;
	int ret;

	if (argc != 4) {
		fprintf(stderr, "applier PID dump|check|apply|diff DIR\n");
		return 2;
	}
	if (ckpt_cred_take(getpid(), &me, &err))
		return die("credentials", &err);
	me->pid = 0; /* or its ancestors, the test, would be safe from it */
	if (ckpt_frozen_new((pid_t)strtol(argv[1], NULL, 10), me, &opts, &frozen, &err))
		return die("freeze", &err);
	switch (argv[2][0]) {
	case 'd':
		ret = argv[2][1] == 'u' ? dump(frozen, argv[3], &err) : diff(frozen, argv[3], &err);
		break;
	case 'c':
		ret = apply(frozen, me, argv[3], CKPT_APPLY_CHECK, &err);
		break;
	default:
		ret = apply(frozen, me, argv[3], CKPT_APPLY_COMMIT, &err);
	}
	ckpt_frozen_free(frozen);
	ckpt_cred_free(me);
	return ret ? die(argv[2], &err) : 0;
}
