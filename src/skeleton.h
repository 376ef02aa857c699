/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A skeleton: a new process with the wanted PID and nothing in it, driven by system calls run
 * inside it until it is the process of the tree. It is traced with PTRACE_O_EXITKILL, so that
 * it dies with us until its last register is set.
 *
 * The thread that makes it must finish or kill it.
 */
#ifndef CKPT_SKELETON_H
#define CKPT_SKELETON_H

#include <stdint.h>
#include <sys/types.h>
#include "clocks.h"
#include "cred.h"
#include "err.h"
#include "remote.h"
#include "restore.h"
#include "source.h"
#include "task.h"

struct ckpt_span {
	uint64_t start, end;
};

struct ckpt_skeleton {
	pid_t pid;
	struct ckpt_remote r; /* r.mem_fd is ours */
	const struct ckpt_task *task;
	struct ckpt_source *src;
	const struct ckpt_cred *who;
	struct ckpt_progress *progress;
	CKPT_VEC(struct ckpt_span) used; /* address ranges no helper mapping may take */
	struct ckpt_err no_pid;		 /* why it has not the PID of the tree */
	struct ckpt_timens timens;	 /* that it is born into */
	uint64_t exe_object; /* objects/ID of an unlinked executable, open as exe_fd; 0: none */
	long exe_fd;
	uint64_t boot;			/* code page and scratch memory of ours in it */
	CKPT_VEC(struct ckpt_vma) vdso; /* the kernel's own mappings, as a new process gets them */
	/* Called with every range that ckpt_skeleton_gap() gives; NULL: nobody wants to know. */
	int (*took)(struct ckpt_skeleton *s, uint64_t start, uint64_t size);
};

/* Creates it with the PID of the tree, or with another one (ckpt_restore_any_pid), seized and empty
 * but for the boot mapping. -EEXIST says who has the PID. */
int ckpt_skeleton_new(struct ckpt_skeleton *s, struct ckpt_err *err);
/* Where the maker may not have /proc/PID/exe set: it executes the program of the tree itself, and
 * is emptied again. It has the maker's identity already, and must have no more afterwards. */
int ckpt_skeleton_exec(struct ckpt_skeleton *s, struct ckpt_err *err);
/* Whether he may choose PIDs and set /proc/PID/exe (capabilities(7), CAP_CHECKPOINT_RESTORE). */
bool ckpt_skeleton_may_choose(const struct ckpt_cred *who);
/* Kills it if it is not released yet; frees. */
void ckpt_skeleton_free(struct ckpt_skeleton *s);

/* A free range of that size (bytes), marked as used. 0: there is none. */
uint64_t ckpt_skeleton_gap(struct ckpt_skeleton *s, uint64_t size);

/* Offset in the boot page of a system call that uses the AMX tiles first: rdi is the address of
 * a tile configuration. */
#define CKPT_BOOT_AMX 16
/* The same for one that loads the flags first: rdi is their address. */
#define CKPT_BOOT_FLAGS 32
#define CKPT_BOOT_INT80 48 /* a call of i386: r.int80 must be set */
/* A call by one of them. */
int ckpt_skeleton_boot(struct ckpt_skeleton *s, uint64_t offset, const char *what,
		       struct ckpt_err *err);

/* One call that must succeed. what: for the message ("fd 3: lseek"). */
#define ckpt_skeleton_do(s, result, err, what, nr, ...)                                            \
	ckpt_remote_do(&(s)->r, result, err, what, nr, CKPT_ARGS(__VA_ARGS__))

/* Opens a path inside the skeleton: descriptor in *fd. */
int ckpt_skeleton_open(struct ckpt_skeleton *s, const char *path, int flags, long *fd,
		       struct ckpt_err *err);

/* Writes a file of /proc/self inside the skeleton. */
int ckpt_skeleton_put(struct ckpt_skeleton *s, const char *name, const char *text,
		      struct ckpt_err *err);

/* -EBUSY if the open regular file is not the one of the freeze (size in bytes, mtime in ns). */
int ckpt_skeleton_check_file(struct ckpt_skeleton *s, const char *path, long fd, uint64_t size,
			     int64_t mtime, struct ckpt_err *err);

/* The steps, one file each. */
int ckpt_restore_identity(struct ckpt_skeleton *s, struct ckpt_err *err); /* the maker's */
int ckpt_restore_memory(struct ckpt_skeleton *s, struct ckpt_err *err);
int ckpt_restore_files(struct ckpt_skeleton *s, struct ckpt_err *err);
int ckpt_restore_process(struct ckpt_skeleton *s, struct ckpt_err *err); /* session, cwd ... */
int ckpt_restore_signals(struct ckpt_skeleton *s, struct ckpt_err *err);
int ckpt_restore_sched(struct ckpt_skeleton *s, struct ckpt_err *err);
int ckpt_restore_limits(struct ckpt_skeleton *s, struct ckpt_err *err); /* after what they limit */
int ckpt_restore_seccomp(struct ckpt_skeleton *s, struct ckpt_err *err);
int ckpt_restore_creds(struct ckpt_skeleton *s, struct ckpt_err *err);	/* the task's own */
int ckpt_restore_finish(struct ckpt_skeleton *s, struct ckpt_err *err); /* lets it run */

/* ---- for a change in place (apply.c) ---- */

/* Every mapping and shared object of s->task, at its addresses, without private contents; and
 * their final protection, when they are filled. */
int ckpt_restore_mappings(struct ckpt_skeleton *s, struct ckpt_err *err);
int ckpt_restore_protection(struct ckpt_skeleton *s, struct ckpt_err *err);

/* An open file description as the tree has it, under some free number; a pipe with its contents,
 * and then each of its two descriptions. */
int ckpt_restore_open(struct ckpt_skeleton *s, const struct ckpt_file *file, long *fd,
		      struct ckpt_err *err);
int ckpt_restore_new_pipe(struct ckpt_skeleton *s, const struct ckpt_object *object, int ends[2],
			  struct ckpt_err *err);
int ckpt_restore_dress(struct ckpt_skeleton *s, const struct ckpt_file *file, long fd,
		       struct ckpt_err *err);
/* Whether the task may have written that file itself. */
bool ckpt_task_writes(const struct ckpt_task *task, const char *path);

/* Arms the wait that the registers are in anew; cpu->rax becomes how it goes on. */
int ckpt_restore_wait(struct ckpt_skeleton *s, struct ckpt_cpu *cpu, struct ckpt_err *err);

#endif
