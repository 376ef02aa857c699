// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts a caller's credentials on one thread of ours, to ask the kernel what he may do.
 *
 * Threads of one process have credentials of their own in the kernel; only libc keeps them equal
 * (nptl(7)). So raw system calls here, for the calling thread alone. Its real, effective and saved
 * ids stay ours: signals and ptrace by the caller against us are judged by those.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cred.h"
#include "proc.h"

/* ---- putting on ---- */

/* The identity of a thread towards files, as the kernel has it. */
struct identity {
	uid_t fsuid;
	gid_t fsgid;
	gid_t *groups;
	int ngroups;
	struct __user_cap_data_struct caps[2];
};

/* What ckpt_cred_revert() goes back to. */
static _Thread_local struct identity saved;
static _Thread_local bool switched;
/* Room for the groups of either: on the way back there may be no memory, and no way but on. */
static _Thread_local gid_t *room;

static int get_caps(struct __user_cap_data_struct caps[2])
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};

	return syscall(SYS_capget, &head, caps);
}

static int set_caps(const struct __user_cap_data_struct caps[2])
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};

	return syscall(SYS_capset, &head, caps);
}

static uint64_t effective(const struct identity *id)
{
	return id->caps[0].effective | (uint64_t)id->caps[1].effective << 32;
}

static uint64_t permitted(const struct identity *id)
{
	return id->caps[0].permitted | (uint64_t)id->caps[1].permitted << 32;
}

static bool may_switch_ids(const struct identity *id)
{
	uint64_t need = 1ull << CAP_SETUID | 1ull << CAP_SETGID;

	return (effective(id) & need) == need;
}

/* groups: room for them; NULL: allocated. */
static int identity_now(struct identity *id, gid_t *groups)
{
	/* -1 is no id: the call changes nothing and returns the present one. */
	id->fsuid = syscall(SYS_setfsuid, -1);
	id->fsgid = syscall(SYS_setfsgid, -1);
	id->groups = NULL;
	id->ngroups = syscall(SYS_getgroups, 0, NULL);
	if (id->ngroups < 0 || get_caps(id->caps) < 0)
		return -errno;
	id->groups = groups ? groups : calloc(id->ngroups + 1, sizeof(*id->groups));
	if (!id->groups)
		return -ENOMEM;
	if (syscall(SYS_getgroups, id->ngroups, id->groups) != id->ngroups) {
		if (!groups)
			free(id->groups);
		return -EIO;
	}
	return 0;
}

static bool same_ids(const struct identity *id, uid_t fsuid, gid_t fsgid, const gid_t *groups,
		     size_t ngroups)
{
	return id->fsuid == fsuid && id->fsgid == fsgid && (size_t)id->ngroups == ngroups &&
	       (!ngroups || (id->groups && !memcmp(id->groups, groups, ngroups * sizeof(*groups))));
}

static int set_ids(uid_t fsuid, gid_t fsgid, const gid_t *groups, size_t ngroups)
{
	if (syscall(SYS_setgroups, ngroups, groups) < 0)
		return -errno;
	/* These two don't report errors (setfsuid(2)); asking again does. */
	syscall(SYS_setfsgid, fsgid);
	syscall(SYS_setfsuid, fsuid);
	if ((gid_t)syscall(SYS_setfsgid, -1) != fsgid || (uid_t)syscall(SYS_setfsuid, -1) != fsuid)
		return -EPERM;
	return 0;
}

static int put_on(const struct ckpt_cred *cred)
{
	uint64_t caps = cred->cap_eff & permitted(&saved);
	struct __user_cap_data_struct data[2];
	int ret;

	memcpy(data, saved.caps, sizeof(data));
	if (may_switch_ids(&saved) &&
	    !same_ids(&saved, cred->fsuid, cred->fsgid, cred->groups, cred->ngroups)) {
		ret = set_ids(cred->fsuid, cred->fsgid, cred->groups, cred->ngroups);
		if (ret < 0)
			return ret;
	}
	/* Last: setfsuid() from 0 drops some capabilities (capabilities(7)), this sets all. */
	data[0].effective = (uint32_t)caps;
	data[1].effective = (uint32_t)(caps >> 32);
	return set_caps(data) < 0 ? -errno : 0;
}

