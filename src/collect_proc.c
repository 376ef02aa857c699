// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What /proc and system calls on another process tell of a frozen task.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "clocks.h"
#include "collect.h"
#include "cred.h"
#include "i386.h"
#include "machine.h"
#include "manifest.h"
#include "proc.h"
#include "x86_regs.h"

static int collect_machine(struct ckpt_header *h)
{
	struct utsname u;
	uint8_t id[16];

	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id) || uname(&u))
		return -errno;
	for (size_t i = 0; i < sizeof(id); i++)
		snprintf(h->tree + 2 * i, 3, "%02x", id[i]);
	h->version = CKPT_FORMAT_VERSION;
	snprintf(h->arch, sizeof(h->arch), "%s", CKPT_ARCH_X86_64);
	h->page_size = CKPT_PAGE_SIZE;
	ckpt_cpuid_digest(h->cpuid);
	h->xsave_mask = ckpt_xsave_mask();
	if (ckpt_cpu_features(h))
		return -ENOMEM;
	ckpt_vdso_digest(h->vdso);
	if (asprintf(&h->kernel, "%s %s", u.release, u.version) < 0)
		return -ENOMEM;
	h->fs_tag = h->files_tag = h->sighand_tag = h->sysvsem_tag = 1;
	return 0;
}

/* The device name of a tty number as /proc/PID/stat has it (proc(5), tty_nr). */
static char *tty_path(int64_t nr)
{
	unsigned int major_nr = (nr >> 8) & 0xfff, minor_nr = (nr & 0xff) | ((nr >> 12) & 0xfff00);
	char path[64], *line = NULL, *out = NULL;
	size_t cap = 0;
	FILE *f;

	if (nr <= 0)
		return NULL;
	if (major_nr >= 136 && major_nr <= 143) {
		if (asprintf(&out, "/dev/pts/%u", (major_nr - 136) * 256 + minor_nr) < 0)
			out = NULL;
		return out;
	}
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/uevent", major_nr, minor_nr);
	f = ckpt_proc_fopen(path);
	while (f && !out && ckpt_proc_getline(&line, &cap, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "DEVNAME=", 8) && asprintf(&out, "/dev/%s", line + 8) < 0)
			out = NULL;
	}
	free(line);
	if (f)
		fclose(f);
	return out;
}

static int collect_links(struct ckpt_collect *c)
{
	struct ckpt_header *h = &c->task->header;
	const struct {
		const char *name;
		char **to;
	} links[] = {{"exe", &h->exe}, {"cwd", &h->cwd}, {"root", &h->root}};
	char path[64];
	struct stat st;

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		const char *lost;

		*links[i].to = ckpt_proc_link(c->cap->pid, links[i].name);
		if (!*links[i].to)
			return -errno;
		snprintf(path, sizeof(path), "/proc/%d/%s", c->cap->pid, links[i].name);
		if (stat(path, &st))
			return -errno;
		if (i == 0) {
			h->exe_size = st.st_size;
			h->exe_mtime = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec;
		}
		lost = ckpt_path_lost(*links[i].to, &st);
		if (lost && i == 0 && S_ISREG(st.st_mode) && strstr(h->exe, " (deleted)"))
			c->exe_unlinked = true;
		else if (lost)
			ckpt_obstacle_add(&c->obstacles, "%s: %s: %s", links[i].name, *links[i].to,
					  lost);
	}
	return 0;
}

static int collect_ids(struct ckpt_collect *c)
{
	struct ckpt_header *h = &c->task->header;
	pid_t pid = c->cap->pid;
	char text[80];

	h->pid = pid;
	h->ppid = (int32_t)ckpt_proc_stat(pid, 4);
	h->pgid = (int32_t)ckpt_proc_stat(pid, 5);
	h->sid = (int32_t)ckpt_proc_stat(pid, 6);
	h->tty = tty_path(ckpt_proc_stat(pid, 7));
	ckpt_proc_comm(pid, h->comm, sizeof(h->comm));
	h->umask = (uint32_t)ckpt_proc_status(pid, "Umask", 8);
	ckpt_proc_line(pid, "personality", text, sizeof(text));
	h->personality = (uint32_t)strtoul(text, NULL, 16);
	h->stop_signal = c->cap->tracees.v[0].job_signal;
	h->state = h->stop_signal ? CKPT_STOPPED : CKPT_RUNNING;
	return collect_links(c);
}

