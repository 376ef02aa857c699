// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Blocking system calls that end when GO is there, by a helper process that is no descendant, or by
 * a signal: see calls.h.
 */
#include <linux/futex.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "calls.h"

static volatile sig_atomic_t order[4], handled;

static void on_signal(int sig)
{
	if (handled < 4)
		order[handled] = sig;
	handled++;
}

static void on_late_signal(int sig)
{
	CHECK(access(go, F_OK) == 0, "signal %d was handled before its time", sig);
	on_signal(sig);
}

/* Runs act() in another process, which init or the test's reaper has as a child, when GO exists. */
static void helper(void (*act)(int arg), int arg)
{
	pid_t pid = fork();

	MUST(pid >= 0);
	if (pid) {
		waitpid(pid, NULL, 0);
		return;
	}
	if (fork() == 0) {
		setsid(); /* nothing of its is named by our PID */
		for (int i = 0; i < 12000 && access(go, F_OK) != 0; i++)
			victim_doze();
		act(arg);
	}
	_exit(0);
}

static void act_nothing(int arg)
{
	(void)arg;
}

static void act_usr2(int arg)
{
	(void)arg;
	kill(self, SIGUSR2);
}

static void act_write(int fd)
{
	MUST(write(fd, "abc", 3) == 3);
}

static void act_drain(int fd)
{
	struct pollfd readable = {fd, POLLIN, 0};

	while (kill(self, 0) == 0)
		if (poll(&readable, 1, 20) > 0 && read(fd, big, BIG) <= 0)
			break;
}

/* A pipe or socket whose other end the helper has. */
static int other_end(bool sock, bool writes, void (*act)(int arg))
{
	int fds[2];

	MUST((sock ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds)) == 0);
	helper(act, fds[writes ? 0 : 1]);
	if (!sock)
		close(fds[writes ? 0 : 1]);
	return fds[writes ? 1 : 0];
}

/* ---- calls that end by the helper ---- */

static void do_epoll_endless(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int ep = epoll_create1(0);

	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, other_end(false, false, act_write), &ev) == 0);
	victim_ready();
	returned("epoll_wait", epoll_wait(ep, &ev, 1, -1), 1);
}

static int sem_id;

static void act_sem(int arg)
{
	struct sembuf op = {0, 1, 0};

	(void)arg;
	semop(sem_id, &op, 1);
}

static void do_semop(void)
{
	struct sembuf op = {0, -1, 0};

	sem_id = semget(IPC_PRIVATE, 1, 0600);
	MUST(sem_id >= 0);
	helper(act_sem, 0);
	victim_ready();
	returned("semop", semop(sem_id, &op, 1), 0);
	semctl(sem_id, 0, IPC_RMID);
}

struct message {
	long type;
	char text[8];
};

static void act_msg(int id)
{
	struct message m = {1, "hello"};

	msgsnd(id, &m, sizeof(m.text), 0);
}

static void do_msgrcv(void)
{
	int id = msgget(IPC_PRIVATE, 0600);
	struct message m;

	MUST(id >= 0);
	helper(act_msg, id);
	victim_ready();
	returned("msgrcv", msgrcv(id, &m, sizeof(m.text), 0, 0), sizeof(m.text));
	msgctl(id, IPC_RMID, NULL);
}

static void do_sigwaitinfo(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	helper(act_usr2, 0);
	victim_ready();
	returned("sigwaitinfo", sigwaitinfo(&set, NULL), SIGUSR2);
}

static char lock_path[200];

static int lock_file(void)
{
	int fd;

	snprintf(lock_path, sizeof(lock_path), "%s.lock.%d", go, self);
	fd = open(lock_path, O_RDWR | O_CREAT, 0600);
	MUST(fd >= 0);
	return fd;
}

