// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Credentials of callers, taken from /proc while the caller is blocked. Acting with them is
 * identity.c's business.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "buf.h"
#include "cred.h"
#include "proc.h"

#define NLIMITS (sizeof(((struct ckpt_cred *)0)->limit) / sizeof(struct ckpt_rlimit_pair))

/* What status says; the seccomp fields are only compared with ours. */
struct status {
	struct ckpt_cred cred;
	uint64_t no_new_privs, seccomp, seccomp_filters;
};

/* ---- reading ---- */

/* All of a file of a /proc/TID directory; the descriptor names the thread even if its TID is
 * given away meanwhile (reads then fail with ESRCH). */
static int read_at(int dir, const char *name, struct ckpt_buf *buf)
{
	char piece[4096];
	ssize_t got;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	while ((got = read(fd, piece, sizeof(piece))) > 0)
		ckpt_buf_put(buf, piece, got);
	if (got < 0)
		ret = -errno;
	else if (buf->failed)
		ret = -ENOMEM;
	close(fd);
	return ret;
}

static bool parse_uids(const char *text, struct status *st)
{
	struct ckpt_cred *c = &st->cred;

	return sscanf(text, "%u %u %u %u", &c->ruid, &c->euid, &c->suid, &c->fsuid) == 4;
}

static bool parse_gids(const char *text, struct status *st)
{
	struct ckpt_cred *c = &st->cred;

	return sscanf(text, "%u %u %u %u", &c->rgid, &c->egid, &c->sgid, &c->fsgid) == 4;
}

static bool parse_groups(const char *text, struct status *st)
{
	struct ckpt_vec vec = {0};
	char *end;

	for (;; text = end) {
		unsigned long gid = strtoul(text, &end, 10);
		gid_t *slot;

		if (end == text)
			break;
		slot = ckpt_vec_add(&vec, sizeof(*slot));
		if (!slot) {
			free(vec.v);
			return false;
		}
		*slot = gid;
	}
	st->cred.groups = vec.v;
	st->cred.ngroups = vec.n;
	return true;
}

#define NUMBER(key, field, base)                                                                   \
	{                                                                                          \
		key, NULL, offsetof(struct status, field), base, true                              \
	}

static const struct status_row {
	const char *key;
	bool (*parse)(const char *text, struct status *st);
	size_t off; /* of a uint64_t, where parse is NULL */
	int base;
	bool needed;
} status_rows[] = {
	{"Uid:", parse_uids, 0, 0, true},
	{"Gid:", parse_gids, 0, 0, true},
	{"Groups:", parse_groups, 0, 0, true},
	NUMBER("CapInh:", cred.cap_inh, 16),
	NUMBER("CapPrm:", cred.cap_prm, 16),
	NUMBER("CapEff:", cred.cap_eff, 16),
	NUMBER("CapBnd:", cred.cap_bnd, 16),
	NUMBER("CapAmb:", cred.cap_amb, 16),
	NUMBER("NoNewPrivs:", no_new_privs, 10),
	{"Seccomp:", NULL, offsetof(struct status, seccomp), 10, false},
	{"Seccomp_filters:", NULL, offsetof(struct status, seccomp_filters), 10, false},
};

static const char *find_line(const char *text, const char *key)
{
	size_t n = strlen(key);

	while (text && strncmp(text, key, n)) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text ? text + n : NULL;
}

static int parse_status(const char *text, struct status *st, struct ckpt_err *err)
{
	for (size_t i = 0; i < sizeof(status_rows) / sizeof(*status_rows); i++) {
		const struct status_row *row = &status_rows[i];
		const char *value = find_line(text, row->key);
		char *line, *end;
		bool good;

		if (!value && !row->needed)
			continue;
		line = value ? strndup(value, strcspn(value, "\n")) : NULL;
		good = line;
		if (good && row->parse) {
			good = row->parse(line, st);
		} else if (good) {
			*(uint64_t *)((char *)st + row->off) = strtoull(line, &end, row->base);
			good = end != line;
		}
		free(line);
		if (!good)
			return ckpt_fail(err, EIO, "/proc/%d/status: can't read '%s'", st->cred.pid,
					 row->key);
	}
	st->cred.no_new_privs = st->no_new_privs;
	return 0;
}

static bool parse_limit(const char *text, uint64_t *out, int *used)
{
	if (sscanf(text, "%" SCNu64 "%n", out, used) == 1)
		return true;
	*out = RLIM_INFINITY;
	*used = 0;
	sscanf(text, " unlimited%n", used);
	return *used > 0;
}

