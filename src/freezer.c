// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns finding frozen control groups and who is in them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cgroup.h"
#include "freezer.h"
#include "proc.h"

#define DEPTH_MAX 64 /* of nested groups; each holds a descriptor open while it is walked */

struct walk {
	void (*fn)(pid_t pid, void *arg);
	void *arg;
	const char *file, *frozen; /* the switch, and how it begins when it is on */
};

static bool is_on(int dir, const char *file, const struct walk *w)
{
	char text[16] = "";
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return len > 0 && !strncmp(text, w->frozen, strlen(w->frozen));
}

static void each_process(int dir, const struct walk *w)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC), pid;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid > 0) /* 0: in another PID namespace */
			w->fn(pid, w->arg);
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
}

static void walk_below(int dir, const struct walk *w, bool frozen, unsigned int depth);

/* frozen: the group above is, and so are all below it. Most groups hold no other ones, which the
 * number of links tells (fs/kernfs/inode.c): they need not be opened. */
static void walk_group(int above, const char *name, const struct walk *w, bool frozen,
		       unsigned int depth)
{
	char file[4200];
	struct stat st;
	int dir;

	snprintf(file, sizeof(file), "%s/%s", name, w->file);
	frozen = frozen || is_on(above, file, w);
	if (!frozen && !fstatat(above, name, &st, 0) && st.st_nlink == 2)
		return;
	dir = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	if (frozen)
		each_process(dir, w);
	walk_below(dir, w, frozen, depth);
}

/* Takes dir. */
static void walk_below(int dir, const struct walk *w, bool frozen, unsigned int depth)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;

	if (!d) {
		close(dir);
		return;
	}
	while (depth < DEPTH_MAX && (e = readdir(d)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			walk_group(dir, e->d_name, w, frozen, depth + 1);
	closedir(d);
}

void ckpt_freezer_each(void (*fn)(pid_t pid, void *arg), void *arg)
{
	static const struct {
		const char *controllers, *file, *frozen;
	} kinds[] = {
		{"freezer", "freezer.state", "FR"}, /* FREEZING, FROZEN */
		{"", "cgroup.freeze", "1"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct walk w = {fn, arg, kinds[i].file, kinds[i].frozen};
		char top[4096];

		if (ckpt_cgroup_file(kinds[i].controllers, "/", "", top, sizeof(top)))
			walk_group(AT_FDCWD, top, &w, false, 0);
	}
}

bool ckpt_freezer_holds(pid_t pid, char *name, size_t size)
{
	char state = ckpt_proc_state(pid);

	return state && state != 'Z' && state != 'X' && ckpt_cgroup_frozen(pid, name, size) &&
	       ckpt_proc_status(pid, "Tgid", 10) == pid;
}
