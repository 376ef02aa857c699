// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bare32 GO [WAIT SECONDS]: a 32-bit program without a C library, so that it can be built where
 * there is none of 32 bits. It makes all its system calls by int $0x80, has handlers of both kinds
 * of frames, thread-local storage in the GDT and a robust list; or it waits in one call and prints
 * how long ("elapsed MS").
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { /* arch/x86/entry/syscalls/syscall_32.tbl */
       EXIT = 1,
       WRITE = 4,
       GETPID = 20,
       ACCESS = 33,
       KILL = 37,
       NANOSLEEP = 162,
       POLL = 168,
       RT_SIGACTION = 174,
       FUTEX = 240,
       SET_THREAD_AREA = 243,
       CLOCK_GETTIME = 265,
       CLOCK_NANOSLEEP = 267,
       SET_ROBUST_LIST = 311,
       GET_ROBUST_LIST = 312,
       CLOCK_NANOSLEEP64 = 407,
       FUTEX64 = 422
};

#define SIGUSR1	    10
#define SIGUSR2	    12
#define SA_SIGINFO  4u
#define SA_RESTORER 0x04000000u
#define EINTR	    4
#define ETIMEDOUT   110

int call(int nr, ...);
asm(".text\n"
    ".globl call\n"
    "call:	push %ebx; push %esi; push %edi; push %ebp\n"
    "	mov 20(%esp), %eax; mov 24(%esp), %ebx; mov 28(%esp), %ecx; mov 32(%esp), %edx\n"
    "	mov 36(%esp), %esi; mov 40(%esp), %edi; mov 44(%esp), %ebp\n"
    "	int $0x80\n"
    "	pop %ebp; pop %edi; pop %esi; pop %ebx\n"
    "	ret\n"
    ".globl _start\n"
    "_start:	mov %esp, %eax; and $-16, %esp; sub $12, %esp; push %eax\n"
    "	call bare_main\n"
    "restore_rt: mov $173, %eax; int $0x80\n" /* rt_sigreturn */
    "restore_old: pop %eax; mov $119, %eax; int $0x80\n" /* sigreturn */);
extern char restore_rt[], restore_old[];
__attribute__((used)) void bare_main(char **stack);

static bool failed;

static size_t length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void say(const char *a, const char *b)
{
	char line[200];
	size_t n = 0;

	for (; *a && n < 150; a++)
		line[n++] = *a;
	for (; *b && n < 198; b++)
		line[n++] = *b;
	line[n++] = '\n';
	call(WRITE, 1, line, n);
}

static void check(bool good, const char *what)
{
	if (!good)
		say("FAIL: ", what);
	failed |= !good;
}

static void say_number(const char *what, unsigned int n)
{
	char digits[12], *p = digits + 11;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	say(what, p);
}

static unsigned int now_ms(void)
{
	int ts[2];

	call(CLOCK_GETTIME, 1, ts);
	return (unsigned int)ts[0] * 1000u + (unsigned int)ts[1] / 1000000u;
}

/* ---- one wait ---- */

static const int *go_word(void)
{
	static const int word = 1;

	return &word;
}

static int wait_in(const char *how, int seconds)
{
	static int ts[2], rem[2];
	static int64_t ts64[2], rem64[2];

	ts[0] = seconds;
	ts64[0] = seconds;
	if (same(how, "nanosleep"))
		return call(NANOSLEEP, ts, 0);
	if (same(how, "nanosleep-rem"))
		return call(NANOSLEEP, ts, rem);
	if (same(how, "clock"))
		return call(CLOCK_NANOSLEEP, 1, 0, ts, rem);
	if (same(how, "clock64"))
		return call(CLOCK_NANOSLEEP64, 1, 0, ts64, rem64);
	if (same(how, "poll"))
		return call(POLL, 0, 0, seconds * 1000);
	if (same(how, "futex"))
		return call(FUTEX, go_word(), 128, 1, ts, 0, 0) + ETIMEDOUT;
	if (same(how, "futex64"))
		return call(FUTEX64, go_word(), 128, 1, ts64, 0, 0) + ETIMEDOUT;
	return -1;
}

/* ---- signals ---- */

static volatile unsigned int infos, olds;
static int me;

static void on_info(int sig, const int *info, void *context)
{
	(void)context;
	check(sig == SIGUSR1 && info[0] == SIGUSR1 && info[3] == me, "siginfo of SIGUSR1");
	infos++;
}

static void on_old(int sig)
{
	check(sig == SIGUSR2, "the argument of the handler of SIGUSR2");
	olds++;
}

static void set_handler(int sig, void (*handler)(void), uint32_t flags, const char *restorer)
{
	const struct {
		void (*handler)(void);
		uint32_t flags;
		const char *restorer;
		uint32_t mask[2];
	} act = {handler, flags | SA_RESTORER, restorer, {0, 0}};

	check(call(RT_SIGACTION, sig, &act, 0, 8) == 0, "rt_sigaction");
}

static uint32_t tls_area[4] = {0x12345678, 0x9abcdef0, 0, 0};

static void set_up(void)
{
	static struct {
		void *next;
		long offset;
		void *pending;
	} robust = {&robust, 0, NULL};
	uint32_t desc[4] = {(uint32_t)-1, (uint32_t)(uintptr_t)tls_area, 0xfffff, 0x51};

	me = call(GETPID);
	set_handler(SIGUSR1, (void (*)(void))on_info, SA_SIGINFO, restore_rt);
	set_handler(SIGUSR2, (void (*)(void))on_old, 0, restore_old);
	check(call(SET_ROBUST_LIST, &robust, sizeof(robust)) == 0, "set_robust_list");
	check(call(SET_THREAD_AREA, desc) == 0, "set_thread_area");
	asm volatile("mov %w0, %%gs" : : "r"(desc[0] << 3 | 3));
}

static void run(const char *go)
{
	uint32_t list = 0, size = 0, list2, before, tls;
	int ts[2] = {0, 5000000}, rem[2];
	unsigned int rounds = 0;

	set_up();
	call(GET_ROBUST_LIST, 0, &list, &size);
	call(WRITE, 1, "ready\n", 6);
	do {
		before = now_ms();
		check(call(NANOSLEEP, ts, rem) == 0, "nanosleep was cut short");
		check(now_ms() - before >= 4, "nanosleep ended early");
		call(KILL, me, SIGUSR1);
		call(KILL, me, SIGUSR2);
		rounds++;
		check(infos == rounds && olds == rounds, "the number of signals");
		asm volatile("mov %%gs:4, %0" : "=r"(tls));
		check(tls == tls_area[1], "thread-local storage");
		check(call(GET_ROBUST_LIST, 0, &list2, &size) == 0 && list2 == list && size == 12,
		      "the robust list");
	} while (call(ACCESS, go, 0) != 0 && !failed);
}

void bare_main(char **stack)
{
	uintptr_t argc = (uintptr_t)stack[0];

	if (argc == 4) {
		unsigned int start = now_ms();
		const char *digits = stack[4];

		call(WRITE, 1, "ready\n", 6);
		check(length(digits) == 1 && wait_in(stack[3], *digits - '0') == 0, "the wait");
		say_number("elapsed ", now_ms() - start);
	} else {
		run(stack[2]);
	}
	if (!failed)
		say("PASS", "");
	call(EXIT, failed);
}