static int collect_creds(struct ckpt_collect *c)
{
	struct ckpt_creds *k = &c->task->creds;
	pid_t pid = c->cap->pid;
	char text[64], *groups, *save, *word;
	size_t room = 1 << 20;
	int ret = 0;

	ckpt_proc_status_text(pid, "Uid", text, sizeof(text));
	if (sscanf(text, "%u %u %u %u", &k->uid, &k->euid, &k->suid, &k->fsuid) != 4)
		return -ESRCH;
	ckpt_proc_status_text(pid, "Gid", text, sizeof(text));
	if (sscanf(text, "%u %u %u %u", &k->gid, &k->egid, &k->sgid, &k->fsgid) != 4)
		return -ESRCH;
	k->cap_inh = (uint64_t)ckpt_proc_status(pid, "CapInh", 16);
	k->cap_prm = (uint64_t)ckpt_proc_status(pid, "CapPrm", 16);
	k->cap_eff = (uint64_t)ckpt_proc_status(pid, "CapEff", 16);
	k->cap_bnd = (uint64_t)ckpt_proc_status(pid, "CapBnd", 16);
	k->cap_amb = (uint64_t)ckpt_proc_status(pid, "CapAmb", 16);
	k->no_new_privs = (uint32_t)ckpt_proc_status(pid, "NoNewPrivs", 10);
	k->loginuid = ckpt_cred_loginuid(pid);
	groups = malloc(room);
	if (!groups)
		return -ENOMEM;
	ckpt_proc_status_text(pid, "Groups", groups, room);
	for (word = strtok_r(groups, " ", &save); word && !ret; word = strtok_r(NULL, " ", &save)) {
		struct ckpt_group *g = CKPT_VEC_ADD(&k->groups);

		if (g)
			g->gid = (uint32_t)strtoul(word, NULL, 10);
		else
			ret = -ENOMEM;
	}
	free(groups);
	return ret;
}

/* /proc/PID/limits has a line per limit, in the order of the numbers (fs/proc/base.c, lnames);
 * prlimit(2) on another user's task would need CAP_SYS_RESOURCE. */
static int collect_limits(struct ckpt_collect *c)
{
	char path[40], line[256];
	uint32_t nr = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/limits", c->cap->pid);
	f = ckpt_proc_fopen(path);
	if (!f)
		return -errno;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	while (nr < RLIM_NLIMITS && fgets(line, sizeof(line), f)) {
		struct ckpt_limit *limit = CKPT_VEC_ADD(&c->task->limits.limit);
		char soft[24], hard[24];

		if (!limit || strlen(line) < 26 || sscanf(line + 26, "%23s %23s", soft, hard) != 2)
			break;
		limit->resource = nr++;
		limit->soft = soft[0] == 'u' ? RLIM_INFINITY : strtoull(soft, NULL, 10);
		limit->hard = hard[0] == 'u' ? RLIM_INFINITY : strtoull(hard, NULL, 10);
	}
	fclose(f);
	return nr == RLIM_NLIMITS ? 0 : -EIO;
}

static int collect_sched(struct ckpt_collect *c)
{
	struct ckpt_thread *t = &c->task->thread;
	pid_t pid = c->cap->pid;
	uint8_t mask[1024];
	char text[32];
	long n;

	n = syscall(SYS_sched_getaffinity, pid, sizeof(mask), mask);
	if (n < 0)
		return -errno;
	while (n > 1 && !mask[n - 1])
		n--;
	t->affinity.v = malloc((size_t)n);
	if (!t->affinity.v)
		return -ENOMEM;
	memcpy(t->affinity.v, mask, (size_t)n);
	t->affinity.n = t->affinity.cap = (size_t)n;
	n = syscall(SYS_ioprio_get, 1, pid); /* IOPRIO_WHO_PROCESS */
	t->ioprio = n < 0 ? 0 : (uint32_t)n;
	if (ckpt_task_is_i386(c->task))
		n = ckpt_i386_robust_list(pid, &t->robust_list, &t->robust_list_len);
	else if (syscall(SYS_get_robust_list, pid, &t->robust_list, &t->robust_list_len))
		n = -errno;
	else
		n = 0;
	if (n)
		return (int)n;
	ckpt_proc_line(pid, "oom_score_adj", text, sizeof(text));
	t->oom_score_adj = (int32_t)strtol(text, NULL, 10);
	ckpt_proc_line(pid, "coredump_filter", text, sizeof(text));
	t->coredump_filter = (uint32_t)strtoul(text, NULL, 16);
	return 0;
}

