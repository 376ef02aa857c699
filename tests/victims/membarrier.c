// SPDX-License-Identifier: GPL-2.0-or-later
/* A registration for membarrier(2): without it the private command is EPERM. */
#include "victim.h"
#include <linux/membarrier.h>
#include <sys/syscall.h>

int main(int argc, char **argv)
{
	MUST(argc > 1);
	if (syscall(SYS_membarrier, 1 << 9, 0, 0) < 0) /* GET_REGISTRATIONS, Linux 6.3 */
		victim_skip("this kernel does not tell what a process has registered for");
	MUST(!syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	victim_ready();
	victim_wait(argv[1]);
	CHECK(!syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), "membarrier: %m");
	return victim_end();
}
