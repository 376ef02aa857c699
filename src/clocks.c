// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the clocks that start at boot.
 *
 * On the boot of the freeze they run on while the task is parked, as they do for a stopped one.
 * On another boot, or for a task that comes out of a time namespace with later clocks, they are
 * numbers without meaning: the restored task gets a time namespace in which they go on from the
 * moment of the freeze, so that its deadlines are as far away as they were.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "clocks.h"
#include "log.h"
#include "proc.h"

#define SECOND 1000000000ll

struct offsets {
	int64_t monotonic, boottime;
};

int64_t ckpt_clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

int64_t ckpt_now(void)
{
	return ckpt_clock_ns(CLOCK_MONOTONIC);
}

static void boot_id(char *out, size_t size)
{
	FILE *f = ckpt_proc_fopen("/proc/sys/kernel/random/boot_id");

	if (!f || !fgets(out, (int)size, f))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	if (f)
		fclose(f);
}

/* The file shows the namespace of the task's children to come, against the initial one. */
static int read_offsets(pid_t pid, struct offsets *out)
{
	int64_t sec, nsec;
	char path[48], name[16];
	FILE *f;

	*out = (struct offsets){0, 0};
	snprintf(path, sizeof(path), "/proc/%d/timens_offsets", pid);
	f = ckpt_proc_fopen(path);
	if (!f)
		return errno == ENOENT && ckpt_proc_state(pid) ? 0 : -errno; /* CONFIG_TIME_NS */
	while (fscanf(f, "%15s %" SCNd64 " %" SCNd64, name, &sec, &nsec) == 3) {
		if (!strcmp(name, "monotonic"))
			out->monotonic = sec * SECOND + nsec;
		else if (!strcmp(name, "boottime"))
			out->boottime = sec * SECOND + nsec;
	}
	fclose(f);
	return 0;
}

/* "time:[4026531834]" of both links: what its children would be in is what it is in. */
static bool children_elsewhere(pid_t pid)
{
	char *own = ckpt_proc_link(pid, "ns/time");
	char *theirs = ckpt_proc_link(pid, "ns/time_for_children");
	bool same = own && theirs ? !strcmp(own, theirs) : !own && !theirs;

	free(own);
	free(theirs);
	return !same;
}

static int offsets_of(pid_t pid, struct offsets *ours, struct offsets *theirs, struct ckpt_err *err)
{
	int ret;

	if (children_elsewhere(pid))
		return ckpt_fail(err, ENOTSUP,
				 "time_for_children namespace: another one than its own");
	ret = read_offsets(getpid(), ours);
	if (!ret)
		ret = read_offsets(pid, theirs);
	return ret ? ckpt_fail(err, ENOTSUP, "time namespace: it can't be read: %s", strerror(-ret))
		   : 0;
}

int ckpt_clocks_monotonic(pid_t pid, int64_t *now, struct ckpt_err *err)
{
	struct offsets ours = {0, 0}, theirs = {0, 0};
	int ret = offsets_of(pid, &ours, &theirs, err);

	if (!ret)
		*now = ckpt_now() - ours.monotonic + theirs.monotonic;
	return ret;
}

int ckpt_clocks_read(pid_t pid, struct ckpt_header *h, struct ckpt_err *err)
{
	struct offsets ours = {0, 0}, theirs = {0, 0};
	int ret = offsets_of(pid, &ours, &theirs, err);

	if (ret)
		return ret;
	boot_id(h->boot_id, sizeof(h->boot_id));
	h->clock_realtime = ckpt_clock_ns(CLOCK_REALTIME);
	h->clock_monotonic = ckpt_now() - ours.monotonic + theirs.monotonic;
	h->clock_boottime = ckpt_clock_ns(CLOCK_BOOTTIME) - ours.boottime + theirs.boottime;
	h->timens_monotonic = theirs.monotonic;
	h->timens_boottime = theirs.boottime;
	return 0;
}

/* Why who can't have a time namespace; NULL if he can. */
static const char *no_timens(const struct ckpt_cred *who)
{
	if (access("/proc/self/timens_offsets", F_OK))
		return "this kernel has no time namespaces (CONFIG_TIME_NS)";
	if (!ckpt_cred_has_cap(who, CAP_SYS_ADMIN) || !ckpt_cred_has_cap(who, CAP_SYS_TIME))
		return "a time namespace needs CAP_SYS_ADMIN and CAP_SYS_TIME";
	return NULL;
}

/* tv_nsec of a negative offset is not negative (kernel/time/namespace.c). */
static void split(int64_t ns, long long *sec, long *nsec)
{
	*sec = ns / SECOND;
	*nsec = (long)(ns % SECOND);
	if (*nsec < 0) {
		*nsec += SECOND;
		--*sec;
	}
}

static void set_text(struct ckpt_timens *out, const struct offsets *o)
{
	long long mono_sec, boot_sec;
	long mono_nsec, boot_nsec;

	split(o->monotonic, &mono_sec, &mono_nsec);
	split(o->boottime, &boot_sec, &boot_nsec);
	snprintf(out->text, sizeof(out->text), "monotonic %lld %ld\nboottime %lld %ld\n", mono_sec,
		 mono_nsec, boot_sec, boot_nsec);
}

/* Offsets with which the clocks go on: as they are on the boot of the freeze, where time passed for
 * the parked task too; else from the moment of the freeze. */
static struct offsets wanted_offsets(const struct ckpt_header *h, const struct offsets *base)
{
	char here[sizeof(h->boot_id)];

	boot_id(here, sizeof(here));
	if (!strcmp(here, h->boot_id) &&
	    base->monotonic + h->timens_monotonic >= h->clock_monotonic &&
	    base->boottime + h->timens_boottime >= h->clock_boottime)
		return (struct offsets){h->timens_monotonic, h->timens_boottime};
	return (struct offsets){h->clock_monotonic - base->monotonic,
				h->clock_boottime - base->boottime};
}

int ckpt_clocks_plan(const struct ckpt_header *h, const struct ckpt_cred *who,
		     struct ckpt_timens *out, struct ckpt_err *err)
{
	int64_t monotonic = ckpt_now(), boottime = ckpt_clock_ns(CLOCK_BOOTTIME);
	struct offsets ours, base, wanted;
	const char *why = no_timens(who);

	out->text[0] = '\0';
	if (h->clocks == CKPT_CLOCKS_IGNORE)
		return 0;
	if (read_offsets(getpid(), &ours))
		return ckpt_fail_sys(err, "/proc/self/timens_offsets");
	base = (struct offsets){monotonic - ours.monotonic, boottime - ours.boottime};
	wanted = wanted_offsets(h, &base);
	if (wanted.monotonic == ours.monotonic && wanted.boottime == ours.boottime)
		return 0;
	if (!why) {
		set_text(out, &wanted);
		return 0;
	}
	if (monotonic < h->clock_monotonic || boottime < h->clock_boottime)
		return ckpt_fail(err, ENOTSUP,
				 "task: clock_monotonic: it would run back by %lld s: %s; a line "
				 "'clocks ignore' accepts that",
				 (long long)((h->clock_monotonic - monotonic) / SECOND), why);
	ckpt_log("restore %d: its monotonic clock jumps ahead by %lld s: %s", h->pid,
		 (long long)((monotonic - h->clock_monotonic) / SECOND), why);
	return 0;
}
