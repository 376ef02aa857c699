// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel goes on keeping the restartable-sequences area up to date. */
#include <sched.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include "victim.h"

static struct rseq *area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static void check_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		return; /* there is no such processor for us */
	CHECK(*(volatile uint32_t *)&area()->cpu_id == (uint32_t)cpu, "on processor %d it says %d",
	      cpu, area()->cpu_id);
}

int main(int argc, char **argv)
{
	MUST(argc > 1);
	if (__rseq_size == 0)
		victim_skip("the C library registers no rseq area");
	victim_ready();
	victim_wait(argv[1]);
	for (int cpu = 0; cpu < 4; cpu++)
		check_cpu(cpu);
	check_cpu(0);
	CHECK(syscall(SYS_rseq, area(), 32, 0, RSEQ_SIG) == -1 && errno == EBUSY,
	      "it is not registered: %m");
	CHECK(syscall(SYS_rseq, area(), 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG) == 0,
	      "it is registered otherwise: %m");
	return victim_end();
}
