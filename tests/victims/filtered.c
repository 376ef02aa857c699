// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * filtered GO KIND: puts seccomp filters on itself and tries, when it may go, whether they are all
 * there and in their order: errno fails what is not on its list, as container managers do; stacked
 * has two, the later one logging; numbers counts like counter.c under both; kills, traps, notifies
 * and strict would not survive calls of somebody else's; arguments and address kill by what is
 * passed and from where.
 */
#include <asm/ldt.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "victim.h"

#define DATA(field)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RET(what)    BPF_STMT(BPF_RET | BPF_K, what)
#define ON(nr, then) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), then
#define FAIL_WITH(e) RET(SECCOMP_RET_ERRNO | (e))
#define ALLOW	     RET(SECCOMP_RET_ALLOW)

static const char *go;

static void install(struct sock_filter *code, size_t n, unsigned int flags)
{
	struct sock_fprog prog = {(unsigned short)n, code};

	MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog) >= 0);
}
#define INSTALL(code, flags) install(code, sizeof(code) / sizeof((code)[0]), flags)

/* Mode and number of filters, as status says. */
static void see(int *mode, int *filters)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	MUST(f);
	*mode = *filters = -1;
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "Seccomp: %d", mode);
		sscanf(line, "Seccomp_filters: %d", filters);
	}
	fclose(f);
}

static void check_seen(int filters)
{
	int mode, n;

	see(&mode, &n);
	CHECK(mode == SECCOMP_MODE_FILTER, "mode is %d", mode);
	CHECK(n == filters, "it has %d filters, had %d", n, filters);
}

static void check_fails(const char *what, long nr, long arg0, int error)
{
	long ret = syscall(nr, arg0, 0, 0, 0, 0, 0);

	CHECK(ret == -1 && errno == error, "%s returned %ld, errno %d", what, ret, errno);
}

static void wait_for_go(void)
{
	victim_ready();
	victim_wait(go);
}

/* Whoever is root has it without no_new_privs, and drops what let him. */
static void fail_unlisted(void)
{
	static struct sock_filter code[] = {
		DATA(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		RET(SECCOMP_RET_KILL_PROCESS),
		DATA(nr),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), /* x32 */
		FAIL_WITH(ENOSYS),
		ON(SYS_read, ALLOW),
		ON(SYS_write, ALLOW),
		ON(SYS_openat, ALLOW),
		ON(SYS_close, ALLOW),
		ON(SYS_newfstatat, ALLOW),
		ON(SYS_fstat, ALLOW),
		ON(SYS_lseek, ALLOW), /* of dprintf() */
		ON(SYS_access, ALLOW),
		ON(SYS_clock_nanosleep, ALLOW),
		ON(SYS_restart_syscall, ALLOW),
		ON(SYS_brk, ALLOW),
		ON(SYS_rt_sigprocmask, ALLOW),
		ON(SYS_exit_group, ALLOW),
		FAIL_WITH(EPERM),
	};

	MUST(prctl(PR_CAPBSET_DROP, 21) == 0 || errno == EPERM); /* CAP_SYS_ADMIN */
	if (geteuid() != 0)
		MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	INSTALL(code, 0);
	wait_for_go();
	check_seen(1);
	check_fails("getppid", SYS_getppid, 0, EPERM);
	check_fails("mmap", SYS_mmap, 0, EPERM);
	check_fails("an x32 call", 0x40000000 | SYS_getppid, 0, ENOSYS);
}

/* The later one answers first, so its errno counts where both have one. */
static void stack_two(void)
{
	static struct sock_filter older[] = {
		DATA(nr),
		ON(SYS_getppid, FAIL_WITH(11)),
		ON(SYS_getpgrp, FAIL_WITH(12)),
		ALLOW,
	};
	static struct sock_filter later[] = {
		DATA(nr),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_IMM, SYS_getppid - 3),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 3),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		FAIL_WITH(21),
		DATA(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_dup, 1, 0),
		ALLOW,
		DATA(args[0]),
		ON(1000, FAIL_WITH(22)),
		ALLOW,
	};

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	INSTALL(older, 0);
	INSTALL(later, SECCOMP_FILTER_FLAG_LOG);
}

static void check_two(void)
{
	check_seen(2);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "no_new_privs");
	check_fails("getppid", SYS_getppid, 0, 21);
	check_fails("getpgrp", SYS_getpgrp, 0, 12);
	check_fails("dup(1000)", SYS_dup, 1000, 22);
	check_fails("dup(1001)", SYS_dup, 1001, EBADF);
}

static void stacked(void)
{
	stack_two();
	wait_for_go();
	check_two();
}

static void numbers(void)
{
	unsigned long n = 0;

	stack_two();
	victim_ready();
	while (access(go, F_OK) != 0) {
		MUST(dprintf(1, "%lu\n", n) > 0);
		n++;
		victim_doze();
	}
	check_two();
}

