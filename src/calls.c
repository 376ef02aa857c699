// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the table of system calls that do not survive a stop by themselves.
 *
 * Each of them has done nothing when it returns EINTR, so it can be made again. The kernel does so
 * by itself when the result is turned into -514 (ERESTARTNOHAND) while the task is stopped, and
 * still makes it EINTR when a handler is to run.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "calls.h"
#include "x86_regs.h"

#define SECOND	       1000000000ll
#define LONGEST	       (INT32_MAX * 1000000ll) /* ns; poll(2) takes no more milliseconds */
#define EPOLL_PWAIT2   441		       /* Linux 5.11 */
#define IO_PGETEVENTS  333
#define IO_URING_ENTER 426

/* clang-format off */
static const struct ckpt_again rows[] = {
	{SYS_epoll_wait, CKPT_AGAIN_MS, 4, 1, 0, 0, CKPT_STOP_EINTR},
	{SYS_epoll_pwait, CKPT_AGAIN_MS, 4, 1, 0, 0, CKPT_STOP_EINTR},
	{EPOLL_PWAIT2, CKPT_AGAIN_TIMESPEC, 4, 1, 0, 0, CKPT_STOP_EINTR},
	{SYS_semop, CKPT_AGAIN_WHOLE, 0, 1, 0, 0, CKPT_STOP_EINTR},
	{SYS_semtimedop, CKPT_AGAIN_TIMESPEC, 4, 1, 0, 0, CKPT_STOP_EINTR},
	{SYS_rt_sigtimedwait, CKPT_AGAIN_TIMESPEC, 3, 1, 0, 0, CKPT_STOP_EINTR},
	{SYS_io_getevents, CKPT_AGAIN_TIMESPEC, 5, 1, 0, 0, CKPT_STOP_EINTR},
	{IO_PGETEVENTS, CKPT_AGAIN_TIMESPEC, 5, 1, 0, 0, CKPT_STOP_LOST},
	{IO_URING_ENTER, CKPT_AGAIN_WHOLE, 0, 1, 0, 0, CKPT_STOP_EINTR},
	/* -514, and the time left written to memory; EINTR where it can't be, or with the
	 * personality STICKY_TIMEOUTS (fs/select.c, poll_select_finish) */
	{SYS_select, CKPT_AGAIN_TIMESPEC, 5, 1000, 0, 0, CKPT_STOP_WRITTEN},
	{SYS_pselect6, CKPT_AGAIN_TIMESPEC, 5, 1, 0, 0, CKPT_STOP_WRITTEN},
	{SYS_ppoll, CKPT_AGAIN_TIMESPEC, 3, 1, 0, 0, CKPT_STOP_WRITTEN},
	/* EINTR with SO_RCVTIMEO, SO_SNDTIMEO (net/core/sock.h, sock_intr_errno), or from a
	 * filesystem in user space */
	{SYS_read, CKPT_AGAIN_SOCKET, 0, 1, POLLIN, EAGAIN, CKPT_STOP_EINTR},
	{SYS_readv, CKPT_AGAIN_SOCKET, 0, 1, POLLIN, EAGAIN, CKPT_STOP_EINTR},
	{SYS_recvfrom, CKPT_AGAIN_SOCKET, 0, 1, POLLIN, EAGAIN, CKPT_STOP_EINTR},
	{SYS_recvmsg, CKPT_AGAIN_SOCKET, 0, 1, POLLIN, EAGAIN, CKPT_STOP_EINTR},
	{SYS_recvmmsg, CKPT_AGAIN_SOCKET, 0, 1, POLLIN, EAGAIN, CKPT_STOP_EINTR},
	{SYS_accept, CKPT_AGAIN_SOCKET, 0, 1, POLLIN, EAGAIN, CKPT_STOP_EINTR},
	{SYS_accept4, CKPT_AGAIN_SOCKET, 0, 1, POLLIN, EAGAIN, CKPT_STOP_EINTR},
	{SYS_write, CKPT_AGAIN_SOCKET, 0, 1, POLLOUT, EAGAIN, CKPT_STOP_EINTR},
	{SYS_writev, CKPT_AGAIN_SOCKET, 0, 1, POLLOUT, EAGAIN, CKPT_STOP_EINTR},
	{SYS_sendto, CKPT_AGAIN_SOCKET, 0, 1, POLLOUT, EAGAIN, CKPT_STOP_EINTR},
	{SYS_sendmsg, CKPT_AGAIN_SOCKET, 0, 1, POLLOUT, EAGAIN, CKPT_STOP_EINTR},
	{SYS_sendmmsg, CKPT_AGAIN_SOCKET, 0, 1, POLLOUT, EAGAIN, CKPT_STOP_EINTR},
	{SYS_connect, CKPT_AGAIN_SOCKET, 0, 1, POLLOUT, EINPROGRESS, CKPT_STOP_EINTR},
};
/* clang-format on */

