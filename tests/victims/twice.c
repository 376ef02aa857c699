// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Has two states that differ in everything it can think of, and judges all the while that it is in
 * one of them and not between: the first until it may go, then the second, until the second file is
 * there. Says "first" and "second" when it comes to them, and writes the time at which it last
 * began to judge, and was content, to the file named third.
 */
#include <fenv.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include "victim.h"

#define K    1024ul
#define AREA (256 * K)
#define HIGH 200 /* descriptors that nothing else takes */

static char *grown;		    /* second: after the heap has grown */
static char *kept, *gone, *fresh;   /* both; first; second */
static char *guarded, *shared, *ro; /* both */
static char *file_map;		    /* private, of our own program */
static char data_page[64 * K];
static volatile int handled;
static int state;
static _Thread_local int tls_state;

static void handler_a(int sig)
{
	(void)sig;
	handled = 1;
}

static void handler_b(int sig)
{
	(void)sig;
	handled = 2;
}

static void set_handler(int sig, void (*fn)(int))
{
	struct sigaction act = {.sa_handler = fn};

	MUST(sigaction(sig, &act, NULL) == 0);
}

static void *handler_of(int sig)
{
	struct sigaction act;

	sigaction(sig, NULL, &act);
	return (void *)(uintptr_t)act.sa_handler;
}

static bool is_mapped(void *addr)
{
	unsigned char v;

	return mincore(addr, 4 * K, &v) == 0;
}

static char *map(void *at, size_t len)
{
	char *p = mmap(at, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED_NOREPLACE : 0), -1, 0);

	MUST(p != MAP_FAILED);
	return p;
}

/* ---- descriptors ---- */

static void fds_first(const char *prog)
{
	int fd = open(prog, O_RDONLY), p[2];

	MUST(fd >= 0 && dup2(fd, HIGH) == HIGH && dup2(fd, HIGH + 1) == HIGH + 1);
	MUST(lseek(HIGH, 100, SEEK_SET) == 100);
	close(fd);
	MUST(pipe(p) == 0 && dup2(p[0], HIGH + 3) > 0 && dup2(p[1], HIGH + 4) > 0);
	close(p[0]);
	close(p[1]);
	MUST(write(HIGH + 4, "first", 5) == 5);
	fd = eventfd(7, EFD_NONBLOCK);
	MUST(fd >= 0 && dup2(fd, HIGH + 5) > 0);
	close(fd);
	fd = open("/dev/zero", O_RDWR);
	MUST(fd >= 0 && dup2(fd, HIGH + 6) > 0);
	close(fd);
}

static void fds_second(const char *prog)
{
	char buf[16];
	uint64_t one = 1;
	int fd;

	MUST(lseek(HIGH, 5000, SEEK_SET) == 5000); /* moves HIGH + 1 too */
	close(HIGH + 1);
	fd = open(prog, O_RDONLY);
	MUST(fd >= 0 && dup2(fd, HIGH + 2) > 0 && fcntl(HIGH + 2, F_SETFD, FD_CLOEXEC) == 0);
	close(fd);
	MUST(read(HIGH + 3, buf, 5) == 5 && write(HIGH + 4, "the second", 10) == 10);
	MUST(fcntl(HIGH + 3, F_SETFL, O_NONBLOCK) == 0);
	MUST(write(HIGH + 5, &one, 8) == 8);
	fd = open("/dev/null", O_RDWR);
	MUST(fd >= 0 && dup2(fd, HIGH + 6) > 0);
	close(fd);
}

static int64_t peek_pipe(char *buf)
{
	int64_t n = -1;
	char path[64], text[16] = {0};
	int spare[2];

	(void)path;
	/* tee(2) takes nothing out */
	if (pipe2(spare, O_NONBLOCK) == 0) {
		n = tee(HIGH + 3, spare[1], 16, SPLICE_F_NONBLOCK);
		if (n > 0 && read(spare[0], text, 16) == n)
			memcpy(buf, text, 16);
		close(spare[0]);
		close(spare[1]);
	}
	return n;
}

static void judge_fds(int want)
{
	bool first = want == 1;
	char buf[16] = {0};
	struct stat st;

	CHECK(lseek(HIGH, 0, SEEK_CUR) == (first ? 100 : 5000), "offset %ld",
	      (long)lseek(HIGH, 0, SEEK_CUR));
	CHECK((fcntl(HIGH + 1, F_GETFD) >= 0) == first, "second number of a file");
	CHECK(!first || lseek(HIGH + 1, 0, SEEK_CUR) == 100, "shared offset");
	CHECK(fcntl(HIGH + 2, F_GETFD) == (first ? -1 : FD_CLOEXEC), "a file that was opened");
	CHECK(peek_pipe(buf) == (first ? 5 : 10) && !strcmp(buf, first ? "first" : "the second"),
	      "pipe: %s", buf);
	CHECK(!(fcntl(HIGH + 3, F_GETFL) & O_NONBLOCK) == first, "O_NONBLOCK");
	CHECK(fstat(HIGH + 6, &st) == 0 && st.st_rdev == (first ? 0x105 : 0x103), "device %lx",
	      (unsigned long)st.st_rdev);
	CHECK(fcntl(3, F_GETFD) == -1 && fcntl(4, F_GETFD) == -1, "descriptors left over");
}

