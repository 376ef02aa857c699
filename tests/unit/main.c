// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs every suite; one line per suite in the table below. Each test runs in a process of its
 * own (CK_FORK=no: all in this one, for a debugger).
 */
#include <check.h>
#include <stdlib.h>

/* clang-format off */
#define SUITES(X)                                                                                  \
	X(base)                                                                                    \
	X(codec)                                                                                   \
	X(manifest)                                                                                \
	X(node)                                                                                    \
	X(tree)                                                                                    \
	X(pagemap)                                                                                 \
	X(vmas)                                                                                    \
	X(pkeys)                                                                                   \
	X(pages)                                                                                   \
	X(page_stream)                                                                             \
	X(source)                                                                                  \
	X(cred)                                                                                    \
	X(seccomp)                                                                                 \
	X(stage)                                                                                   \
	X(inodes)                                                                                  \
	X(load)                                                                                    \
	X(x86)
/* clang-format on */

#define DECLARE(name) Suite *name##_suite(void);
SUITES(DECLARE)

#define ADD(name) srunner_add_suite(runner, name##_suite());

int main(void)
{
	SRunner *runner = srunner_create(NULL);
	int failed;

	SUITES(ADD)
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