/* The helper holds it until GO: its end lets go. */
static void hold(void)
{
	struct flock all = {.l_type = F_WRLCK};
	pid_t pid = fork();

	MUST(pid >= 0);
	if (!pid) {
		if (fork())
			_exit(0);
		setsid();
		int fd = open(lock_path, O_RDWR);

		if (flock(fd, LOCK_EX) || fcntl(fd, F_SETLK, &all))
			_exit(1);
		unlink(lock_path);
		for (int i = 0; i < 12000 && access(go, F_OK) != 0; i++)
			victim_doze();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	while (access(lock_path, F_OK) == 0)
		victim_doze();
}

static void do_flock(void)
{
	int fd = lock_file();

	hold();
	victim_ready();
	returned("flock", flock(fd, LOCK_EX), 0);
}

static void do_setlkw(void)
{
	struct flock all = {.l_type = F_WRLCK};
	int fd = lock_file();

	hold();
	victim_ready();
	returned("F_SETLKW", fcntl(fd, F_SETLKW, &all), 0);
}

static void do_ofd_setlkw(void)
{
	struct flock all = {.l_type = F_WRLCK};
	int fd = lock_file();

	hold();
	victim_ready();
	returned("F_OFD_SETLKW", fcntl(fd, F_OFD_SETLKW, &all), 0);
}

static void act_open_fifo(int arg)
{
	(void)arg;
	close(open(lock_path, O_WRONLY));
}

static void do_open_fifo(void)
{
	snprintf(lock_path, sizeof(lock_path), "%s.fifo.%d", go, self);
	MUST(mkfifo(lock_path, 0600) == 0);
	helper(act_open_fifo, 0);
	victim_ready();
	CHECK(open(lock_path, O_RDONLY) >= 0, "open of a FIFO: %m");
	unlink(lock_path);
}

static uint32_t *word;

static void act_wake(int arg)
{
	(void)arg;
	*word = 6;
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void do_futex_endless(void)
{
	int fd;

	fd = lock_file();
	MUST(ftruncate(fd, 4096) == 0);
	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(word != MAP_FAILED);
	*word = 5;
	helper(act_wake, 0);
	victim_ready();
	if (syscall(SYS_futex, word, FUTEX_WAIT, 5, NULL, NULL, 0) != 0)
		CHECK(errno == EAGAIN && *word == 6, "futex: %m");
	unlink(lock_path);
}

static void do_read_pipe(void)
{
	int fd = other_end(false, false, act_write);

	victim_ready();
	returned("read", read(fd, big, 3), 3);
}

static void do_write_pipe(void)
{
	int fd = other_end(false, true, act_drain);

	victim_ready();
	returned("write", write(fd, big, BIG), BIG);
}

static void do_send_stream(void)
{
	int fd = other_end(true, true, act_drain);

	victim_ready();
	returned("send", send(fd, big, BIG, 0), BIG);
}

static void do_recv_all(void)
{
	int fds[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	MUST(write(fds[1], "12345", 5) == 5);
	helper(act_write, fds[1]);
	victim_ready();
	returned("recv", recv(fds[0], big, 8, MSG_WAITALL), 8);
	CHECK(!memcmp(big, "12345abc", 8), "recv: '%.8s'", big);
}

static void do_splice(void)
{
	int fd = other_end(false, false, act_write), out[2];

	MUST(pipe(out) == 0);
	victim_ready();
	returned("splice", splice(fd, NULL, out[1], NULL, 3, 0), 3);
}

static void do_tee(void)
{
	int fd = other_end(false, false, act_write), out[2];

	MUST(pipe(out) == 0);
	victim_ready();
	returned("tee", tee(fd, out[1], 3, 0), 3);
}

static pid_t child(void)
{
	pid_t pid = fork();

	MUST(pid >= 0);
	if (pid)
		return pid;
	victim_wait(go);
	_exit(7);
}

static void do_wait4(void)
{
	pid_t pid = child();

	victim_ready();
	returned("wait4", wait4(-1, NULL, 0, NULL), pid);
}

static void do_waitid(void)
{
	pid_t pid = child();
	siginfo_t info;

	victim_ready();
	returned("waitid", waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
	CHECK(info.si_status == 7, "waitid: status %d", info.si_status);
}

/* A full buffer of the terminal: "more" of a write. */
static void do_write_tty(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), fd;
	char name[64];

	if (master < 0 || grantpt(master) || unlockpt(master) ||
	    ptsname_r(master, name, sizeof(name)))
		victim_skip("no pseudo-terminals");
	fd = open(name, O_RDWR | O_NOCTTY);
	MUST(fd >= 0);
	helper(act_drain, master);
	victim_ready();
	returned("write", write(fd, big, 100000), 100000);
}

/* ---- calls that a signal ends, and their masks ---- */

/* USR1, which comes early, is blocked by the mask of the call alone: it must not be handled before
 * USR2 has ended the call. */
static void masked(long (*call)(const sigset_t *mask))
{
	struct sigaction act = {.sa_handler = on_late_signal};
	sigset_t during;
	long ret;

	sigfillset(&act.sa_mask);
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGUSR2, &act, NULL);
	sigfillset(&during);
	sigdelset(&during, SIGUSR2);
	helper(act_usr2, 0);
	victim_ready();
	ret = call(&during);
	CHECK(ret == -1 && errno == EINTR, "it returned %ld: %m", ret);
	CHECK(handled == 2 && order[0] == SIGUSR2 && order[1] == SIGUSR1, "%d signals: %d, %d",
	      (int)handled, (int)order[0], (int)order[1]);
}

static long call_sigsuspend(const sigset_t *mask)
{
	return sigsuspend(mask);
}

static long call_ppoll(const sigset_t *mask)
{
	return ppoll(NULL, 0, NULL, mask);
}

static long call_pselect(const sigset_t *mask)
{
	return pselect(0, NULL, NULL, NULL, NULL, mask);
}

static long call_epoll_pwait(const sigset_t *mask)
{
	struct epoll_event ev;

	return epoll_pwait(empty_epoll(), &ev, 1, -1, mask);
}

static void do_masked_sigsuspend(void)
{
	masked(call_sigsuspend);
}

static void do_masked_ppoll(void)
{
	masked(call_ppoll);
}

static void do_masked_pselect(void)
{
	masked(call_pselect);
}

static void do_masked_epoll_pwait(void)
{
	masked(call_epoll_pwait);
}

/* A signal that comes while it is frozen ends the call as it does at any other time. */
static void do_handled_epoll(void)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct epoll_event ev;
	int ep = empty_epoll();

	sigaction(SIGUSR1, &act, NULL);
	victim_ready();
	timed_out("epoll_wait", epoll_wait(ep, &ev, 1, 100000), EINTR);
	returned("signals handled", handled, 1);
}

static void do_handled_sigtimedwait(void)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct timespec ts = {100, 0};
	sigset_t set;

	sigaction(SIGUSR1, &act, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	victim_ready();
	timed_out("sigtimedwait", sigtimedwait(&set, NULL, &ts), EINTR);
	returned("signals handled", handled, 1);
}

/* Bytes that were moved count. */
static void do_handled_write(void)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	int fd = other_end(false, true, act_nothing);

	sigaction(SIGUSR1, &act, NULL);
	victim_ready();
	returned("write", write(fd, big, BIG), 65536);
	returned("signals handled", handled, 1);
}