/* The words of the vector are those of the program: no 64-bit one has a type above 32 bits, and no
 * 32-bit one begins with an entry of value 0 (fs/binfmt_elf.c, create_elf_tables). */
static int collect_auxv(struct ckpt_collect *c)
{
	struct ckpt_header *h = &c->task->header;
	uint32_t words[256] = {0};
	char path[40];
	size_t n, step;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/auxv", c->cap->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = (size_t)read(fd, words, sizeof(words));
	close(fd);
	if (n > sizeof(words)) /* -1 */
		return -EIO;
	step = words[1] ? 2 : 4;
	if (step == 2)
		snprintf(h->arch, sizeof(h->arch), "%s", CKPT_ARCH_I386);
	for (size_t i = 0; i + step <= n / 4 && words[i]; i += step) {
		struct ckpt_auxv *slot = CKPT_VEC_ADD(&c->task->mm.auxv);

		if (!slot)
			return -ENOMEM;
		if (step == 2)
			*slot = (struct ckpt_auxv){words[i], words[i + 1]};
		else
			memcpy(slot, &words[i], sizeof(*slot));
	}
	return 0;
}

static int collect_mm(struct ckpt_collect *c)
{
	struct ckpt_mm *mm = &c->task->mm;
	const struct {
		int field; /* of /proc/PID/stat, proc(5) */
		uint64_t *to;
	} fields[] = {
		{26, &mm->start_code}, {27, &mm->end_code}, {28, &mm->start_stack},
		{45, &mm->start_data}, {46, &mm->end_data}, {47, &mm->start_brk},
		{48, &mm->arg_start},  {49, &mm->arg_end},  {50, &mm->env_start},
		{51, &mm->env_end},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		*fields[i].to = (uint64_t)ckpt_proc_stat(c->cap->pid, fields[i].field);
	mm->brk = mm->start_brk; /* exact from inside */
	mm->tag = 1;
	return collect_auxv(c);
}

/* A task in other namespaces would come back in ours. */
static void check_namespaces(struct ckpt_collect *c)
{
	static const char *const names[] = {"mnt", "pid", "user",   "net",
					    "ipc", "uts", "cgroup", "pid_for_children"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[32], *theirs, *ours;

		snprintf(name, sizeof(name), "ns/%s", names[i]);
		theirs = ckpt_proc_link(c->cap->pid, name);
		ours = ckpt_proc_link(getpid(), name);
		/* one for children that has none yet can't be read */
		if (ours && (!theirs || strcmp(theirs, ours)))
			ckpt_obstacle_add(&c->obstacles, "%s namespace: not that of ckptfs",
					  names[i]);
		free(theirs);
		free(ours);
	}
}

int ckpt_collect_proc(struct ckpt_collect *c, struct ckpt_err *err)
{
	int (*const parts[])(struct ckpt_collect *) = {collect_ids,    collect_creds,
						       collect_limits, ckpt_collect_policy,
						       collect_mm,     collect_sched}; /* by arch */
	int ret = collect_machine(&c->task->header);

	for (size_t i = 0; !ret && i < sizeof(parts) / sizeof(parts[0]); i++)
		ret = parts[i](c);
	if (ret)
		return ckpt_fail(err, -ret, "process %d: /proc can't be read: %s", c->cap->pid,
				 strerror(-ret));
	check_namespaces(c);
	if (ckpt_clocks_read(c->cap->pid, &c->task->header, err))
		ckpt_obstacle_add(&c->obstacles, "%s", err->text);
	ckpt_check_rare(c);
	return 0;
}
