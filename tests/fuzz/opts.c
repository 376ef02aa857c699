// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line: the words of an input end at its line feeds.
 */
#include "fuzz.h"
#include "opts.h"

#define WORDS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *argv[WORDS + 2] = {(char *)"ckptfs"}, *save;
	struct ckpt_opts opts = {0};
	struct ckpt_err err = {0};
	int argc = 1, ret;

	for (char *w = strtok_r(text, "\n", &save); w && argc <= WORDS;
	     w = strtok_r(NULL, "\n", &save))
		argv[argc++] = w;
	ret = ckpt_opts_parse(argc, argv, &opts, &err);
	if (ret) {
		fuzz_refused(ret, &err);
		HOLDS(!opts.pass.data, "something is left");
	} else {
		HOLDS(opts.help || opts.version || opts.check || opts.mountpoint, "no mountpoint");
		HOLDS(opts.stage_limit && opts.timeout_ms, "a limit of nothing");
		for (size_t i = 0; i < opts.pass.len; i++) /* goes to the kernel as options */
			HOLDS(strchr("abcdefghijklmnopqrstuvwxyz,", opts.pass.data[i]), "%s",
			      opts.pass.data);
		ckpt_opts_fini(&opts);
	}
	free(text);
	return 0;
}
