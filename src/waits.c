// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the question how long an interrupted wait has still to go.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "clocks.h"
#include "i386.h"
#include "log.h"
#include "proc.h"
#include "waits.h"
#include "x86_regs.h"

#define REMEMBERED 256
#define STALE	   1000000000ll /* ns */
#define CLOCKS	   16		/* more than there are: clock_nanosleep's first argument */

/* A wait we froze or restored, by process (pid and start time) and place in its program. */
struct remembered {
	pid_t pid;
	int64_t start_time;
	uint64_t rip, rsp;
	uint32_t kind;
	int64_t deadline; /* CLOCK_MONOTONIC; -1: without limit */
	uint64_t nr;	  /* of its system call */
};
static struct remembered table[REMEMBERED];
static unsigned int next_slot;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

/* The clock of exec_start, and ours, on that CPU: each has its own, since the time that interrupts
 * and the hypervisor take is not in it (kernel/sched/core.c, update_rq_clock_task). */
static bool clock_of_cpu(int64_t cpu, int64_t *theirs, int64_t *ours)
{
	cpu_set_t old, one;
	bool moved;

	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(old), &old))
		return false;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	moved = !sched_setaffinity(0, sizeof(one), &one);
	/* a yield brings our own exec_start up to date */
	sched_yield();
	*ours = ckpt_now();
	*theirs = ckpt_proc_sched_ns("thread-self", "se.exec_start");
	if (moved)
		sched_setaffinity(0, sizeof(old), &old);
	return moved && *theirs > 0;
}

void ckpt_wait_peek(pid_t pid, struct ckpt_wait_peek *out)
{
	char name[16], line[160];
	unsigned long long a[3];
	int64_t theirs, ours, now;

	*out = (struct ckpt_wait_peek){.slept = -1, .nr = -1, .wchan = "-"};
	if (ckpt_proc_state(pid) != 'S')
		return;
	ckpt_proc_line(pid, "syscall", line, sizeof(line));
	if (sscanf(line, "%ld %llx %llx %llx", &out->nr, &a[0], &a[1], &a[2]) == 4)
		for (int i = 0; i < 3; i++)
			out->args[i] = a[i];
	else
		out->nr = -1;
	out->asleep = true;
	ckpt_proc_line(pid, "wchan", out->wchan, sizeof(out->wchan));
	snprintf(name, sizeof(name), "%d", pid);
	theirs = ckpt_proc_sched_ns(name, "se.exec_start");
	if (theirs <= 0 || !clock_of_cpu(ckpt_proc_stat(pid, 39), &ours, &now))
		return;
	out->slept = now - (ours - theirs);
	if (out->slept > now) /* the time that interrupts take is not in it */
		out->slept = now;
}

static bool read_timespec(int mem_fd, uint64_t addr, int64_t *ns)
{
	struct timespec ts;

	if (pread(mem_fd, &ts, sizeof(ts), (off_t)addr) != (ssize_t)sizeof(ts))
		return false;
	*ns = ts.tv_sec * 1000000000ll + ts.tv_nsec;
	return true;
}

/* A wait that should be over by now was another one at the same place. */
static bool is_stale(const struct remembered *r, int64_t now)
{
	return r->deadline >= 0 && r->deadline + STALE < now;
}

static bool recall(pid_t pid, int64_t now, struct ckpt_cpu *cpu)
{
	int64_t start = ckpt_proc_stat(pid, 22);
	bool found = false;

	pthread_mutex_lock(&table_lock);
	for (unsigned int i = 0; i < REMEMBERED && !found; i++) {
		const struct remembered *r = &table[i];

		if (r->pid != pid || r->start_time != start || r->rip != cpu->rip ||
		    r->rsp != cpu->rsp || is_stale(r, now))
			continue;
		cpu->orig_rax = r->nr;
		cpu->restart = r->kind;
		cpu->restart_left = r->deadline < 0 ? -1 : r->deadline - now;
		if (r->deadline >= 0 && cpu->restart_left < 0)
			cpu->restart_left = 0;
		found = true;
	}
	pthread_mutex_unlock(&table_lock);
	return found;
}

void ckpt_wait_remember(pid_t pid, int64_t now, const struct ckpt_cpu *cpu)
{
	int64_t start = ckpt_proc_stat(pid, 22);
	struct remembered *r = NULL;

	if (cpu->restart == CKPT_RESTART_NONE || cpu->restart == CKPT_RESTART_UNKNOWN)
		return;
	pthread_mutex_lock(&table_lock);
	for (unsigned int i = 0; i < REMEMBERED && !r; i++)
		if (table[i].pid == pid)
			r = &table[i];
	if (!r)
		r = &table[next_slot++ % REMEMBERED];
	*r = (struct remembered){.pid = pid,
				 .start_time = start,
				 .rip = cpu->rip,
				 .rsp = cpu->rsp,
				 .kind = cpu->restart,
				 .deadline = cpu->restart_left < 0 ? -1 : now + cpu->restart_left,
				 .nr = cpu->orig_rax};
	pthread_mutex_unlock(&table_lock);
}

/* One row per system call that ends with ERESTART_RESTARTBLOCK: where its time-out is. */
struct wait_row {
	long nr;
	enum ckpt_restart kind;
	/* Time asked for, in ns; -1: no limit. rem: address of the kernel's own answer, 0. */
	bool (*asked)(int mem_fd, const struct ckpt_cpu *cpu, int64_t *ns, uint64_t *rem);
};

static bool asked_nanosleep(int mem_fd, const struct ckpt_cpu *cpu, int64_t *ns, uint64_t *rem)
{
	*rem = cpu->rsi;
	return read_timespec(mem_fd, cpu->rdi, ns);
}