/* ---- memory ---- */

static void memory_first(const char *prog)
{
	int fd = open(prog, O_RDONLY);

	kept = map(NULL, AREA);
	guarded = map(NULL, AREA);
	ro = map(NULL, AREA);
	gone = map((void *)0x100000000, AREA);
	fresh = (char *)0x110000000;
	shared = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	file_map = mmap(NULL, 16 * K, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	MUST(shared != MAP_FAILED && file_map != MAP_FAILED);
	close(fd);
	victim_fill(kept, AREA / 2, 1);
	victim_fill(gone, AREA, 2);
	victim_fill(guarded, AREA, 3);
	victim_fill(ro, AREA, 4);
	victim_fill(shared, AREA / 2, 5);
	victim_fill(data_page, sizeof(data_page), 6);
	file_map[100] = 'x';
	MUST(mprotect(ro, AREA, PROT_READ) == 0);
	grown = sbrk(0);
}

static void memory_second(void)
{
	MUST(sbrk(2 * 1024 * K) == grown);
	victim_fill(grown, 2 * 1024 * K, 10);
	victim_fill(kept, AREA, 11); /* the second half is new */
	MUST(munmap(gone, AREA) == 0);
	map(fresh, 2 * AREA);
	victim_fill(fresh, 2 * AREA, 12);
	MUST(mprotect(guarded + 64 * K, 64 * K, PROT_NONE) == 0);
	MUST(mprotect(ro, AREA, PROT_READ | PROT_WRITE) == 0);
	victim_fill(ro, AREA, 14);
	MUST(mprotect(ro, AREA, PROT_READ) == 0);
	victim_fill(shared, AREA, 15);
	victim_fill(data_page, sizeof(data_page), 16);
	file_map[100] = 'y';
	file_map[8 * K] = 'z';
}

static void judge_memory(int want)
{
	bool first = want == 1;
	size_t half = AREA / 2;

	CHECK((char *)sbrk(0) == grown + (first ? 0 : 2 * 1024 * K), "end of the heap");
	CHECK(is_mapped(grown + 1024 * K) == !first, "memory of the heap");
	CHECK(first || victim_differs(grown, 2 * 1024 * K, 10) < 0, "heap");
	CHECK(victim_differs(kept, first ? half : AREA, first ? 1 : 11) < 0, "memory at %ld",
	      victim_differs(kept, first ? half : AREA, first ? 1 : 11));
	CHECK(!first || victim_is_zero(kept + half, half), "memory that was untouched");
	CHECK(is_mapped(gone) == first && is_mapped(fresh) == !first, "mappings");
	CHECK(!first || victim_differs(gone, AREA, 2) < 0, "mapping that went");
	CHECK(first || victim_differs(fresh, 2 * AREA, 12) < 0, "mapping that came");
	CHECK(victim_differs(guarded, 64 * K, 3) < 0, "guarded");
	CHECK(write(HIGH + 6, guarded + 64 * K, 1) == 1 || !first, "guard");
	CHECK(victim_differs(ro, AREA, first ? 4 : 14) < 0, "read-only memory");
	CHECK(victim_differs(shared, first ? half : AREA, first ? 5 : 15) < 0, "shared memory");
	CHECK(!first || victim_is_zero(shared + half, half), "shared memory that was untouched");
	CHECK(victim_differs(data_page, sizeof(data_page), first ? 6 : 16) < 0, "data");
	CHECK(file_map[100] == (first ? 'x' : 'y') && (file_map[8 * K] == 'z') == !first &&
		      file_map[0] == 0x7f,
	      "private file mapping");
}

/* ---- the rest ---- */

static void rest_first(void)
{
	struct rlimit limit = {64 * 1024 * K, 128 * 1024 * K};
	sigset_t set;

	set_handler(SIGUSR1, handler_a);
	set_handler(SIGUSR2, handler_a);
	set_handler(SIGHUP, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_SETMASK, &set, NULL);
	MUST(kill(getpid(), SIGUSR2) == 0); /* stays pending */
	MUST(setrlimit(RLIMIT_CORE, &limit) == 0);
	MUST(chdir("/") == 0);
	umask(022);
	MUST(prctl(PR_SET_NAME, "first") == 0 && prctl(PR_SET_TIMERSLACK, 60000) == 0);
	MUST(fesetround(FE_UPWARD) == 0);
	tls_state = 1;
	state = 1;
}

static void rest_second(void)
{
	static char stack[32 * K];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct itimerval it = {{1000, 0}, {1000, 0}};
	struct rlimit limit = {32 * 1024 * K, 128 * 1024 * K};
	sigset_t set;

	handled = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_SETMASK, &set, NULL); /* lets SIGUSR2 come */
	MUST(handled == 1 && raise(SIGUSR1) == 0);
	set_handler(SIGUSR1, handler_b);
	set_handler(SIGUSR2, SIG_DFL);
	set_handler(SIGHUP, handler_b);
	MUST(sigaltstack(&ss, NULL) == 0 && setitimer(ITIMER_REAL, &it, NULL) == 0);
	MUST(setrlimit(RLIMIT_CORE, &limit) == 0);
	MUST(chdir("/proc") == 0);
	umask(077);
	MUST(prctl(PR_SET_NAME, "second") == 0 && prctl(PR_SET_TIMERSLACK, 70000) == 0);
	MUST(fesetround(FE_DOWNWARD) == 0);
	tls_state = 2;
	state = 2;
}

