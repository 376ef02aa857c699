/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pipes and other kernel objects whose descriptors must all be in the frozen process.
 */
#ifndef CKPT_PIPES_H
#define CKPT_PIPES_H

#include <stdint.h>
#include <sys/types.h>
#include "task.h"

/* A process other than pid that has a descriptor with this link ("pipe:[4711]") open; 0: none.
 * key and id: the line of fdinfo that tells two of one link apart ("eventfd-id", 7); NULL. */
pid_t ckpt_fd_other_holder(pid_t pid, const char *link, const char *key, int64_t id);

/* A number from /proc/PID/fdinfo/FD, in that base; -1 if there is no such line. */
int64_t ckpt_fdinfo_number(pid_t pid, int fd, const char *key, int base);

/* Fills size and data of the object from the descriptor fd (open flags: flags) of the process
 * behind pidfd; what is in the pipe stays there. Negative errno. */
int ckpt_pipe_read(int pidfd, int fd, uint64_t flags, struct ckpt_object *object);

#endif
