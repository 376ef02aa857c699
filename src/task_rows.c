// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the rows of `task`, `mm` and `thread`: what each key means is in ckptfs(5).
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "mempolicy.h"
#include "task.h"

/* clang-format off */
static const struct ckpt_word state_words[] = {
	{"running", CKPT_RUNNING}, {"stopped", CKPT_STOPPED}, {NULL, 0}};
static const struct ckpt_word clocks_words[] = {
	{"keep", CKPT_CLOCKS_KEEP}, {"ignore", CKPT_CLOCKS_IGNORE}, {NULL, 0}};

#define H struct ckpt_header
static const struct ckpt_row header_rows[] = {
	CKPT_ROW(dec, H, version),
	CKPT_ROW(name, H, tree),
	CKPT_ROW(name, H, parent),
	CKPT_ROW(name, H, arch),
	CKPT_ROW(dec, H, page_size),
	CKPT_ROW(name, H, cpuid),
	CKPT_ROW(hex, H, xsave_mask),
	{"cpu_feature", CKPT_MANY, offsetof(H, cpu_features), sizeof(struct ckpt_cpu_feature),
	 {CKPT_F(name, struct ckpt_cpu_feature, name)}},
	CKPT_ROW(name, H, vdso),
	CKPT_ROW(str, H, kernel),
	CKPT_ROW(name, H, boot_id),
	CKPT_ROW(int, H, clock_realtime),
	CKPT_ROW(int, H, clock_monotonic),
	CKPT_ROW(int, H, clock_boottime),
	CKPT_ROW(int, H, timens_monotonic),
	CKPT_ROW(int, H, timens_boottime),
	CKPT_ROWA(enum, H, clocks, clocks_words),
	{"feature", CKPT_MANY, offsetof(H, features), sizeof(struct ckpt_feature),
	 {CKPT_F(str, struct ckpt_feature, name)}},
	CKPT_ROW(int, H, pid),
	CKPT_ROW(int, H, ppid),
	CKPT_ROW(int, H, pgid),
	CKPT_ROW(int, H, sid),
	CKPT_ROW(name, H, comm),
	{"exe", CKPT_ONE, 0, 0,
	 {CKPT_F(str, H, exe), CKPT_F(dec, H, exe_size), CKPT_F(int, H, exe_mtime)}},
	{"exe_object", CKPT_OPT, offsetof(H, has_exe_object), 0, {CKPT_F(dec, H, exe_object)}},
	CKPT_ROW(str, H, cwd),
	CKPT_ROW(str, H, root),
	CKPT_ROW(str, H, tty),
	CKPT_ROW(oct, H, umask),
	CKPT_ROWA(enum, H, state, state_words),
	CKPT_ROW(dec, H, stop_signal),
	CKPT_ROW(hex, H, personality),
	CKPT_ROW(dec, H, fs_tag),
	CKPT_ROW(dec, H, files_tag),
	CKPT_ROW(dec, H, sighand_tag),
	CKPT_ROW(dec, H, sysvsem_tag),
	{"cgroup", CKPT_MANY, offsetof(H, cgroups), sizeof(struct ckpt_cgroup),
	 {CKPT_F(str, struct ckpt_cgroup, controllers), CKPT_F(str, struct ckpt_cgroup, path)}},
};
/* clang-format on */

/* What the kernel prints below the root of a hierarchy; nothing that leads out of it. */
static bool is_group_path(const char *path)
{
	const char *at = path;

	if (!path || path[0] != '/')
		return false;
	while ((at = strstr(at, "/.."))) {
		at += 3;
		if (!*at || *at == '/')
			return false;
	}
	return true;
}

static int header_check(const void *obj, struct ckpt_err *err)
{
	const H *h = obj;

	if (h->version != CKPT_FORMAT_VERSION)
		return ckpt_fail(err, EINVAL, "format version %u: this ckptfs reads version %u",
				 h->version, CKPT_FORMAT_VERSION);
	if (h->pid <= 0 || h->pgid < 0 || h->sid < 0)
		return ckpt_fail(err, EINVAL, "pid, pgid or sid is not a process");
	if (!h->exe || !h->cwd || !h->root)
		return ckpt_fail(err, EINVAL, "exe, cwd or root is empty");
	if ((h->state == CKPT_STOPPED) != (h->stop_signal == SIGSTOP || h->stop_signal == SIGTSTP ||
					   h->stop_signal == SIGTTIN || h->stop_signal == SIGTTOU))
		return ckpt_fail(err, EINVAL, "state and stop_signal do not belong together");
	if (h->fs_tag != 1 || h->files_tag != 1 || h->sighand_tag != 1 || h->sysvsem_tag != 1)
		return ckpt_fail(err, EINVAL, "a tag is not 1: a single task shares with nobody");
	for (size_t i = 0; i < h->cgroups.n; i++)
		if (!is_group_path(h->cgroups.v[i].path))
			return ckpt_fail(err, EINVAL,
					 "cgroup: a path begins with / and has no part '..'");
	if (h->umask > 0777)
		return ckpt_fail(err, EINVAL, "umask %o is more than 0777", h->umask);
	return 0;
}

const struct ckpt_codec ckpt_header_codec = {"task", header_rows, CKPT_NROWS(header_rows),
					     header_check};