static const struct ckpt_again *row_of(long nr)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].nr == nr)
			return &rows[i];
	return NULL;
}

const struct ckpt_again *ckpt_call_find(const struct ckpt_cpu *cpu, bool mended)
{
	const struct ckpt_again *row = row_of((long)cpu->orig_rax);

	if ((int64_t)cpu->rax != -CKPT_ERESTARTNOHAND || !row ||
	    (!mended && row->stop != CKPT_STOP_LOST))
		return NULL;
	return row;
}

bool ckpt_call_is_cut(long nr, int64_t result)
{
	return result == -EINTR && row_of(nr);
}

bool ckpt_call_runs_masked(const struct user_regs_struct *regs)
{
	static const long masked[] = {SYS_rt_sigsuspend, SYS_ppoll,    SYS_pselect6,
				      SYS_epoll_pwait,	 EPOLL_PWAIT2, IO_PGETEVENTS};

	if ((int64_t)regs->rax != -CKPT_ERESTARTNOHAND || regs->cs != CKPT_CS_64)
		return false;
	for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++)
		if (masked[i] == (long)regs->orig_rax)
			return true;
	return false;
}

/* ---- time ---- */

static uint64_t arg_of(const struct ckpt_cpu *cpu, uint32_t arg)
{
	const uint64_t args[] = {0, 0, 0, cpu->rdx, cpu->r10, cpu->r8};

	return arg < sizeof(args) / sizeof(args[0]) ? args[arg] : 0;
}

uint64_t ckpt_call_written(const struct ckpt_cpu *cpu, uint32_t *unit)
{
	const struct ckpt_again *row = row_of((long)cpu->orig_rax);

	if ((int64_t)cpu->rax != -CKPT_ERESTARTNOHAND || !row || row->stop != CKPT_STOP_WRITTEN)
		return 0;
	*unit = row->unit;
	return arg_of(cpu, row->arg);
}

/* Our own descriptor of the task's file; -1. */
static int borrow(pid_t pid, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), ours = -1;

	if (pidfd >= 0) {
		ours = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
		close(pidfd);
	}
	return ours;
}

/* The time-out of a socket; -1: it has none. */
static int64_t socket_time(pid_t pid, int fd, bool sends)
{
	struct timeval tv = {0};
	socklen_t len = sizeof(tv);
	int ours = borrow(pid, fd);

	if (ours < 0)
		return -1;
	if (getsockopt(ours, SOL_SOCKET, sends ? SO_SNDTIMEO : SO_RCVTIMEO, &tv, &len))
		tv = (struct timeval){0};
	close(ours);
	return tv.tv_sec || tv.tv_usec ? tv.tv_sec * SECOND + tv.tv_usec * 1000ll : -1;
}

int64_t ckpt_call_ns(const int64_t time[2], uint32_t unit)
{
	if (time[0] < 0 || time[0] > CKPT_AGAIN_MAX / SECOND || time[1] < 0 ||
	    time[1] >= SECOND / unit)
		return -1;
	return time[0] * SECOND + time[1] * unit;
}

