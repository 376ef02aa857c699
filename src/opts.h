/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: ckptfs SOURCE MOUNTPOINT [-o OPTIONS] [-f] [-d] [-V] [-h], and --check.
 *
 * One table row per mount option (opts.c). Knows nothing of FUSE but that some options are
 * handed on to it as they are.
 */
#ifndef CKPT_OPTS_H
#define CKPT_OPTS_H

#include <stdbool.h>
#include <stdint.h>
#include "buf.h"
#include "err.h"

/* Exit codes of mount(8). */
#define CKPT_EXIT_USAGE 1
#define CKPT_EXIT_SYS	2
#define CKPT_EXIT_MOUNT 32

struct ckpt_opts {
	const char *source, *mountpoint; /* into argv */
	bool help, version, check;
	bool foreground, debug;
	bool allow_other;
	bool inspect;
	bool any_pid;		 /* restore under another PID where the original can't be had */
	unsigned int timeout_ms; /* of a freeze */
	uint64_t stage_limit;	 /* bytes that one user may have staged */
	struct ckpt_buf pass;	 /* ",nosuid,noatime": mount options for the kernel */
};

/* Fills out from the command line. -EINVAL: err says which word is wrong. */
int ckpt_opts_parse(int argc, char **argv, struct ckpt_opts *out, struct ckpt_err *err);
void ckpt_opts_fini(struct ckpt_opts *opts);

extern const char ckpt_opts_usage[];

#endif
