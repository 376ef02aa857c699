// SPDX-License-Identifier: GPL-2.0-or-later
/* Blocking system calls that end by their time-out: see calls.h. */
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include "calls.h"

static struct timespec span(double seconds)
{
	return (struct timespec){(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
}

static struct timespec until(clockid_t clock)
{
	return span(victim_now(clock) + limit);
}

/* Half of a pair that nobody writes to, with a time-out of its own. */
static int slow_socket(int option, bool full)
{
	struct timeval tv = {(time_t)limit, 0};
	int fds[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	if (full) {
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
		while (write(fds[0], big, 4096) > 0)
			;
		fcntl(fds[0], F_SETFL, 0);
	}
	MUST(setsockopt(fds[0], SOL_SOCKET, option, &tv, sizeof(tv)) == 0);
	return fds[0];
}

static void do_epoll_wait(void)
{
	struct epoll_event ev;
	int ep = empty_epoll();

	victim_ready();
	returned("epoll_wait", epoll_wait(ep, &ev, 1, (int)(limit * 1000)), 0);
}

static void do_epoll_pwait(void)
{
	struct epoll_event ev;
	int ep = empty_epoll();
	sigset_t set;

	sigfillset(&set);
	victim_ready();
	returned("epoll_pwait", epoll_pwait(ep, &ev, 1, (int)(limit * 1000), &set), 0);
}

static void do_epoll_pwait2(void)
{
	struct timespec ts = span(limit);
	struct epoll_event ev;
	int ep = empty_epoll();

	victim_ready();
	returned("epoll_pwait2", syscall(441, ep, &ev, 1, &ts, NULL, 8), 0);
	CHECK(ts.tv_sec == (time_t)limit && !ts.tv_nsec, "epoll_pwait2 changed its time");
}

static void do_semtimedop(void)
{
	struct sembuf op = {0, -1, 0};
	struct timespec ts = span(limit);
	int id = semget(IPC_PRIVATE, 1, 0600);

	MUST(id >= 0);
	victim_ready();
	timed_out("semtimedop", semtimedop(id, &op, 1, &ts), EAGAIN);
	semctl(id, 0, IPC_RMID);
	CHECK(ts.tv_sec == (time_t)limit && !ts.tv_nsec, "semtimedop changed its time");
}

static void do_sigtimedwait(void)
{
	struct timespec ts = span(limit);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	victim_ready();
	timed_out("sigtimedwait", sigtimedwait(&set, NULL, &ts), EAGAIN);
	CHECK(ts.tv_sec == (time_t)limit && !ts.tv_nsec, "sigtimedwait changed its time");
}

static void wait_events(const char *what, bool masked)
{
	struct timespec ts = span(limit);
	struct io_event ev;
	aio_context_t ctx = 0;
	long ret;

	if (syscall(SYS_io_setup, 4, &ctx))
		victim_skip("no AIO");
	victim_ready();
	ret = masked ? syscall(333, ctx, 1, 1, &ev, &ts, NULL)
		     : syscall(SYS_io_getevents, ctx, 1, 1, &ev, &ts);
	returned(what, ret, 0);
}

static void do_io_getevents(void)
{
	wait_events("io_getevents", false);
}

static void do_io_pgetevents(void)
{
	wait_events("io_pgetevents", true);
}

/* The kernel can't tell the time left: the time is in memory that is not to be written. */
static void do_ppoll_const(void)
{
	struct timespec *ts =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(ts != MAP_FAILED);
	*ts = span(limit);
	mprotect(ts, 4096, PROT_READ);
	victim_ready();
	returned("ppoll", syscall(SYS_ppoll, NULL, 0, ts, NULL, 8), 0);
}

static void do_select_sticky(void)
{
	struct timeval tv = {(time_t)limit, 0};

	personality(STICKY_TIMEOUTS);
	victim_ready();
	returned("select", syscall(SYS_select, 0, NULL, NULL, NULL, &tv), 0);
	CHECK(tv.tv_sec == (time_t)limit && !tv.tv_usec, "select changed its time");
}

static void do_pselect(void)
{
	struct timespec ts = span(limit);

	victim_ready();
	returned("pselect", syscall(SYS_pselect6, 0, NULL, NULL, NULL, &ts, NULL), 0);
}

static void do_recv(void)
{
	int fd = slow_socket(SO_RCVTIMEO, false);

	victim_ready();
	timed_out("recv", recv(fd, big, 1, 0), EAGAIN);
}

static void do_read_socket(void)
{
	int fd = slow_socket(SO_RCVTIMEO, false);

	victim_ready();
	timed_out("read", read(fd, big, 1), EAGAIN);
}

static void do_recvmsg(void)
{
	struct iovec iov = {big, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fd = slow_socket(SO_RCVTIMEO, false);

	victim_ready();
	timed_out("recvmsg", recvmsg(fd, &msg, 0), EAGAIN);
}

static void do_send(void)
{
	int fd = slow_socket(SO_SNDTIMEO, true);

	victim_ready();
	timed_out("send", send(fd, big, 4096, 0), EAGAIN);
}

static int listener(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*at = (struct sockaddr_in){.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	MUST(bind(fd, (struct sockaddr *)at, len) == 0 && listen(fd, 0) == 0);
	MUST(getsockname(fd, (struct sockaddr *)at, &len) == 0);
	return fd;
}

static void do_accept(void)
{
	struct timeval tv = {(time_t)limit, 0};
	struct sockaddr_in at;
	int fd = listener(&at);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	victim_ready();
	timed_out("accept", accept(fd, NULL, NULL), EAGAIN);
}

/* The queue of the listener is full: nobody answers. */
static void do_connect(void)
{
	struct timeval tv = {(time_t)limit, 0};
	struct sockaddr_in at;
	int fd = -1;

	listener(&at);
	for (int i = 0; i < 4; i++) {
		fd = socket(AF_INET, SOCK_STREAM | (i < 3 ? SOCK_NONBLOCK : 0), 0);
		MUST(fd >= 0);
		if (i < 3)
			connect(fd, (struct sockaddr *)&at, sizeof(at));
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	victim_ready();
	timed_out("connect", connect(fd, (struct sockaddr *)&at, sizeof(at)), EINPROGRESS);
}

static void do_mq(void)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
	struct timespec ts;
	char name[40];
	mqd_t q;

	snprintf(name, sizeof(name), "/ckptfs-%d", self);
	q = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr);
	if (q < 0)
		victim_skip("no message queues");
	mq_unlink(name);
	victim_ready();
	ts = until(CLOCK_REALTIME);
	timed_out("mq_timedreceive", mq_timedreceive(q, big, 8, NULL, &ts), ETIMEDOUT);
}

static void do_timerfd(void)
{
	struct itimerspec its = {.it_value = span(limit)};
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t count;

	MUST(fd >= 0 && timerfd_settime(fd, 0, &its, NULL) == 0);
	victim_ready();
	returned("read", read(fd, &count, 8), 8);
}

static void sleep_until(clockid_t clock)
{
	struct timespec ts;
	int ret;

	victim_ready();
	ts = until(clock);
	ret = clock_nanosleep(clock, TIMER_ABSTIME, &ts, NULL);
	CHECK(ret == 0, "clock_nanosleep: %s", strerror(ret));
}

static void do_sleep_realtime(void)
{
	sleep_until(CLOCK_REALTIME);
}

static void do_sleep_boottime(void)
{
	sleep_until(CLOCK_BOOTTIME);
}

static void do_sleep_tai(void)
{
	sleep_until(CLOCK_TAI);
}

static void do_futex_realtime(void)
{
	uint32_t word = 5;
	struct timespec ts;

	victim_ready();
	ts = until(CLOCK_REALTIME);
	timed_out("futex",
		  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &ts, NULL,
			  FUTEX_BITSET_MATCH_ANY),
		  ETIMEDOUT);
}

static void do_futex_waitv(void)
{
	uint32_t word = 5;
	struct {
		uint64_t val, addr;
		uint32_t flags, pad;
	} one = {5, (uintptr_t)&word, 2, 0};
	struct timespec ts = until(CLOCK_MONOTONIC);

	victim_ready();
	timed_out("futex_waitv", syscall(449, &one, 1, 0, &ts, CLOCK_MONOTONIC), ETIMEDOUT);
}

static void do_futex_requeue_pi(void)
{
	uint32_t word = 5, pi = 0;
	struct timespec ts = until(CLOCK_MONOTONIC);

	victim_ready();
	timed_out("futex",
		  syscall(SYS_futex, &word, FUTEX_WAIT_REQUEUE_PI, 5, &ts, &pi,
			  FUTEX_BITSET_MATCH_ANY),
		  ETIMEDOUT);
}

static const struct call calls[] = {
	{"epoll_wait", "timed", do_epoll_wait},
	{"epoll_pwait", "timed", do_epoll_pwait},
	{"epoll_pwait2", "timed", do_epoll_pwait2},
	{"semtimedop", "timed timed-kept", do_semtimedop},
	{"sigtimedwait", "timed timed-kept", do_sigtimedwait},
	{"io_getevents", "timed", do_io_getevents},
	{"io_pgetevents", "timed", do_io_pgetevents},
	{"ppoll-const", "timed timed-kept", do_ppoll_const},
	{"select-sticky", "timed timed-kept", do_select_sticky},
	{"pselect", "timed timed-kept", do_pselect},
	{"recv", "timed", do_recv},
	{"read-socket", "timed", do_read_socket},
	{"recvmsg", "timed", do_recvmsg},
	{"send", "timed", do_send},
	{"accept", "timed", do_accept},
	{"connect", "timed", do_connect},
	{"mq_timedreceive", "timed", do_mq},
	{"timerfd", "timed", do_timerfd},
	{"sleep-realtime", "timed dated-kept", do_sleep_realtime},
	{"sleep-boottime", "timed dated-kept", do_sleep_boottime},
	{"sleep-tai", "timed dated-kept", do_sleep_tai},
	{"futex-realtime", "timed dated-kept", do_futex_realtime},
	{"futex_waitv", "timed dated-kept", do_futex_waitv},
	{"futex-requeue-pi", "timed dated-kept", do_futex_requeue_pi},
};

int main(int argc, char **argv)
{
	return calls_main(calls, sizeof(calls) / sizeof(calls[0]), argc, argv);
}
