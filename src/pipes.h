/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pipes whose ends are all in the frozen process.
 */
#ifndef CKPT_PIPES_H
#define CKPT_PIPES_H

#include <stdint.h>
#include <sys/types.h>
#include "task.h"

/* A process other than pid that has the pipe ("pipe:[4711]") open; 0: none. */
pid_t ckpt_pipe_other_holder(pid_t pid, const char *link);

/* Fills size and data of the object from the descriptor fd (open flags: flags) of the process
 * behind pidfd; what is in the pipe stays there. Negative errno. */
int ckpt_pipe_read(int pidfd, int fd, uint64_t flags, struct ckpt_object *object);

#endif