/* The handler takes its time: the call it interrupted is still to return, EINTR. */
static void on_long_signal(int sig)
{
	victim_wait(go);
	on_signal(sig);
}

static void do_nested(void)
{
	struct sigaction act = {.sa_handler = on_long_signal};
	struct timespec ts = {1000, 0};
	sigset_t set;

	sigaction(SIGUSR1, &act, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	victim_ready();
	timed_out("sigtimedwait", sigtimedwait(&set, NULL, &ts), EINTR);
	returned("signals handled", handled, 1);
}

/* Short waits until GO. Where the daemon dies between the stop and putting it right, some end with
 * EINTR. */
static void do_loop(void)
{
	struct sembuf op = {0, -1, 0};
	struct timespec ts = {0, 50000000};
	int id = semget(IPC_PRIVATE, 1, 0600), cut = 0;

	MUST(id >= 0);
	victim_ready();
	while (access(go, F_OK) != 0) {
		long ret = semtimedop(id, &op, 1, &ts);

		CHECK(ret == -1 && (errno == EAGAIN || errno == EINTR), "semtimedop: %ld: %m", ret);
		cut += errno == EINTR;
		CHECK(ts.tv_sec == 0 && ts.tv_nsec == 50000000, "semtimedop changed its time");
	}
	semctl(id, 0, IPC_RMID);
	CHECK(cut <= 5, "%d calls were cut short", cut);
}

static const struct call calls[] = {
	{"epoll-endless", "helped", do_epoll_endless},
	{"semop", "helped helped-kept", do_semop},
	{"msgrcv", "helped helped-kept", do_msgrcv},
	{"sigwaitinfo", "helped helped-kept", do_sigwaitinfo},
	{"flock", "helped", do_flock},
	{"F_SETLKW", "helped", do_setlkw},
	{"F_OFD_SETLKW", "helped", do_ofd_setlkw},
	{"open-fifo", "helped helped-kept", do_open_fifo},
	{"futex-endless", "helped helped-kept", do_futex_endless},
	{"read-pipe", "helped", do_read_pipe},
	{"write-pipe", "helped", do_write_pipe},
	{"send-stream", "helped", do_send_stream},
	{"recv-all", "helped", do_recv_all},
	{"splice", "helped", do_splice},
	{"tee", "helped", do_tee},
	{"wait4", "helped", do_wait4},
	{"waitid", "helped", do_waitid},
	{"write-tty", "helped", do_write_tty},
	{"masked-sigsuspend", "signal signal-kept", do_masked_sigsuspend},
	{"masked-ppoll", "signal signal-kept", do_masked_ppoll},
	{"masked-pselect", "signal signal-kept", do_masked_pselect},
	{"masked-epoll_pwait", "signal", do_masked_epoll_pwait},
	{"handled-epoll", "signal", do_handled_epoll},
	{"handled-sigtimedwait", "signal signal-kept", do_handled_sigtimedwait},
	{"handled-write", "signal", do_handled_write},
	{"nested", "nested", do_nested},
	{"loop", "loop", do_loop},
};

int main(int argc, char **argv)
{
	return calls_main(calls, sizeof(calls) / sizeof(calls[0]), argc, argv);
}
