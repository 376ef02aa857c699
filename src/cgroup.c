// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns moving a process between control groups, v1 and v2, and in which it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cgroup.h"
#include "log.h"
#include "proc.h"

/* One line "ID:CONTROLLERS:PATH"; v2 is "0::PATH". */
struct membership {
	char id[16], controllers[128], path[3800];
};

static bool parse_line(const char *line, struct membership *m)
{
	m->controllers[0] = '\0';
	if (sscanf(line, "%15[0-9]:%127[^:]:%3799[^\n]", m->id, m->controllers, m->path) == 3)
		return true;
	return sscanf(line, "%15[0-9]::%3799[^\n]", m->id, m->path) == 2;
}

/* Whether a mount's super options name all controllers of the hierarchy ("rw,cpu,cpuacct"). */
static bool has_all(const char *options, const char *controllers)
{
	char copy[128], *save, *word;

	snprintf(copy, sizeof(copy), "%s", controllers);
	for (word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		const char *at = options;
		size_t len = strlen(word);
		bool found = false;

		while (!found && (at = strstr(at, word))) {
			found = (at == options || at[-1] == ',') && (!at[len] || at[len] == ',');
			at += len;
		}
		if (!found)
			return false;
	}
	return true;
}

/* Where the hierarchy is mounted (proc_pid_mountinfo(5)): into mount; false: nowhere. */
static bool find_mount(const struct membership *m, char *mount, size_t size)
{
	const char *want = m->controllers[0] ? "cgroup" : "cgroup2";
	char *line = NULL;
	bool found = false;
	size_t cap = 0;
	FILE *f = ckpt_proc_fopen("/proc/self/mountinfo");

	while (f && !found && ckpt_proc_getline(&line, &cap, f) > 0) {
		char root[1024], point[1024], type[32], options[512];
		char *dash = strstr(line, " - ");

		if (!dash || sscanf(line, "%*s %*s %*s %1023s %1023s", root, point) != 2 ||
		    sscanf(dash, " - %31s %*s %511s", type, options) != 2)
			continue;
		if (strcmp(type, want) || strcmp(root, "/") || !has_all(options, m->controllers))
			continue;
		snprintf(mount, size, "%s", point);
		found = true;
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

static int join_one(pid_t pid, const struct membership *m, struct ckpt_err *err)
{
	char mount[1024], path[sizeof(mount) + sizeof(m->path) + 32], text[16];
	int fd, len, ret = 0;

	if (!find_mount(m, mount, sizeof(mount)))
		return ckpt_fail(err, EPERM, "control group %s can't be joined: it is not mounted",
				 m->path);
	snprintf(path, sizeof(path), "%s%s/cgroup.procs", mount, m->path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return ckpt_fail(err, EPERM, "control group can't be joined: %s: %s", path,
				 strerror(errno));
	len = snprintf(text, sizeof(text), "%d", pid);
	if (write(fd, text, (size_t)len) != len)
		ret = ckpt_fail(err, EPERM, "control group can't be joined: %s: %s", path,
				strerror(errno));
	close(fd);
	return ret;
}

/* Whether pid is in that group already: the same line stands in its own file. */
static bool is_member(pid_t pid, const char *line)
{
	char path[40], *own = NULL;
	bool found = false;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	f = ckpt_proc_fopen(path);
	while (f && !found && ckpt_proc_getline(&own, &cap, f) > 0) {
		own[strcspn(own, "\n")] = '\0';
		found = !strcmp(own, line);
	}
	free(own);
	if (f)
		fclose(f);
	return found;
}

int ckpt_cgroup_join(pid_t pid, const char *wanted, struct ckpt_err *err)
{
	char *lines = wanted ? strdup(wanted) : NULL, *save, *line;
	int ret = 0;

	if (!lines)
		return wanted ? ckpt_fail(err, ENOMEM, "no memory for control groups") : 0;
	for (line = strtok_r(lines, "\n", &save); line && !ret;
	     line = strtok_r(NULL, "\n", &save)) {
		struct membership m;

		if (!is_member(pid, line) && parse_line(line, &m))
			ret = join_one(pid, &m, err);
	}
	free(lines);
	return ret;
}

bool ckpt_cgroup_file(const char *controllers, const char *path, const char *name, char *out,
		      size_t size)
{
	struct membership m = {0};
	char mount[1024];
	int len;

	snprintf(m.controllers, sizeof(m.controllers), "%s", controllers);
	if (!find_mount(&m, mount, sizeof(mount)))
		return false;
	len = snprintf(out, size, "%s%s/%s", mount, path, name);
	return len > 0 && (size_t)len < size;
}

static bool begins_with(const char *path, const char *word)
{
	char text[16] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return len > 0 && !strncmp(text, word, strlen(word));
}

/* v1: freezer.state is THAWED, FREEZING or FROZEN, with regard to the groups above. v2: its switch
 * or one above is on; whether all processes have come to rest ("frozen 1" in cgroup.events) is
 * another matter. */
bool ckpt_cgroup_is_frozen(const char *controllers, const char *path)
{
	bool v2 = !controllers[0], frozen = false;
	char dir[8192], file[sizeof(dir) + 32];
	size_t top;

	if ((!v2 && !has_all(controllers, "freezer")) ||
	    !ckpt_cgroup_file(controllers, path, "", dir, sizeof(dir)))
		return false;
	top = strlen(dir) - strlen(path) - 1;
	while (!frozen && strlen(dir) > top) {
		char *slash = strrchr(dir, '/');

		*slash = '\0';
		snprintf(file, sizeof(file), "%s/%s", dir, v2 ? "cgroup.freeze" : "freezer.state");
		frozen = begins_with(file, v2 ? "1" : "FR");
		if (!v2)
			break;
	}
	return frozen;
}

bool ckpt_cgroup_frozen(pid_t pid, char *name, size_t size)
{
	char path[40], *line = NULL;
	bool frozen = false;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	f = ckpt_proc_fopen(path);
	while (f && !frozen && ckpt_proc_getline(&line, &cap, f) > 0) {
		struct membership m;

		frozen = parse_line(line, &m) && ckpt_cgroup_is_frozen(m.controllers, m.path);
		if (frozen)
			snprintf(name, size, "%s", m.path);
	}
	free(line);
	if (f)
		fclose(f);
	return frozen;
}

/* ---- those of the tree ---- */

int ckpt_cgroup_read(pid_t pid, struct ckpt_header *header)
{
	char path[40], *line = NULL;
	size_t cap = 0;
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	f = ckpt_proc_fopen(path);
	while (f && !ret && ckpt_proc_getline(&line, &cap, f) > 0) {
		struct ckpt_cgroup *group;
		struct membership m;

		line[strcspn(line, "\n")] = '\0';
		if (!parse_line(line, &m))
			continue;
		group = CKPT_VEC_ADD(&header->cgroups);
		if (group && m.controllers[0])
			group->controllers = strdup(m.controllers);
		if (group)
			group->path = strdup(m.path);
		if (!group || !group->path || (m.controllers[0] && !group->controllers))
			ret = -ENOMEM;
	}
	free(line);
	if (f)
		fclose(f);
	return ret;
}

void ckpt_cgroup_fini(struct ckpt_header *header)
{
	for (size_t i = 0; i < header->cgroups.n; i++) {
		free(header->cgroups.v[i].controllers);
		free(header->cgroups.v[i].path);
	}
	CKPT_VEC_FINI(&header->cgroups);
}

bool ckpt_cgroup_path(pid_t pid, const char *controllers, char *path, size_t size)
{
	struct ckpt_header now = {0};
	bool found = false;

	if (!ckpt_cgroup_read(pid, &now))
		for (size_t i = 0; i < now.cgroups.n && !found; i++) {
			const struct ckpt_cgroup *g = &now.cgroups.v[i];

			found = !strcmp(g->controllers ? g->controllers : "", controllers);
			if (found)
				snprintf(path, size, "%s", g->path);
		}
	ckpt_cgroup_fini(&now);
	return found;
}

void ckpt_cgroup_return(pid_t pid, const struct ckpt_header *header, const struct ckpt_cred *who,
			bool frozen)
{
	for (size_t i = 0; i < header->cgroups.n; i++) {
		const struct ckpt_cgroup *group = &header->cgroups.v[i];
		struct membership m = {0};
		char now[sizeof(m.path)];
		struct ckpt_err err = {0};
		int ret;

		snprintf(m.controllers, sizeof(m.controllers), "%s",
			 group->controllers ? group->controllers : "");
		snprintf(m.path, sizeof(m.path), "%s", group->path);
		if (ckpt_cgroup_is_frozen(m.controllers, m.path) != frozen ||
		    !ckpt_cgroup_path(pid, m.controllers, now, sizeof(now)) || !strcmp(now, m.path))
			continue;
		ret = ckpt_cred_assume(who, &err);
		if (!ret) {
			ret = join_one(pid, &m, &err);
			ckpt_cred_revert();
		}
		if (ret)
			ckpt_log("restore %d: it stays in control group %s (%s): %s", pid, now,
				 m.controllers[0] ? m.controllers : "version 2", err.text);
	}
}