static bool asked_clock_nanosleep(int mem_fd, const struct ckpt_cpu *cpu, int64_t *ns,
				  uint64_t *rem)
{
	*rem = cpu->r10;
	return read_timespec(mem_fd, cpu->rdx, ns);
}

static bool asked_poll(int mem_fd, const struct ckpt_cpu *cpu, int64_t *ns, uint64_t *rem)
{
	(void)mem_fd;
	*rem = 0;
	*ns = (int32_t)cpu->rdx < 0 ? -1 : (int64_t)(int32_t)cpu->rdx * 1000000;
	return true;
}

static bool asked_futex(int mem_fd, const struct ckpt_cpu *cpu, int64_t *ns, uint64_t *rem)
{
	*rem = 0;
	*ns = -1; /* an absolute time-out: the same call again is right */
	if ((cpu->rsi & FUTEX_CMD_MASK) != FUTEX_WAIT)
		return true;
	return read_timespec(mem_fd, cpu->r10, ns);
}

static const struct wait_row wait_rows[] = {
	{SYS_nanosleep, CKPT_RESTART_NANOSLEEP, asked_nanosleep},
	{SYS_clock_nanosleep, CKPT_RESTART_CLOCK_NANOSLEEP, asked_clock_nanosleep},
	{SYS_poll, CKPT_RESTART_POLL, asked_poll},
	{SYS_futex, CKPT_RESTART_FUTEX, asked_futex},
};

/* Which call a restart_syscall was that nobody remembers: the arguments are still in the registers,
 * and where it slept says what it was; for the sleeps its code does, mostly. */
static long guess(int mem_fd, const struct ckpt_wait_peek *peek, const struct ckpt_cpu *cpu)
{
	uint8_t code[7]; /* mov $nr, %eax; syscall */
	uint32_t nr;

	if (!peek->asleep)
		return SYS_restart_syscall;
	if (strstr(peek->wchan, "poll"))
		return SYS_poll;
	if (strstr(peek->wchan, "futex"))
		return SYS_futex;
	if (pread(mem_fd, code, sizeof(code), (off_t)(cpu->rip - sizeof(code))) ==
		    (ssize_t)sizeof(code) &&
	    code[0] == 0xb8) {
		memcpy(&nr, code + 1, sizeof(nr));
		if (nr == SYS_nanosleep || nr == SYS_clock_nanosleep)
			return nr;
	}
	return cpu->rdi < CLOCKS ? SYS_clock_nanosleep : SYS_nanosleep;
}

/* Clocks that stand still while it sleeps, or belong to another process (clock_getcpuclockid(3)).
 */
static bool is_cpu_clock(const struct ckpt_cpu *cpu)
{
	return cpu->restart == CKPT_RESTART_CLOCK_NANOSLEEP &&
	       ((int32_t)cpu->rdi < 0 || cpu->rdi == CLOCK_PROCESS_CPUTIME_ID ||
		cpu->rdi == CLOCK_THREAD_CPUTIME_ID);
}

/* told: the time left as the kernel wrote it, -1: it did not. */
static void set_left(struct ckpt_cpu *cpu, int64_t asked, int64_t told,
		     const struct ckpt_wait_peek *peek, int64_t now)
{
	if (asked < 0)
		return;
	if (told >= 0)
		cpu->restart_left = told;
	else if (is_cpu_clock(cpu))
		cpu->restart_left = cpu->rdi == CLOCK_PROCESS_CPUTIME_ID ? asked : -1;
	else if (peek->slept >= 0)
		cpu->restart_left =
			asked - (now - peek->slept) > 0 ? asked - (now - peek->slept) : 0;
	if (cpu->restart_left > asked)
		cpu->restart_left = asked;
}

void ckpt_wait_find(pid_t pid, int mem_fd, const struct ckpt_wait_peek *peek, int64_t now,
		    struct ckpt_cpu *cpu)
{
	int64_t asked, told = -1;
	bool guessed = false;

	cpu->restart = CKPT_RESTART_NONE;
	cpu->restart_left = -1;
	if ((int64_t)cpu->rax != -CKPT_ERESTART_RESTARTBLOCK || (int32_t)cpu->orig_rax < 0)
		return;
	cpu->restart = CKPT_RESTART_UNKNOWN;
	if (ckpt_cpu_is_restart(cpu, mem_fd)) {
		if (recall(pid, now, cpu) || ckpt_cpu_call_compat(cpu, mem_fd))
			return;
		cpu->orig_rax = (uint64_t)guess(mem_fd, peek, cpu);
		guessed = true;
	}
	if (ckpt_cpu_call_compat(cpu, mem_fd)) {
		if (ckpt_i386_wait_asked(mem_fd, cpu, &asked, &told))
			set_left(cpu, asked, told, peek, now);
		return;
	}
	for (size_t i = 0; i < sizeof(wait_rows) / sizeof(wait_rows[0]); i++) {
		uint64_t rem;

		if (wait_rows[i].nr != (long)cpu->orig_rax ||
		    !wait_rows[i].asked(mem_fd, cpu, &asked, &rem))
			continue;
		cpu->restart = wait_rows[i].kind;
		if (rem && !read_timespec(mem_fd, rem, &told))
			told = -1;
		set_left(cpu, asked, told, peek, now);
		if (guessed && told < 0 && asked >= 0)
			ckpt_log("task %d: its wait had been interrupted before, by somebody else: "
				 "of its %lld ms at most %lld are left",
				 pid, (long long)(asked / 1000000),
				 (long long)(cpu->restart_left / 1000000));
		return;
	}
	if (guessed)
		cpu->orig_rax = SYS_restart_syscall;
}