static void judge_rest(int want)
{
	bool first = want == 1;
	char name[16], cwd[64];
	struct itimerval it;
	struct rlimit limit;
	mode_t mask;
	stack_t ss;
	sigset_t set;

	CHECK(state == want && tls_state == want, "state %d, tls %d", state, tls_state);
	CHECK(handler_of(SIGUSR1) == (first ? handler_a : handler_b), "action of SIGUSR1");
	CHECK(handler_of(SIGUSR2) == (first ? (void *)handler_a : (void *)SIG_DFL), "of SIGUSR2");
	CHECK(handler_of(SIGHUP) == (first ? (void *)SIG_IGN : (void *)handler_b), "of SIGHUP");
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(sigismember(&set, SIGUSR2) == first && sigismember(&set, SIGUSR1) == !first, "mask");
	sigpending(&set);
	CHECK(sigismember(&set, SIGUSR2) == first && sigismember(&set, SIGUSR1) == !first,
	      "pending signals");
	sigaltstack(NULL, &ss);
	CHECK(!!(ss.ss_flags & SS_DISABLE) == first, "alternate stack");
	getitimer(ITIMER_REAL, &it);
	CHECK((it.it_value.tv_sec == 0) == first, "timer");
	getrlimit(RLIMIT_CORE, &limit);
	CHECK(limit.rlim_cur == (first ? 64 : 32) * 1024 * K, "limit");
	CHECK(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, first ? "/" : "/proc"), "cwd %s", cwd);
	mask = umask(0);
	umask(mask);
	CHECK(mask == (first ? 022 : 077), "umask %o", mask);
	prctl(PR_GET_NAME, name);
	CHECK(!strcmp(name, first ? "first" : "second"), "name %s", name);
	CHECK(prctl(PR_GET_TIMERSLACK) == (first ? 60000 : 70000), "timerslack");
	CHECK(fegetround() == (first ? FE_UPWARD : FE_DOWNWARD), "rounding");
}

static void judge(int want)
{
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_REALTIME, &now);
	ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	judge_fds(want);
	judge_memory(want);
	judge_rest(want);
	if (victim_failures)
		_exit(1);
	CHECK(pwrite(HIGH + 7, &ns, 8, 0) == 8, "beat");
}

static __attribute__((noinline)) void deeper(int depth, const char *go)
{
	volatile char pad[4096];

	memset((char *)pad, depth, sizeof(pad));
	if (depth) {
		deeper(depth - 1, go);
	} else {
		MUST(write(1, "second\n", 7) == 7);
		while (access(go, F_OK) != 0) {
			judge(2);
			victim_doze();
		}
		judge(2);
	}
	for (size_t i = 0; i < sizeof(pad); i++)
		if (pad[i] != (char)depth) {
			victim_fail("stack at depth %d", depth);
			_exit(1);
		}
}

int main(int argc, char **argv)
{
	MUST(argc > 3 && fcntl(1, F_SETFL, O_APPEND) == 0); /* what it said stays said */
	memory_first(argv[0]);
	fds_first(argv[0]);
	MUST(dup2(open(argv[3], O_RDWR | O_CREAT, 0600), HIGH + 7) > 0 && close(3) == 0);
	rest_first();
	victim_ready();
	while (access(argv[1], F_OK) != 0) {
		judge(1);
		victim_doze();
	}
	judge(1);
	MUST(write(1, "first\n", 6) == 6);
	fds_second(argv[0]);
	memory_second();
	rest_second();
	judge(2);
	deeper(60, argv[2]);
	return victim_end();
}