#define M struct ckpt_mm
/* clang-format off */
static const struct ckpt_word lock_future_words[] = {
	{"no", CKPT_LOCK_FUTURE_NO}, {"yes", CKPT_LOCK_FUTURE_YES},
	{"onfault", CKPT_LOCK_FUTURE_ONFAULT}, {NULL, 0},
};
static const struct ckpt_row mm_rows[] = {
	CKPT_ROW(dec, M, tag),
	CKPT_ROW(dec, M, map_count),
	CKPT_ROW(hex, M, start_code),
	CKPT_ROW(hex, M, end_code),
	CKPT_ROW(hex, M, start_data),
	CKPT_ROW(hex, M, end_data),
	CKPT_ROW(hex, M, start_brk),
	CKPT_ROW(hex, M, brk),
	CKPT_ROW(hex, M, start_stack),
	CKPT_ROW(hex, M, arg_start),
	CKPT_ROW(hex, M, arg_end),
	CKPT_ROW(hex, M, env_start),
	CKPT_ROW(hex, M, env_end),
	CKPT_ROW(dec, M, dumpable),
	CKPT_ROW(dec, M, thp_disable),
	CKPT_ROW(dec, M, mdwe),
	CKPT_ROW(dec, M, memory_merge),
	CKPT_ROWA(enum, M, lock_future, lock_future_words),
	CKPT_ROW(hex, M, pkeys),
	CKPT_ROW(dec, M, futex_hash),
	CKPT_ROW(hex, M, membarrier),
	{"auxv", CKPT_MANY, offsetof(M, auxv), sizeof(struct ckpt_auxv),
	 {CKPT_F(dec, struct ckpt_auxv, type), CKPT_F(hex, struct ckpt_auxv, value)}},
};
/* clang-format on */

static int mm_check(const void *obj, struct ckpt_err *err)
{
	const M *mm = obj;

	if (mm->tag != 1)
		return ckpt_fail(err, EINVAL, "tag is not 1: a single task shares with nobody");
	if (mm->auxv.n > 64)
		return ckpt_fail(err, EINVAL, "%zu auxv entries: the kernel keeps no more than 64",
				 mm->auxv.n);
	return 0;
}

const struct ckpt_codec ckpt_mm_codec = {"mm", mm_rows, CKPT_NROWS(mm_rows), mm_check};

/* clang-format off */
/* include/uapi/linux/sched.h */
static const struct ckpt_word policy_words[] = {
	{"other", 0}, {"fifo", 1}, {"rr", 2},  {"batch", 3},
	{"idle", 5},  {"deadline", 6}, {"ext", 7}, {NULL, 0},
};

static const struct ckpt_word dl_words[] = {{"reclaim", 2 /* SCHED_FLAG_RECLAIM */}, {NULL, 0}};

#define T struct ckpt_thread
static const struct ckpt_row thread_rows[] = {
	CKPT_ROW(hex, T, clear_child_tid),
	{"robust_list", CKPT_ONE, 0, 0, {CKPT_F(hex, T, robust_list), CKPT_F(dec, T, robust_list_len)}},
	{"rseq", CKPT_ONE, 0, 0,
	 {CKPT_F(hex, T, rseq), CKPT_F(dec, T, rseq_len), CKPT_F(hex, T, rseq_sig)}},
	CKPT_ROWA(enum, T, policy, policy_words),
	CKPT_ROW(dec, T, reset_on_fork),
	CKPT_ROW(int, T, nice),
	CKPT_ROW(dec, T, priority),
	{"deadline", CKPT_ONE, 0, 0,
	 {CKPT_F(dec, T, dl_runtime), CKPT_F(dec, T, dl_deadline), CKPT_F(dec, T, dl_period)}},
	{"deadline_flags", CKPT_ONE, 0, 0, {CKPT_FA(flags, T, dl_flags, dl_words)}},
	CKPT_ROW(dec, T, slice),
	CKPT_ROW(int, T, autogroup),
	CKPT_ROW(bytes, T, affinity),
	CKPT_ROW(hex, T, ioprio),
	{"mempolicy", CKPT_ONE, 0, 0, {CKPT_MEMPOLICY_COLS(T, mempolicy)}},
	CKPT_ROW(dec, T, timerslack),
	CKPT_ROW(dec, T, pdeathsig),
	CKPT_ROW(dec, T, tsc),
	CKPT_ROW(dec, T, mce_kill),
	CKPT_ROW(dec, T, io_flusher),
	CKPT_ROW(dec, T, child_subreaper),
	CKPT_ROW(dec, T, cpuid),
	CKPT_ROW(dec, T, spec_store_bypass),
	CKPT_ROW(dec, T, spec_indirect_branch),
	CKPT_ROW(dec, T, spec_l1d_flush),
	CKPT_ROW(int, T, oom_score_adj),
	CKPT_ROW(hex, T, coredump_filter),
};
/* clang-format on */

static int thread_check(const void *obj, struct ckpt_err *err)
{
	const T *t = obj;

	if (t->affinity.n > 1024)
		return ckpt_fail(err, EINVAL, "affinity is longer than 8192 CPUs");
	if (t->dl_flags & ~2ull)
		return ckpt_fail(err, EINVAL, "deadline_flags: unknown flags");
	if (t->cpuid > 1)
		return ckpt_fail(err, EINVAL, "cpuid is 0 or 1");
	return 0;
}

const struct ckpt_codec ckpt_thread_codec = {"thread", thread_rows, CKPT_NROWS(thread_rows),
					     thread_check};