/* What the program asked for, ns; -1: no limit. */
static int64_t asked(pid_t pid, int mem_fd, const struct ckpt_again *how,
		     const struct ckpt_cpu *cpu)
{
	uint64_t arg = arg_of(cpu, how->arg);
	int64_t time[2];

	switch (how->format) {
	case CKPT_AGAIN_MS:
		return (int32_t)arg < 0 ? -1 : (int32_t)arg * 1000000ll;
	case CKPT_AGAIN_TIMESPEC:
		if (!arg || pread(mem_fd, time, sizeof(time), (off_t)arg) != (ssize_t)sizeof(time))
			return -1;
		return ckpt_call_ns(time, how->unit);
	case CKPT_AGAIN_SOCKET:
		return socket_time(pid, (int)cpu->rdi, how->events == POLLOUT);
	default:
		return -1;
	}
}

void ckpt_call_time(pid_t pid, int mem_fd, const struct ckpt_again *how,
		    const struct ckpt_wait_peek *peek, int64_t now, struct ckpt_cpu *cpu)
{
	int64_t ns = asked(pid, mem_fd, how, cpu);

	cpu->restart = CKPT_RESTART_NONE;
	cpu->restart_left = -1;
	if (ns < 0 || (how->format == CKPT_AGAIN_SOCKET && ns > LONGEST))
		return;
	cpu->restart = CKPT_RESTART_AGAIN;
	if (!peek->asleep || peek->nr != how->nr) /* it began after we had looked */
		cpu->restart_left = ns;
	else if (peek->slept >= 0)
		cpu->restart_left = ns - (now - peek->slept);
	else
		cpu->restart = CKPT_RESTART_UNKNOWN;
	if (cpu->restart == CKPT_RESTART_AGAIN && cpu->restart_left < 0)
		cpu->restart_left = 0;
}

/* ---- bytes ---- */

static long fd_flags(pid_t pid, int fd)
{
	char path[48], line[64];
	long flags = O_NONBLOCK;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "flags: %lo", (unsigned long *)&flags) == 1)
			break;
	if (f)
		fclose(f);
	return flags;
}

/* A stream socket without time-out. A datagram goes as a whole. */
static bool is_patient_stream(pid_t pid, int fd, bool sends)
{
	int ours = borrow(pid, fd), type = 0;
	socklen_t len = sizeof(type);
	bool stream;

	if (ours < 0)
		return false;
	stream = !getsockopt(ours, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_STREAM;
	close(ours);
	return stream && socket_time(pid, fd, sends) < 0;
}

/* Major numbers of terminals: Documentation/admin-guide/devices.txt. */
static bool is_terminal(const struct stat *st)
{
	unsigned int m = major(st->st_rdev);

	return S_ISCHR(st->st_mode) && (m == 4 || m == 5 || (m >= 136 && m <= 143));
}

/* Files whose calls move all that was asked for unless they are interrupted. */
static bool is_complete(pid_t pid, const struct ckpt_cpu *cpu)
{
	int fd = (int)cpu->rdi, flags = (int)cpu->r10;
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	if (stat(path, &st) || fd_flags(pid, fd) & O_NONBLOCK)
		return false;
	switch (cpu->orig_rax) {
	case SYS_write:
		return S_ISFIFO(st.st_mode) || is_terminal(&st) ||
		       (S_ISSOCK(st.st_mode) && is_patient_stream(pid, fd, true));
	case SYS_sendto:
		return !(flags & MSG_DONTWAIT) && is_patient_stream(pid, fd, true);
	case SYS_recvfrom:
		return (flags & (MSG_WAITALL | MSG_DONTWAIT | MSG_PEEK)) == MSG_WAITALL &&
		       is_patient_stream(pid, fd, false);
	default:
		return false;
	}
}

uint64_t ckpt_call_done(pid_t pid, const struct ckpt_wait_peek *peek, const struct ckpt_cpu *cpu)
{
	int64_t done = (int64_t)cpu->rax;

	if (!peek->asleep || (int64_t)cpu->orig_rax < 0 || peek->nr != (long)cpu->orig_rax ||
	    peek->args[0] != cpu->rdi || peek->args[1] != cpu->rsi || peek->args[2] != cpu->rdx)
		return 0;
	if (done <= 0 || (uint64_t)done >= cpu->rdx || !is_complete(pid, cpu))
		return 0;
	return (uint64_t)done;
}
