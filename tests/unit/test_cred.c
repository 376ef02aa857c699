// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Credentials of ourselves and of children that changed theirs; the ptrace rule. Most of this
 * needs root: an ordinary user runs the first tests only.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cred.h"

#define NOBODY 65534

Suite *cred_suite(void);

/* A child that has done prepare() and waits. */
static pid_t child(void (*prepare)(void))
{
	int ready[2];
	char c;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (prepare)
			prepare();
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static struct ckpt_cred *take(pid_t pid)
{
	struct ckpt_cred *cred = NULL;
	struct ckpt_err err = {0};
	int ret = ckpt_cred_take(pid, &cred, &err);

	ck_assert_msg(ret == 0, "%s", err.text);
	return cred;
}

static void become_nobody(void)
{
	gid_t groups[] = {100, 7};

	if (setgroups(2, groups) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		_exit(1);
}

static void set_limits(void)
{
	struct rlimit files = {17, 33}, core = {0, RLIM_INFINITY};

	getrlimit(RLIMIT_CORE, &core);
	core.rlim_cur = 0;
	if (setrlimit(RLIMIT_NOFILE, &files) || setrlimit(RLIMIT_CORE, &core))
		_exit(1);
}

static void enter_seccomp(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = {1, &allow};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(1);
}

static __attribute__((unused)) void enter_user_ns(void)
{
	if (unshare(CLONE_NEWUSER))
		_exit(1);
}

static void enter_mnt_ns(void)
{
	if (unshare(CLONE_NEWNS))
		_exit(1);
}

static void enter_chroot(void)
{
	if (chroot("/tmp"))
		_exit(1);
}

static void drop_most_caps(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {0};

	data[0].effective = data[0].permitted = 1u << CAP_CHOWN;
	if (syscall(SYS_capset, &head, data))
		_exit(1);
}

/* ---- take ---- */

START_TEST(take_of_self_is_what_the_kernel_says)
{
	struct ckpt_cred *cred = ckpt_cred_self();
	struct rlimit limit;

	ck_assert_ptr_nonnull(cred);
	ck_assert_int_eq(cred->pid, gettid());
	ck_assert_uint_eq(cred->ruid, getuid());
	ck_assert_uint_eq(cred->fsuid, geteuid());
	ck_assert_uint_eq(cred->fsgid, getegid());
	ck_assert_int_eq(cred->ngroups, getgroups(0, NULL));
	ck_assert(!cred->foreign_ns);
	ck_assert(!cred->seccomp);
	ck_assert_ptr_nonnull(cred->cgroup);
	for (int i = 0; i < 16; i++) {
		ck_assert_int_eq(getrlimit(i, &limit), 0);
		ck_assert_uint_eq(cred->limit[i].soft, limit.rlim_cur);
		ck_assert_uint_eq(cred->limit[i].hard, limit.rlim_max);
	}
	ckpt_cred_free(cred);
	ckpt_cred_free(NULL);
}
END_TEST

START_TEST(take_of_limits)
{
	pid_t pid = child(set_limits);
	struct ckpt_cred *cred = take(pid);

	ck_assert_uint_eq(cred->limit[RLIMIT_NOFILE].soft, 17);
	ck_assert_uint_eq(cred->limit[RLIMIT_NOFILE].hard, 33);
	ck_assert_uint_eq(cred->limit[RLIMIT_CORE].soft, 0);
	ckpt_cred_free(cred);
	end(pid);
}
END_TEST

START_TEST(take_of_seccomp)
{
	pid_t pid = child(enter_seccomp);
	struct ckpt_cred *cred = take(pid);

	ck_assert(cred->seccomp);
	ck_assert(cred->no_new_privs);
	ckpt_cred_free(cred);
	end(pid);
}
END_TEST

START_TEST(take_of_nobody_there)
{
	struct ckpt_cred *cred = NULL;
	pid_t pid = child(NULL);

	end(pid);
	ck_assert_int_eq(ckpt_cred_take(pid, &cred, NULL), -ESRCH);
	ck_assert_int_eq(ckpt_cred_take(0, &cred, NULL), -EPERM);
	ck_assert_ptr_null(cred);
}
END_TEST

START_TEST(take_of_child_that_became_nobody)
{
	pid_t pid = child(become_nobody);
	struct ckpt_cred *cred = take(pid);

	ck_assert_uint_eq(cred->ruid, NOBODY);
	ck_assert_uint_eq(cred->suid, NOBODY);
	ck_assert_uint_eq(cred->fsuid, NOBODY);
	ck_assert_uint_eq(cred->fsgid, NOBODY);
	ck_assert_uint_eq(cred->ngroups, 2);
	ck_assert_uint_eq(cred->groups[0], 7);
	ck_assert_uint_eq(cred->groups[1], 100);
	ck_assert_uint_eq(cred->cap_eff, 0);
	ck_assert(!ckpt_cred_has_cap(cred, CAP_CHOWN));
	ck_assert(!cred->foreign_ns);
	ckpt_cred_free(cred);
	end(pid);
}
END_TEST

START_TEST(take_of_caps)
{
	pid_t pid = child(drop_most_caps);
	struct ckpt_cred *cred = take(pid);

	ck_assert_uint_eq(cred->cap_eff, 1u << CAP_CHOWN);
	ck_assert_uint_eq(cred->cap_prm, 1u << CAP_CHOWN);
	ck_assert(ckpt_cred_has_cap(cred, CAP_CHOWN));
	ck_assert(!ckpt_cred_has_cap(cred, CAP_KILL));
	ckpt_cred_free(cred);
	end(pid);
}
END_TEST

#ifndef __SANITIZE_THREAD__
START_TEST(take_of_root_in_a_user_namespace_has_no_caps)
{
	pid_t pid = child(enter_user_ns);
	struct ckpt_cred *cred = take(pid);

	ck_assert(cred->foreign_ns);
	ck_assert_str_eq(cred->foreign_ns_name, "user");
	ck_assert_uint_eq(cred->cap_eff, 0);
	ckpt_cred_free(cred);
	end(pid);
}
END_TEST
#endif

START_TEST(take_names_the_foreign_namespace)
{
	pid_t mnt = child(enter_mnt_ns), root = child(enter_chroot);
	struct ckpt_cred *cred = take(mnt);

	ck_assert(cred->foreign_ns);
	ck_assert_str_eq(cred->foreign_ns_name, "mnt");
	ckpt_cred_free(cred);
	cred = take(root);
	ck_assert(cred->foreign_ns);
	ck_assert_str_eq(cred->foreign_ns_name, "root");
	ckpt_cred_free(cred);
	end(mnt);
	end(root);
}
END_TEST

/* ---- assume ---- */

/* What of /proc/thread-self/status must be the same again. */
static char *identity(void)
{
	static const char *const keys[] = {"Uid:", "Gid:", "Groups:", "Cap"};
	FILE *f = fopen("/proc/thread-self/status", "r");
	char line[4096], *all = calloc(1, 65536);

	while (fgets(line, sizeof(line), f))
		for (int i = 0; i < 4; i++)
			if (!strncmp(line, keys[i], strlen(keys[i])))
				strcat(all, line);
	fclose(f);
	return all;
}

static void *open_in_thread(void *path)
{
	int fd = open(path, O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? path : NULL;
}

START_TEST(assume_acts_on_files_as_the_user)
{
	char name[] = "/tmp/ckpt-test-XXXXXX";
	pid_t pid = child(become_nobody);
	struct ckpt_cred *cred = take(pid);
	char *before = identity(), *after;
	int fd = mkstemp(name);
	pthread_t thread;
	void *opened;

	ck_assert_int_eq(ckpt_cred_assume(cred, NULL), 0);
	ck_assert_int_lt(open(name, O_RDONLY), 0);
	ck_assert_int_eq(errno, EACCES);
	ckpt_cred_revert();
	ck_assert_ptr_nonnull(open_in_thread(name));
	after = identity();
	ck_assert_str_eq(before, after);

	/* A file only one of his groups may read. */
	ck_assert_int_eq(fchown(fd, 0, 100), 0);
	ck_assert_int_eq(fchmod(fd, 0040), 0);
	ck_assert_int_eq(ckpt_cred_assume(cred, NULL), 0);
	ck_assert_ptr_nonnull(open_in_thread(name));
	ckpt_cred_revert();

	/* Other threads stay what they are (a new one would inherit: it is made before). */
	ck_assert_int_eq(fchmod(fd, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, open_in_thread, name), 0);
	ck_assert_int_eq(ckpt_cred_assume(cred, NULL), 0);
	pthread_join(thread, &opened);
	ckpt_cred_revert();
	ck_assert_ptr_nonnull(opened);

	unlink(name);
	close(fd);
	free(before);
	free(after);
	ckpt_cred_free(cred);
	end(pid);
}
END_TEST

START_TEST(revert_raises_no_capability_that_was_off)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	pid_t pid = child(become_nobody);
	struct ckpt_cred *cred = take(pid);
	char *before, *after;

	/* Off, but permitted: setfsuid() back to 0 turns it on (capabilities(7)). */
	ck_assert_int_eq(syscall(SYS_capget, &head, data), 0);
	data[0].effective &= ~(1u << CAP_FOWNER);
	ck_assert_int_eq(syscall(SYS_capset, &head, data), 0);
	before = identity();
	ck_assert_int_eq(ckpt_cred_assume(cred, NULL), 0);
	ckpt_cred_revert();
	after = identity();
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	ckpt_cred_free(cred);
	end(pid);
}
END_TEST

START_TEST(assume_of_ourselves_changes_nothing)
{
	struct ckpt_cred *self = ckpt_cred_self();
	char *before = identity(), *during, *after;

	ck_assert_int_eq(ckpt_cred_assume(self, NULL), 0);
	during = identity();
	ckpt_cred_revert();
	after = identity();
	ck_assert_str_eq(before, during);
	ck_assert_str_eq(before, after);
	ckpt_cred_revert(); /* without assume: nothing */
	free(before);
	free(during);
	free(after);
	ckpt_cred_free(self);
}
END_TEST

START_TEST(assume_of_root_without_caps_lacks_them)
{
	char name[] = "/tmp/ckpt-test-XXXXXX";
	pid_t pid = child(drop_most_caps);
	struct ckpt_cred *cred = take(pid);
	char *before = identity(), *after;
	int fd = mkstemp(name);

	ck_assert_int_eq(fchmod(fd, 0), 0);
	ck_assert_int_eq(ckpt_cred_assume(cred, NULL), 0);
	ck_assert_ptr_null(open_in_thread(name));
	ckpt_cred_revert();
	ck_assert_ptr_nonnull(open_in_thread(name));
	after = identity();
	ck_assert_str_eq(before, after);
	unlink(name);
	close(fd);
	free(before);
	free(after);
	ckpt_cred_free(cred);
	end(pid);
}
END_TEST

/* ---- the ptrace rule ---- */

START_TEST(ptrace_of_own_child_is_allowed)
{
	pid_t pid = child(NULL);
	struct ckpt_cred *self = ckpt_cred_self();

	ck_assert_int_eq(ckpt_cred_may_ptrace(self, pid, NULL), 0);
	end(pid);
	ck_assert_int_eq(ckpt_cred_may_ptrace(self, pid, NULL), -ESRCH);
	ckpt_cred_free(self);
}
END_TEST

START_TEST(ptrace_of_zombie_is_esrch)
{
	struct ckpt_cred *self = ckpt_cred_self();
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(ckpt_cred_may_ptrace(self, pid, NULL), -ESRCH);
	waitpid(pid, NULL, 0);
	ckpt_cred_free(self);
}
END_TEST

START_TEST(ptrace_of_kernel_thread_is_einval)
{
	struct ckpt_cred *self = ckpt_cred_self();
	char comm[32] = "";
	FILE *f = fopen("/proc/2/comm", "r");

	if (f && fgets(comm, sizeof(comm), f) && !strcmp(comm, "kthreadd\n"))
		ck_assert_int_eq(ckpt_cred_may_ptrace(self, 2, NULL), -EINVAL);
	if (f)
		fclose(f);
	ckpt_cred_free(self);
}
END_TEST

START_TEST(ptrace_by_nobody_follows_the_kernels_rule)
{
	pid_t nobody = child(become_nobody), root = child(NULL), other = child(become_nobody);
	struct ckpt_cred *cred = take(nobody), *self = ckpt_cred_self();
	char *before = identity(), *after;
	struct ckpt_err err = {0};

	ck_assert_int_eq(ckpt_cred_may_ptrace(cred, root, &err), -EPERM);
	ck_assert_msg(strstr(err.text, "65534"), "%s", err.text);
	ck_assert_int_eq(ckpt_cred_may_ptrace(cred, 1, NULL), -EPERM);
	ck_assert_int_eq(ckpt_cred_may_ptrace(cred, other, &err), 0);
	ck_assert_int_eq(ckpt_cred_may_ptrace(self, other, &err), 0);
	ck_assert_int_eq(ckpt_cred_may_ptrace(self, root, &err), 0);
	after = identity();
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	ckpt_cred_free(cred);
	ckpt_cred_free(self);
	end(nobody);
	end(root);
	end(other);
}
END_TEST

static void nobody_undumpable(void)
{
	become_nobody();
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

START_TEST(ptrace_by_nobody_of_an_undumpable_task_is_refused)
{
	pid_t nobody = child(become_nobody), secret = child(nobody_undumpable);
	struct ckpt_cred *cred = take(nobody);

	ck_assert_int_eq(ckpt_cred_may_ptrace(cred, secret, NULL), -EPERM);
	ckpt_cred_free(cred);
	end(nobody);
	end(secret);
}
END_TEST

START_TEST(ptrace_by_root_without_caps_is_refused)
{
	pid_t weak = child(drop_most_caps), strong = child(NULL), nobody = child(become_nobody);
	struct ckpt_cred *cred = take(weak);

	/* The same uid, but strong has capabilities that weak lacks (cap_ptrace_access_check). */
	ck_assert_int_eq(ckpt_cred_may_ptrace(cred, strong, NULL), -EPERM);
	ck_assert_int_eq(ckpt_cred_may_ptrace(cred, nobody, NULL), -EPERM);
	ck_assert_int_eq(ckpt_cred_may_ptrace(cred, weak, NULL), 0);
	ckpt_cred_free(cred);
	end(weak);
	end(strong);
	end(nobody);
}
END_TEST

Suite *cred_suite(void)
{
	Suite *s = suite_create("cred");
	TCase *anybody = tcase_create("anybody"), *root = tcase_create("root");

	tcase_add_test(anybody, take_of_self_is_what_the_kernel_says);
	tcase_add_test(anybody, take_of_limits);
	tcase_add_test(anybody, take_of_seccomp);
	tcase_add_test(anybody, take_of_nobody_there);
	tcase_add_test(anybody, assume_of_ourselves_changes_nothing);
	tcase_add_test(anybody, ptrace_of_own_child_is_allowed);
	tcase_add_test(anybody, ptrace_of_zombie_is_esrch);
	tcase_add_test(anybody, ptrace_of_kernel_thread_is_einval);
	suite_add_tcase(s, anybody);
	if (geteuid() != 0)
		return s;
	tcase_add_test(root, take_of_child_that_became_nobody);
	tcase_add_test(root, take_of_caps);
#ifndef __SANITIZE_THREAD__ /* its own thread keeps us out of a new user namespace */
	tcase_add_test(root, take_of_root_in_a_user_namespace_has_no_caps);
#endif
	tcase_add_test(root, take_names_the_foreign_namespace);
	tcase_add_test(root, assume_acts_on_files_as_the_user);
	tcase_add_test(root, revert_raises_no_capability_that_was_off);
	tcase_add_test(root, assume_of_root_without_caps_lacks_them);
	tcase_add_test(root, ptrace_by_nobody_follows_the_kernels_rule);
	tcase_add_test(root, ptrace_by_nobody_of_an_undumpable_task_is_refused);
	tcase_add_test(root, ptrace_by_root_without_caps_is_refused);
	suite_add_tcase(s, root);
	return s;
}