/* limits has a heading, then one line per RLIMIT_* in their order (fs/proc/base.c, lnames), with
 * the name in the first 26 columns. prlimit(2) says the same, but not to everybody. */
static int parse_limits(const char *text, struct ckpt_cred *cred, struct ckpt_err *err)
{
	for (size_t i = 0; i < NLIMITS; i++) {
		int used, rest;

		text = text ? strchr(text, '\n') : NULL;
		if (!text || strnlen(++text, 27) < 27 ||
		    !parse_limit(text + 26, &cred->limit[i].soft, &used) ||
		    !parse_limit(text + 26 + used, &cred->limit[i].hard, &rest))
			return ckpt_fail(err, EIO, "/proc/%d/limits: can't read line %zu",
					 cred->pid, i + 2);
	}
	return 0;
}

/* The first namespace that is not ours. user comes first: capabilities depend on it. root is not
 * a namespace, but confines what a path means just as mnt does. */
static int compare_namespaces(int dir, struct ckpt_cred *cred, bool user_only, struct ckpt_err *err)
{
	static const char *const names[] = {"user", "mnt",  "pid",    "net", "ipc",
					    "uts",  "time", "cgroup", "root"};

	for (size_t i = 0; i < (user_only ? 1 : sizeof(names) / sizeof(*names)); i++) {
		bool root = !strcmp(names[i], "root");
		char his[16], ours[64];
		struct stat a, b;

		snprintf(his, sizeof(his), "%s%s", root ? "" : "ns/", names[i]);
		snprintf(ours, sizeof(ours), "/proc/thread-self/%s", his);
		if (stat(ours, &b) < 0) {
			if (errno == ENOENT)
				continue; /* this kernel has no such namespaces */
			return ckpt_fail_sys(err, "can't read %s", ours);
		}
		if (fstatat(dir, his, &a, 0) < 0)
			return ckpt_fail(err, errno == EACCES ? EPERM : errno,
					 "can't read /proc/%d/%s: %s", cred->pid, his,
					 strerror(errno));
		if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			continue;
		cred->foreign_ns = true;
		snprintf(cred->foreign_ns_name, sizeof(cred->foreign_ns_name), "%s", names[i]);
		/* Capabilities count in their user namespace only: here he has none. */
		if (!strcmp(names[i], "user"))
			cred->cap_inh = cred->cap_prm = cred->cap_eff = cred->cap_amb = 0;
		return 0;
	}
	return 0;
}

static int own_status(struct status *st, struct ckpt_err *err)
{
	struct ckpt_buf buf = {0};
	int ret = read_at(AT_FDCWD, "/proc/thread-self/status", &buf);

	st->cred.pid = gettid();
	if (ret < 0)
		ret = ckpt_fail(err, -ret, "can't read our own status: %s", strerror(-ret));
	else
		ret = parse_status(buf.data, st, err);
	ckpt_buf_fini(&buf);
	return ret;
}

/* Whether he has a seccomp filter that we have not. Filters are inherited and never removed, so
 * the same number is taken for the same filters. */
static int compare_seccomp(struct status *st, struct ckpt_err *err)
{
	struct status own = {0};
	int ret;

	if (!st->seccomp)
		return 0;
	ret = own_status(&own, err);
	st->cred.seccomp = st->seccomp != own.seccomp || !st->seccomp_filters ||
			   st->seccomp_filters != own.seccomp_filters;
	free(own.cred.groups);
	return ret;
}

static void take_label(int dir, struct ckpt_cred *cred)
{
	struct ckpt_buf buf = {0};

	/* EINVAL: no LSM that labels tasks. */
	if (read_at(dir, "attr/current", &buf) == 0 && buf.data) {
		buf.data[strcspn(buf.data, "\n")] = '\0';
		if (buf.data[0]) {
			cred->label = buf.data;
			return;
		}
	}
	ckpt_buf_fini(&buf);
}

uint32_t ckpt_cred_loginuid(pid_t pid)
{
	char text[32];

	ckpt_proc_line(pid, "loginuid", text, sizeof(text));
	return strspn(text, "0123456789") ? (uint32_t)strtoul(text, NULL, 10) : CKPT_NO_LOGINUID;
}

