// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns reading /proc/self/mountinfo for mounts of ckptfs.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mounts.h"
#include "proc.h"

#define MAX_LINKS 40 /* as the kernel, MAXSYMLINKS */

struct mount {
	dev_t dev;
	char point[PATH_MAX];
};

/* "\040" and the like, as seq_path() writes blanks in names. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		unsigned int code;

		if (p[0] == '\\' && sscanf(p + 1, "%3o", &code) == 1) {
			*to++ = (char)code;
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

/* Calls fn for every ckptfs mount until it says true. */
static bool any_mount(bool (*fn)(const struct mount *m, const void *arg), const void *arg)
{
	FILE *f = ckpt_proc_fopen("/proc/self/mountinfo");
	char *line = NULL;
	bool found = false;
	size_t cap = 0;

	while (f && !found && ckpt_proc_getline(&line, &cap, f) > 0) {
		unsigned int major_nr, minor_nr;
		struct mount m;

		if (!strstr(line, " - fuse.ckptfs ") ||
		    sscanf(line, "%*s %*s %u:%u %*s %4095s", &major_nr, &minor_nr, m.point) != 3)
			continue;
		m.dev = makedev(major_nr, minor_nr);
		unescape(m.point);
		found = fn(&m, arg);
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

static bool has_dev(const struct mount *m, const void *arg)
{
	return m->dev == *(const dev_t *)arg;
}

bool ckpt_is_ckptfs(dev_t dev)
{
	/* without a device below it: an anonymous number (fs/super.c, get_anon_bdev) */
	return major(dev) == 0 && any_mount(has_dev, &dev);
}

static bool is_point(const struct mount *m, const void *arg)
{
	return !strcmp(m->point, arg);
}

/* Moves the first component of rest to the end of done. */
static bool step(char done[PATH_MAX], char rest[PATH_MAX])
{
	char *name = rest + strspn(rest, "/");
	size_t len = strcspn(name, "/"), at = strlen(done);

	if (len == 2 && !strncmp(name, "..", 2)) {
		char *slash = strrchr(done, '/');

		if (slash)
			*slash = '\0';
	} else if (len && !(len == 1 && name[0] == '.')) {
		if (at + 1 + len >= PATH_MAX)
			return false;
		done[at] = '/';
		memcpy(done + at + 1, name, len);
		done[at + 1 + len] = '\0';
	}
	memmove(rest, name + len, strlen(name + len) + 1);
	return true;
}

/* done is a symbolic link to target: what is left to walk starts there. */
static bool follow(char done[PATH_MAX], char rest[PATH_MAX], const char *target)
{
	char joined[2 * PATH_MAX];

	if (target[0] == '/')
		done[0] = '\0';
	else
		*strrchr(done, '/') = '\0';
	snprintf(joined, sizeof(joined), "%s/%s", target, rest);
	if (strlen(joined) >= PATH_MAX)
		return false;
	memcpy(rest, joined, strlen(joined) + 1);
	return true;
}

bool ckpt_path_enters_ckptfs(const char *path)
{
	char done[PATH_MAX] = "", rest[PATH_MAX], target[PATH_MAX];
	unsigned int links = 0;

	if (strlen(path) >= sizeof(rest))
		return true;
	memcpy(rest, path, strlen(path) + 1);
	while (rest[strspn(rest, "/")]) {
		ssize_t len;

		if (!step(done, rest) || any_mount(is_point, done))
			return true;
		if (!done[0])
			continue;
		len = readlink(done, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		if (++links > MAX_LINKS || !follow(done, rest, target))
			return true;
	}
	return false;
}