/* Something that it never does itself, and we would. */
static void filter_one(long nr, uint32_t answer)
{
	struct sock_filter code[] = {
		DATA(nr),
		ON((uint32_t)nr, RET(answer)),
		ALLOW,
	};

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	INSTALL(code, 0);
	wait_for_go();
	check_seen(1);
}

static void on_sigaltstack(uint32_t answer)
{
	filter_one(SYS_sigaltstack, answer);
}

static void kills(void)
{
	on_sigaltstack(SECCOMP_RET_KILL_PROCESS);
}

static void traps(void)
{
	on_sigaltstack(SECCOMP_RET_TRAP);
}

static void traces(void)
{
	on_sigaltstack(SECCOMP_RET_TRACE | 5);
	check_fails("sigaltstack", SYS_sigaltstack, 0, ENOSYS);
}

static void logs(void)
{
	on_sigaltstack(SECCOMP_RET_LOG);
	CHECK(syscall(SYS_sigaltstack, 0, 0) == 0, "sigaltstack: %m");
}

static void notifies(void)
{
	on_sigaltstack(SECCOMP_RET_USER_NOTIF);
}

/* prctl options above those it uses kill. */
static void arguments(void)
{
	static struct sock_filter code[] = {
		DATA(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 1, 0),
		ALLOW,
		DATA(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PR_SET_NO_NEW_PRIVS + 1, 0, 1),
		RET(SECCOMP_RET_KILL_THREAD),
		ALLOW,
	};

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	INSTALL(code, 0);
	wait_for_go();
	check_seen(1);
}

static void signal_mask(void)
{
	filter_one(SYS_rt_sigprocmask, SECCOMP_RET_ERRNO | EPERM);
}

static void restarts(void)
{
	filter_one(SYS_restart_syscall, SECCOMP_RET_KILL_PROCESS);
}

static void no_keys(void)
{
	filter_one(SYS_keyctl, SECCOMP_RET_KILL_PROCESS);
}

static void no_ldt(void)
{
	filter_one(SYS_modify_ldt, SECCOMP_RET_KILL_PROCESS);
}

static void has_ldt(void)
{
	struct user_desc desc = {
		.entry_number = 3, .base_addr = 0x1000, .limit = 0xfff, .seg_32bit = 1};

	if (syscall(SYS_modify_ldt, 1, &desc, sizeof(desc)) != 0)
		victim_skip("no LDT here");
	no_ldt();
}

/* System calls come from the C library or from nowhere. */
static void address(void)
{
	unsigned long start = 0, end = 0, from, to;
	char line[400];
	FILE *f = fopen("/proc/self/maps", "re");

	MUST(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "r-xp") && (strstr(line, "/libc.so") || strstr(line, "[vdso]")) &&
		    sscanf(line, "%lx-%lx", &from, &to) == 2 && strstr(line, "/libc.so")) {
			start = from;
			end = to;
		}
	fclose(f);
	MUST(end && start >> 32 == end >> 32);
	{
		struct sock_filter code[] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
				 offsetof(struct seccomp_data, instruction_pointer) + 4),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(start >> 32), 1, 0),
			RET(SECCOMP_RET_KILL_PROCESS),
			DATA(instruction_pointer),
			BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)start, 1, 0),
			RET(SECCOMP_RET_KILL_PROCESS),
			/* the last page has its padding */
			BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)end - 4096, 0, 1),
			RET(SECCOMP_RET_KILL_PROCESS),
			ALLOW,
		};

		MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
		INSTALL(code, 0);
	}
	wait_for_go();
	check_seen(1);
}

/* It may only read, write and exit; the file that it maps stands for go. */
static void strict(void)
{
	int fd = open("strict.go", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	volatile char *may_go;

	MUST(fd >= 0 && ftruncate(fd, 4096) == 0);
	may_go = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	MUST(may_go != MAP_FAILED);
	MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	victim_ready();
	while (!*may_go)
		__asm__ volatile("pause");
	MUST(write(1, "PASS\n", 5) == 5);
	syscall(SYS_exit, 0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} kinds[] = {
		{"errno", fail_unlisted}, {"stacked", stacked},	    {"numbers", numbers},
		{"kills", kills},	  {"traps", traps},	    {"traces", traces},
		{"logs", logs},		  {"notifies", notifies},   {"arguments", arguments},
		{"address", address},	  {"sigmask", signal_mask}, {"strict", strict},
		{"no-ldt", no_ldt},	  {"restart", restarts},    {"no-keys", no_keys},
		{"ldt", has_ldt},
	};

	MUST(argc == 3);
	go = argv[1];
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, argv[2]) != 0)
			continue;
		kinds[i].run();
		return victim_end();
	}
	victim_fail("no kind %s", argv[2]);
	return 1;
}