/* What a process he starts would inherit besides. */
static void take_priority(int dir, struct ckpt_cred *cred)
{
	struct ckpt_buf buf = {0};

	errno = 0;
	cred->nice = getpriority(PRIO_PROCESS, (id_t)cred->pid);
	if (errno)
		cred->nice = 0;
	if (read_at(dir, "oom_score_adj", &buf) == 0 && buf.data)
		cred->oom_score_adj = (int)strtol(buf.data, NULL, 10);
	ckpt_buf_fini(&buf);
	cred->loginuid = ckpt_cred_loginuid(cred->pid);
}

static int take_from(int dir, struct status *st, struct ckpt_err *err)
{
	struct ckpt_cred *cred = &st->cred;
	struct ckpt_buf status = {0}, limits = {0}, cgroup = {0};
	int ret;

	ret = read_at(dir, "status", &status);
	if (ret == 0)
		ret = read_at(dir, "limits", &limits);
	if (ret == 0 && (read_at(dir, "cgroup", &cgroup) < 0 || !cgroup.data))
		ckpt_buf_puts(&cgroup, ""); /* a kernel without cgroups */
	if (ret < 0 || !status.data || !limits.data || !cgroup.data)
		ret = ckpt_fail(err, ret ? -ret : ENOMEM,
				"can't read the credentials of process %d: %s", cred->pid,
				strerror(ret ? -ret : ENOMEM));
	if (ret == 0)
		ret = parse_status(status.data, st, err);
	if (ret == 0)
		ret = parse_limits(limits.data, cred, err);
	if (ret == 0)
		ret = compare_namespaces(dir, cred, false, err);
	if (ret == 0)
		ret = compare_seccomp(st, err);
	if (ret == 0) {
		take_label(dir, cred);
		take_priority(dir, cred);
		cred->cgroup = cgroup.data;
		cgroup.data = NULL;
	}
	ckpt_buf_fini(&status);
	ckpt_buf_fini(&limits);
	ckpt_buf_fini(&cgroup);
	return ret;
}

/* The part that the ptrace rule looks at: asked at every open, so it must be quick. */
static int take_access(int dir, struct status *st, struct ckpt_err *err)
{
	struct ckpt_buf status = {0};
	int ret = read_at(dir, "status", &status);

	if (ret < 0 || !status.data)
		ret = ckpt_fail(err, ret ? -ret : ENOMEM, "can't read the status of process %d: %s",
				st->cred.pid, strerror(ret ? -ret : ENOMEM));
	else
		ret = parse_status(status.data, st, err);
	if (ret == 0)
		ret = compare_namespaces(dir, &st->cred, true, err);
	ckpt_buf_fini(&status);
	return ret;
}

static int take(pid_t tid, int (*part)(int dir, struct status *st, struct ckpt_err *err),
		struct ckpt_cred **out, struct ckpt_err *err)
{
	struct status st = {.cred.pid = tid};
	char path[64];
	int dir, ret;

	if (tid <= 0)
		return ckpt_fail(err, EPERM, "the caller is outside our PID namespace");
	snprintf(path, sizeof(path), "/proc/%d", tid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return ckpt_fail(err, errno == ENOENT ? ESRCH : errno, "no process %d", tid);
	ret = part(dir, &st, err);
	close(dir);
	/* No file of /proc shows securebits; those of others stay 0, the default. */
	if (ret == 0 && tid == gettid())
		st.cred.securebits = prctl(PR_GET_SECUREBITS);
	if (ret == 0) {
		*out = malloc(sizeof(**out));
		if (*out) {
			**out = st.cred;
			return 0;
		}
		ret = ckpt_fail(err, ENOMEM, "out of memory");
	}
	free(st.cred.groups);
	free(st.cred.cgroup);
	free(st.cred.label);
	return ret;
}

int ckpt_cred_take(pid_t tid, struct ckpt_cred **out, struct ckpt_err *err)
{
	return take(tid, take_from, out, err);
}

int ckpt_cred_take_access(pid_t tid, struct ckpt_cred **out, struct ckpt_err *err)
{
	return take(tid, take_access, out, err);
}

struct ckpt_cred *ckpt_cred_self(void)
{
	struct ckpt_cred *cred = NULL;

	return ckpt_cred_take(gettid(), &cred, NULL) < 0 ? NULL : cred;
}

void ckpt_cred_free(struct ckpt_cred *cred)
{
	if (!cred)
		return;
	free(cred->groups);
	free(cred->cgroup);
	free(cred->label);
	free(cred);
}

bool ckpt_cred_has_cap(const struct ckpt_cred *cred, int cap)
{
	return cap >= 0 && cap < 64 && cred->cap_eff >> cap & 1;
}