/*
 * Mind: the first switch makes this process undumpable (commit_creds() in kernel/cred.c) and
 * clears the thread's parent-death signal. The first is what a privileged daemon should be.
 */
int ckpt_cred_assume(const struct ckpt_cred *cred, struct ckpt_err *err)
{
	bool privileged;
	int ret;

	if (switched)
		abort(); /* the identity to go back to would be lost */
	ret = identity_now(&saved, NULL);
	if (ret < 0)
		return ckpt_fail(err, -ret, "can't tell our own identity: %s", strerror(-ret));
	privileged = may_switch_ids(&saved);
	if (!privileged && saved.fsuid != cred->fsuid) {
		free(saved.groups);
		return ckpt_fail(err, EPERM, "this mount works for uid %u only, not for uid %u",
				 saved.fsuid, cred->fsuid);
	}
	if ((!privileged ||
	     same_ids(&saved, cred->fsuid, cred->fsgid, cred->groups, cred->ngroups)) &&
	    !(effective(&saved) & ~cred->cap_eff)) {
		free(saved.groups);
		return 0; /* we are that already, or less */
	}
	room = calloc((size_t)saved.ngroups + cred->ngroups + 1, sizeof(*room));
	if (!room) {
		free(saved.groups);
		return ckpt_fail(err, ENOMEM, "no memory to act as uid %u", cred->fsuid);
	}
	switched = true;
	ret = put_on(cred);
	if (ret < 0) {
		ckpt_cred_revert();
		return ckpt_fail(err, -ret, "can't act as uid %u: %s", cred->fsuid, strerror(-ret));
	}
	return 0;
}

/* Going on with somebody else's identity, or with more than ours, would be a hole: no way back is
 * the end of this process. */
void ckpt_cred_revert(void)
{
	struct identity now;

	if (!switched)
		return;
	/* First the capabilities that the ids need. */
	if (set_caps(saved.caps) < 0 || identity_now(&now, room) < 0)
		abort();
	if (!same_ids(&now, saved.fsuid, saved.fsgid, saved.groups, saved.ngroups) &&
	    set_ids(saved.fsuid, saved.fsgid, saved.groups, saved.ngroups) < 0)
		abort();
	/* Again, for those that setfsuid() to 0 raised. */
	if (set_caps(saved.caps) < 0 || identity_now(&now, room) < 0)
		abort();
	if (!same_ids(&now, saved.fsuid, saved.fsgid, saved.groups, saved.ngroups) ||
	    memcmp(now.caps, saved.caps, sizeof(now.caps)))
		abort();
	free(room);
	free(saved.groups);
	switched = false;
}

/* ---- the ptrace rule ---- */

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h; field 9 of /proc/PID/stat */

/* A task without memory passes or fails the kernel's check at random; say what it is. */
static int refuse_without_memory(pid_t pid, struct ckpt_err *err)
{
	int64_t flags = ckpt_proc_stat(pid, 9);
	char state = ckpt_proc_state(pid);

	if (!state || flags < 0)
		return ckpt_fail(err, ESRCH, "no process %d", pid);
	if (flags & PF_KTHREAD)
		return ckpt_fail(err, EINVAL, "process %d is a kernel thread", pid);
	if (state == 'Z' || state == 'X')
		return ckpt_fail(err, ESRCH, "process %d has ended", pid);
	return 0;
}

/* Opening mem for writing asks PTRACE_MODE_ATTACH_FSCREDS (fs/proc/base.c, __mem_open). */
int ckpt_cred_may_ptrace(const struct ckpt_cred *cred, pid_t pid, struct ckpt_err *err)
{
	char path[64];
	int fd, ret, error;

	ret = refuse_without_memory(pid, err);
	if (ret < 0)
		return ret;
	ret = ckpt_cred_assume(cred, err);
	if (ret < 0)
		return ret;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	error = errno;
	ckpt_cred_revert();
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (error == ENOENT || error == ESRCH)
		return ckpt_fail(err, ESRCH, "no process %d", pid);
	if (error == EACCES || error == EPERM)
		return ckpt_fail(err, EPERM,
				 "uid %u may not trace process %d (ptrace(2), "
				 "\"Ptrace access mode checking\")",
				 cred->fsuid, pid);
	return ckpt_fail(err, error, "can't open %s: %s", path, strerror(error));
}
