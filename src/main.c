// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ckptfs: the command.
 */
#include <malloc.h>
#include <stdio.h>

#include "check.h"
#include "fs_ops.h"
#include "opts.h"
#include "restore.h"

int main(int argc, char **argv)
{
	struct ckpt_opts opts;
	struct ckpt_err err = {0};
	int status = 0;

	/* malloc_trim(3) gives the end of the main arena back only: what a big tree took would stay
	 * with the thread that read it. */
	mallopt(M_ARENA_MAX, 1);
	if (ckpt_opts_parse(argc, argv, &opts, &err)) {
		fprintf(stderr, "ckptfs: %s\n", err.text);
		return CKPT_EXIT_USAGE;
	}
	if (opts.help)
		fputs(ckpt_opts_usage, stdout);
	else if (opts.version)
		printf("ckptfs " CKPT_VERSION " (libfuse %s)\n", ckpt_fs_library());
	else if (opts.check)
		status = ckpt_check(stdout);
	else {
		ckpt_restore_any_pid = opts.any_pid;
		status = ckpt_fs_serve(&opts);
	}
	ckpt_opts_fini(&opts);
	return status;
}
