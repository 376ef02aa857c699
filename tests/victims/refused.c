// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * refused GO KIND: has one thing that can't be captured yet, and uses it again when it may go.
 * Prints "ready NAME", where NAME is what the log must call it: "fd 3", or an address.
 */
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include "victim.h"

static const char *go;

static void ready_fd(int fd)
{
	MUST(fd >= 0);
	dprintf(1, "ready fd %d\n", fd);
	victim_wait(go);
}

static void ready_map(void *p)
{
	MUST(p != MAP_FAILED);
	dprintf(1, "ready %lx\n", (unsigned long)p);
	victim_wait(go);
}

static volatile unsigned long spins;

static void *spin(void *stop)
{
	while (!*(volatile int *)stop) {
		spins++;
		victim_doze();
	}
	return NULL;
}

static void has_thread(void)
{
	volatile int stop = 0;
	pthread_t thread;
	unsigned long before;

	MUST(pthread_create(&thread, NULL, spin, (void *)&stop) == 0);
	while (!spins)
		victim_doze();
	dprintf(1, "ready thread\n");
	victim_wait(go);
	before = spins;
	for (int i = 0; i < 500 && spins == before; i++)
		victim_doze();
	CHECK(spins != before, "the other thread does not run");
	stop = 1;
	CHECK(pthread_join(thread, NULL) == 0, "pthread_join");
}

static void has_child(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		victim_wait(go);
		_exit(7);
	}
	MUST(pid > 0);
	dprintf(1, "ready %d\n", pid);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7,
	      "child: %#x", status);
}

static void has_zombie(void)
{
	siginfo_t info;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(8);
	MUST(pid > 0 && waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
	dprintf(1, "ready %d\n", pid);
	victim_wait(go);
	CHECK(waitpid(pid, &status, WNOHANG) == pid && WEXITSTATUS(status) == 8, "zombie");
}

static void has_pipe(void)
{
	char c = 0;
	int p[2], status;
	pid_t pid;

	MUST(pipe(p) == 0);
	pid = fork(); /* its other end is held by an orphan, which is none of ours */
	if (pid == 0) {
		if (fork() == 0) {
			close(p[0]);
			victim_wait(go);
			MUST(write(p[1], "x", 1) == 1);
		}
		_exit(0);
	}
	MUST(pid > 0 && waitpid(pid, &status, 0) == pid && close(p[1]) == 0);
	ready_fd(p[0]);
	CHECK(read(p[0], &c, 1) == 1 && c == 'x', "pipe: %m");
}

static void has_socket(void)
{
	char c = 0;
	int s[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && write(s[1], "x", 1) == 1);
	ready_fd(s[0]);
	CHECK(read(s[0], &c, 1) == 1 && c == 'x', "socket: %m");
}

static void has_epoll(void)
{
	int fd = epoll_create1(0);
	struct epoll_event ev;

	ready_fd(fd);
	CHECK(epoll_wait(fd, &ev, 1, 0) == 0, "epoll: %m");
}

static void has_signalfd(void)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	fd = signalfd(-1, &set, 0);
	ready_fd(fd);
	CHECK(read(fd, &info, sizeof(info)) == sizeof(info), "signalfd: %m");
}

static void has_timerfd(void)
{
	struct itimerspec its = {{0, 0}, {1000, 0}}, now;
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);

	MUST(timerfd_settime(fd, 0, &its, NULL) == 0);
	ready_fd(fd);
	CHECK(timerfd_gettime(fd, &now) == 0 && now.it_value.tv_sec > 900, "timerfd: %m");
}

static void has_inotify(void)
{
	int fd = inotify_init1(IN_NONBLOCK);

	MUST(inotify_add_watch(fd, "/", IN_CREATE) >= 0);
	ready_fd(fd);
	CHECK(inotify_add_watch(fd, "/tmp", IN_CREATE) >= 0, "inotify: %m");
}

static void has_memfd(void)
{
	char buf[4] = "";
	int fd = memfd_create("thing", 0);

	MUST(write(fd, "abcd", 4) == 4);
	ready_fd(fd);
	CHECK(pread(fd, buf, 4, 0) == 4 && memcmp(buf, "abcd", 4) == 0, "memfd: %m");
}

static void has_unlinked(void)
{
	char path[] = "/tmp/ckptfs-victim-XXXXXX", buf[4];
	int fd = mkstemp(path);

	MUST(fd >= 0 && write(fd, "abcd", 4) == 4 && unlink(path) == 0);
	ready_fd(fd);
	CHECK(pread(fd, buf, 4, 0) == 4 && memcmp(buf, "abcd", 4) == 0, "unlinked file: %m");
}

static void has_fifo(void)
{
	char path[] = "/tmp/ckptfs-victim-XXXXXX";
	int fd, tmp = mkstemp(path);

	MUST(tmp >= 0 && close(tmp) == 0 && unlink(path) == 0 && mkfifo(path, 0600) == 0);
	fd = open(path, O_RDWR);
	MUST(fd >= 0);
	ready_fd(fd);
	CHECK(write(fd, "x", 1) == 1, "fifo: %m");
	unlink(path);
}

