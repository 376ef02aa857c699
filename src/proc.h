/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small questions to /proc. Whole files that belong to one subject are read where the subject is
 * (vma_nodes.c, fds.c). A task that is gone answers with -1, '\0' or an empty string.
 */
#ifndef CKPT_PROC_H
#define CKPT_PROC_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

/* fopen for reading, getline and opendir on files of /proc. Where they fail for another reason than
 * that the task or the file is not there (ENOMEM, EMFILE, EIO), the thread takes note of it: what
 * was asked is then not known, and a checkpoint must not be made of it. */
FILE *ckpt_proc_fopen(const char *path);
ssize_t ckpt_proc_getline(char **line, size_t *cap, FILE *f);
DIR *ckpt_proc_opendir(const char *path);
/* That errno, since the last call on this thread; 0: everything was answered. */
int ckpt_proc_trouble(void);
/* For the end of a job on process pid: ret, or what trouble there was (text in err). */
struct ckpt_err;
int ckpt_proc_heard(pid_t pid, int ret, struct ckpt_err *err);

/* A number from /proc/PID/status ("TracerPid", 10), in that base. */
int64_t ckpt_proc_status(pid_t pid, const char *key, int base);
/* The whole value of a line of /proc/PID/status; false if there is none. */
bool ckpt_proc_status_text(pid_t pid, const char *key, char *out, size_t size);
/* State letter of /proc/PID/stat. */
char ckpt_proc_state(pid_t pid);
/* Field N of /proc/PID/stat, counted as proc(5) does: from 4 on. */
int64_t ckpt_proc_stat(pid_t pid, int field);
/* First line of /proc/PID/NAME without newline; "-" when it can't be read. */
void ckpt_proc_line(pid_t pid, const char *name, char *out, size_t size);
void ckpt_proc_comm(pid_t pid, char *out, size_t size);
/* Target of the link /proc/PID/NAME, malloc'd; NULL and errno. */
char *ckpt_proc_link(pid_t pid, const char *name);
/* A number from /proc/PID/sched ("se.exec_start", milliseconds with fraction), as ns; -1. */
int64_t ckpt_proc_sched_ns(const char *pid, const char *key);

/* Why a path does not lead to the file behind st, which a frozen task holds; NULL if it does.
 * Paths on a ckptfs mount are refused unasked: the request we serve may hold the lock that the
 * answer needs. */
const char *ckpt_path_lost(const char *path, const struct stat *st);

/* Calls fn for every child of the thread; stops at a non-zero result and returns it. */
int ckpt_proc_children(pid_t tid, int (*fn)(pid_t pid, void *arg), void *arg);

/* Whether the process is one of pid's ancestors, or pid itself. */
bool ckpt_proc_is_ancestor(pid_t ancestor, pid_t pid);

#endif
