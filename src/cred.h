/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who asks: the credentials of a caller, taken while he is blocked in his request.
 */
#ifndef CKPT_CRED_H
#define CKPT_CRED_H

#include <stdint.h>
#include <sys/types.h>
#include "err.h"

#define CKPT_NO_LOGINUID 0xffffffffu

struct ckpt_cred {
	pid_t pid; /* of the calling thread, in our PID namespace; 0 if he is outside it */
	uid_t ruid, euid, suid, fsuid;
	gid_t rgid, egid, sgid, fsgid;
	gid_t *groups;
	size_t ngroups;
	uint64_t cap_inh, cap_prm, cap_eff, cap_bnd, cap_amb;
	uint32_t securebits;
	bool no_new_privs;
	bool seccomp;	 /* he runs under a seccomp filter that we do not */
	bool foreign_ns; /* one of his namespaces is not ours: foreign_ns_name says which */
	char foreign_ns_name[8];
	int nice;
	int oom_score_adj;
	uint32_t loginuid; /* audit(8); CKPT_NO_LOGINUID: not set */
	char *cgroup;	   /* contents of /proc/PID/cgroup */
	char *label;	   /* LSM label, NULL if none */
	struct ckpt_rlimit_pair {
		uint64_t soft, hard;
	} limit[16]; /* by RLIMIT_* */
};

/* Reads the credentials of a thread from /proc. The caller must keep that thread blocked. */
int ckpt_cred_take(pid_t tid, struct ckpt_cred **out, struct ckpt_err *err);
/* Only what ckpt_cred_may_ptrace() needs: ids, groups, capabilities. */
int ckpt_cred_take_access(pid_t tid, struct ckpt_cred **out, struct ckpt_err *err);
struct ckpt_cred *ckpt_cred_self(void); /* ours; NULL when out of memory */
void ckpt_cred_free(struct ckpt_cred *cred);

/* The login uid of a process, CKPT_NO_LOGINUID on a kernel without audit. */
uint32_t ckpt_cred_loginuid(pid_t pid);

bool ckpt_cred_has_cap(const struct ckpt_cred *cred, int cap); /* effective */

/* The kernel's ptrace rule (ptrace(2), "Ptrace access mode checking"), asked of the kernel
 * itself with cred's filesystem ids and capabilities. 0, -EPERM, -ESRCH. */
int ckpt_cred_may_ptrace(const struct ckpt_cred *cred, pid_t pid, struct ckpt_err *err);

/* Makes the calling thread act on files with cred's fsuid, fsgid, groups and capabilities;
 * ckpt_cred_revert() undoes it. Per-thread system calls: other threads are not affected. */
int ckpt_cred_assume(const struct ckpt_cred *cred, struct ckpt_err *err);
void ckpt_cred_revert(void);

#endif