static void has_io_uring(void)
{
	struct io_uring_params params;
	int fd;

	memset(&params, 0, sizeof(params));
	fd = syscall(SYS_io_uring_setup, 4, &params);
	if (fd < 0)
		victim_skip("no io_uring here");
	ready_fd(fd);
	CHECK(syscall(SYS_io_uring_enter, fd, 0, 0, 0, NULL, 0) == 0, "io_uring: %m");
}

static void has_seccomp(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* the number */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog prog = {4, code};

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0);
	dprintf(1, "ready seccomp\n");
	victim_wait(go);
	CHECK(syscall(SYS_getppid) == -1 && errno == ENOSYS, "the filter is gone"); /* nobody */
}

static void has_sem_undo(void)
{
	struct sembuf take = {0, -1, SEM_UNDO};
	int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);

	MUST(id >= 0 && semctl(id, 0, SETVAL, 5) == 0 && semop(id, &take, 1) == 0);
	dprintf(1, "ready SEM_UNDO\n");
	victim_wait(go);
	CHECK(semctl(id, 0, GETVAL) == 4, "the semaphore is %d", semctl(id, 0, GETVAL));
	semctl(id, 0, IPC_RMID);
}

static volatile sig_atomic_t notified;

static void on_notify(int sig)
{
	notified = sig;
}

static void has_dnotify(void)
{
	char dir[] = "/tmp/ckptfs-victim-XXXXXX";
	int fd = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	MUST(fd >= 0);
	signal(SIGIO, on_notify);
	if (fcntl(fd, F_NOTIFY, DN_CREATE) != 0)
		victim_skip("no directory notification here");
	ready_fd(fd);
	MUST(mkdirat(fd, "x", 0700) == 0);
	CHECK(notified == SIGIO, "it is not told of a new file");
	unlinkat(fd, "x", AT_REMOVEDIR);
	rmdir(dir);
}

static void has_aio(void)
{
	aio_context_t ctx = 0;
	struct io_event ev;
	struct timespec zero = {0, 0};

	if (syscall(SYS_io_setup, 4, &ctx) != 0)
		victim_skip("no AIO here");
	dprintf(1, "ready %lx\n", (unsigned long)ctx);
	victim_wait(go);
	CHECK(syscall(SYS_io_getevents, ctx, 0, 1, &ev, &zero) == 0, "AIO: %m");
}

static void has_sysv_shm(void)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	char *p;

	MUST(id >= 0);
	p = shmat(id, NULL, 0);
	shmctl(id, IPC_RMID, NULL);
	MUST(p != (void *)-1);
	strcpy(p, "abcd");
	ready_map(p);
	CHECK(strcmp(p, "abcd") == 0, "System V memory");
}

static void has_userfaultfd(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	struct uffdio_range range;
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffd_msg msg;

	MUST(p != MAP_FAILED);
	p[4096] = 'x';
	if (fd < 0)
		victim_skip("no userfaultfd here");
	range.start = reg.range.start = (uintptr_t)p;
	range.len = reg.range.len = 8192;
	MUST(ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &reg) == 0);
	ready_map(p);
	CHECK(read(fd, &msg, sizeof(msg)) == -1 && errno == EAGAIN, "somebody touched its memory");
	CHECK(ioctl(fd, UFFDIO_UNREGISTER, &range) == 0 && p[0] == 0 && p[4096] == 'x', "%m");
}

static void has_pidfd(void)
{
	int fd = syscall(SYS_pidfd_open, getpid(), 0);
	struct pollfd pfd = {fd, POLLIN, 0};

	ready_fd(fd);
	CHECK(poll(&pfd, 1, 0) == 0, "pidfd: %m");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} kinds[] = {
		{"thread", has_thread},	    {"child", has_child},
		{"zombie", has_zombie},	    {"pipe", has_pipe},
		{"socket", has_socket},	    {"epoll", has_epoll},
		{"signalfd", has_signalfd}, {"timerfd", has_timerfd},
		{"inotify", has_inotify},   {"memfd", has_memfd},
		{"unlinked", has_unlinked}, {"fifo", has_fifo},
		{"io_uring", has_io_uring}, {"seccomp", has_seccomp},
		{"aio", has_aio},	    {"sem-undo", has_sem_undo},
		{"dnotify", has_dnotify},   {"sysv-shm", has_sysv_shm},
		{"pidfd", has_pidfd},	    {"userfaultfd", has_userfaultfd},
	};

	MUST(argc > 2);
	go = argv[1];
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[2], kinds[i].name) != 0)
			continue;
		kinds[i].run();
		return victim_end();
	}
	dprintf(1, "FAIL: no kind '%s'\n", argv[2]);
	return 1;
}
