// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The evaluator of seccomp filters against the kernel's: programs made at random, each tried in a
 * child. And what is left to decide: which answers are harmless, which filters have a supervisor.
 */
#include <check.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp.h"

Suite *seccomp_suite(void);

#define PROGRAMS 400
#define BODY	 24

static struct sock_filter body_insn(size_t left)
{
	static const uint16_t plain[] = {
		BPF_LD | BPF_IMM,
		BPF_LDX | BPF_IMM,
		BPF_LD | BPF_MEM,
		BPF_LDX | BPF_MEM,
		BPF_ST,
		BPF_STX,
		BPF_LD | BPF_W | BPF_LEN,
		BPF_LDX | BPF_W | BPF_LEN,
		BPF_MISC | BPF_TAX,
		BPF_MISC | BPF_TXA,
		BPF_ALU | BPF_ADD | BPF_K,
		BPF_ALU | BPF_SUB | BPF_K,
		BPF_ALU | BPF_MUL | BPF_K,
		BPF_ALU | BPF_DIV | BPF_K,
		BPF_ALU | BPF_AND | BPF_K,
		BPF_ALU | BPF_OR | BPF_K,
		BPF_ALU | BPF_XOR | BPF_K,
		BPF_ALU | BPF_LSH | BPF_K,
		BPF_ALU | BPF_RSH | BPF_K,
		BPF_ALU | BPF_NEG,
		BPF_ALU | BPF_ADD | BPF_X,
		BPF_ALU | BPF_SUB | BPF_X,
		BPF_ALU | BPF_MUL | BPF_X,
		BPF_ALU | BPF_AND | BPF_X,
		BPF_ALU | BPF_OR | BPF_X,
		BPF_ALU | BPF_XOR | BPF_X,
		BPF_ALU | BPF_LSH | BPF_X,
		BPF_ALU | BPF_RSH | BPF_X,
		BPF_ALU | BPF_DIV | BPF_X,
	};
	static const uint16_t jumps[] = {BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JGT | BPF_K,
					 BPF_JMP | BPF_JGE | BPF_K, BPF_JMP | BPF_JSET | BPF_K,
					 BPF_JMP | BPF_JEQ | BPF_X, BPF_JMP | BPF_JGT | BPF_X,
					 BPF_JMP | BPF_JGE | BPF_X, BPF_JMP | BPF_JSET | BPF_X};
	uint32_t k = random() % 3 ? (uint32_t)random() * 3 : (uint32_t)random() % 70;
	uint16_t code;

	switch (random() % 8) {
	case 0:
	case 1: /* an argument, or its upper half; nr; arch */
		k = random() % 4 ? 16 + random() % 12 * 4 : random() % 2 * 4;
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, k);
	case 2:
		return (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, random() % left);
	case 3:
	case 4:
		return (struct sock_filter)BPF_JUMP(jumps[random() % 8], k, random() % left,
						    random() % left);
	default:
		break;
	}
	code = plain[random() % (sizeof(plain) / sizeof(plain[0]))];
	if (BPF_CLASS(code) == BPF_ALU && (BPF_OP(code) == BPF_LSH || BPF_OP(code) == BPF_RSH))
		k %= 32; /* the kernel refuses more, and a division by 0 */
	if (code == (BPF_ALU | BPF_DIV | BPF_K))
		k |= 1;
	if (BPF_CLASS(code) == BPF_ST || BPF_CLASS(code) == BPF_STX || BPF_MODE(code) == BPF_MEM)
		k %= BPF_MEMWORDS;
	return (struct sock_filter)BPF_STMT(code, k);
}

/* Answers every getpgid() with an errno that its arguments decide, and allows all else. */
static size_t make_program(struct sock_filter *code)
{
	size_t n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 1, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	for (uint32_t i = 0; i < BPF_MEMWORDS; i++) /* none may be read before it is written */
		code[n++] = (struct sock_filter)BPF_STMT(BPF_ST, i);
	for (size_t i = 0; i < BODY; i++)
		code[n++] = body_insn(BODY - i);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	return n;
}

static long raw(const uint64_t a[6])
{
	register uint64_t r10 __asm__("r10") = a[3];
	register uint64_t r8 __asm__("r8") = a[4];
	register uint64_t r9 __asm__("r9") = a[5];
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(SYS_getpgid), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/* What the kernel makes of it: the errno; -1: killed; -2: not taken. */
static int kernel_says(struct sock_filter *code, size_t n, const uint64_t args[6])
{
	struct sock_fprog prog = {(unsigned short)n, code};
	int p[2], status, answer = -1;
	pid_t pid;

	ck_assert_int_eq(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		int e;

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
			e = -2;
		else
			e = (int)-raw(args);
		if (write(p[1], &e, sizeof(e)) != sizeof(e))
			_exit(1);
		_exit(0);
	}
	close(p[1]);
	if (read(p[0], &answer, sizeof(answer)) != sizeof(answer))
		answer = -1;
	close(p[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return answer;
}

static void add(struct ckpt_seccomp *s, const struct sock_filter *code, size_t n)
{
	uint32_t filter = (uint32_t)s->filter.n;

	ck_assert_ptr_nonnull(CKPT_VEC_ADD(&s->filter));
	for (size_t i = 0; i < n; i++) {
		struct ckpt_insn *insn = CKPT_VEC_ADD(&s->insn);

		*insn = (struct ckpt_insn){filter, code[i].code, code[i].jt, code[i].jf, code[i].k};
	}
}

static struct seccomp_data call_of(long nr, const uint64_t args[6])
{
	struct seccomp_data call = {(int)nr, AUDIT_ARCH_X86_64, 0x1234, {0}};

	memcpy(call.args, args, sizeof(call.args));
	return call;
}

START_TEST(evaluator_agrees_with_the_kernel)
{
	int answers = 0, killed = 0;

	srandom(20261124);
	for (int i = 0; i < PROGRAMS; i++) {
		struct sock_filter code[64];
		size_t n = make_program(code);
		struct ckpt_seccomp s = {0};
		struct seccomp_data call;
		uint64_t args[6];
		uint32_t verdict;
		int kernel;

		for (int a = 0; a < 6; a++)
			args[a] = (uint64_t)random() << 33 ^ (uint64_t)random();
		kernel = kernel_says(code, n, args);
		ck_assert_msg(kernel != -2, "program %d is not taken", i);
		add(&s, code, n);
		call = call_of(SYS_getpgid, args);
		verdict = ckpt_seccomp_verdict(&s, &call);
		if (kernel == -1) /* a division by zero */
			ck_assert_msg(verdict == SECCOMP_RET_KILL_THREAD, "program %d: %#x", i,
				      verdict);
		else
			ck_assert_msg(verdict == (SECCOMP_RET_ERRNO | (uint32_t)kernel),
				      "program %d: kernel %d, we %#x", i, kernel, verdict);
		answers += kernel > 0;
		killed += kernel == -1;
		call = call_of(SYS_getppid, args);
		ck_assert_uint_eq(ckpt_seccomp_verdict(&s, &call), SECCOMP_RET_ALLOW);
		ckpt_seccomp_fini(&s);
	}
	ck_assert_int_gt(answers, PROGRAMS / 2);
	ck_assert_int_gt(killed, 0);
}
END_TEST

static void add_return(struct ckpt_seccomp *s, uint32_t what)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, what)};

	add(s, code, 1);
}

START_TEST(worst_answer_counts)
{
	static const uint32_t order[] = {SECCOMP_RET_ALLOW,	  SECCOMP_RET_LOG,
					 SECCOMP_RET_TRACE,	  SECCOMP_RET_USER_NOTIF,
					 SECCOMP_RET_ERRNO | 7,	  SECCOMP_RET_TRAP,
					 SECCOMP_RET_KILL_THREAD, SECCOMP_RET_KILL_PROCESS};
	static const bool harmless[] = {true, true, true, false, true, false, false, false};
	struct seccomp_data call = call_of(SYS_brk, (const uint64_t[6]){0});

	for (size_t i = 0; i < 8; i++) {
		for (size_t j = 0; j < 8; j++) {
			struct ckpt_seccomp s = {0};

			add_return(&s, order[i]);
			add_return(&s, order[j]);
			ck_assert_uint_eq(ckpt_seccomp_verdict(&s, &call), order[i > j ? i : j]);
			ckpt_seccomp_fini(&s);
		}
		ck_assert_int_eq(ckpt_seccomp_harmless(order[i], false), harmless[i]);
		ck_assert_int_eq(ckpt_seccomp_harmless(order[i], true), i < 2);
	}
	ck_assert(!ckpt_seccomp_harmless(0x12340000, false)); /* unknown: the kernel kills */
}
END_TEST

START_TEST(later_filter_has_the_errno)
{
	struct seccomp_data call = call_of(SYS_brk, (const uint64_t[6]){0});
	struct ckpt_seccomp s = {0};

	add_return(&s, SECCOMP_RET_ERRNO | 1);
	add_return(&s, SECCOMP_RET_ERRNO | 2);
	/* the kernel asks the later one first, and keeps its answer */
	ck_assert_uint_eq(ckpt_seccomp_verdict(&s, &call), SECCOMP_RET_ERRNO | 2);
	ckpt_seccomp_fini(&s);
}
END_TEST

START_TEST(program_without_end_is_the_worst)
{
	struct sock_filter code[] = {BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff),
				     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4096),
				     BPF_STMT(BPF_LD | BPF_MEM, 4096)};
	struct seccomp_data call = call_of(SYS_brk, (const uint64_t[6]){0});

	for (size_t from = 0; from < 3; from++) {
		struct ckpt_seccomp s = {0};

		add(&s, code + from, 3 - from);
		ck_assert_uint_eq(ckpt_seccomp_verdict(&s, &call), SECCOMP_RET_KILL_PROCESS);
		ckpt_seccomp_fini(&s);
	}
}
END_TEST

START_TEST(supervisor_is_found)
{
	struct ckpt_seccomp s = {0};
	struct sock_filter computed[] = {BPF_STMT(BPF_RET | BPF_A, 0)};

	add_return(&s, SECCOMP_RET_ERRNO | 1);
	ck_assert(!ckpt_seccomp_has_supervisor(&s));
	add_return(&s, SECCOMP_RET_USER_NOTIF);
	ck_assert(ckpt_seccomp_has_supervisor(&s));
	ckpt_seccomp_fini(&s);
	add(&s, computed, 1);
	ck_assert(ckpt_seccomp_has_supervisor(&s));
	ckpt_seccomp_fini(&s);
}
END_TEST

static int parse(const char *text)
{
	struct ckpt_seccomp s = {0};
	struct ckpt_err err;
	int ret = ckpt_codec_parse(&ckpt_seccomp_codec, "seccomp", text, strlen(text), &s, &err);

	ckpt_seccomp_fini(&s);
	return ret;
}

START_TEST(file_must_fit_together)
{
	ck_assert_int_eq(parse("end\n"), 0);
	ck_assert_int_eq(parse("filter log\ninsn 0 0x6 0 0 0x7fff0000\nend\n"), 0);
	ck_assert_int_eq(parse("filter -\nend\n"), -EINVAL);
	ck_assert_int_eq(parse("insn 0 0x6 0 0 0x0\nend\n"), -EINVAL);
	ck_assert_int_eq(parse("filter -\ninsn 1 0x6 0 0 0x0\nend\n"), -EINVAL);
	ck_assert_int_eq(parse("filter -\nfilter -\ninsn 1 0x6 0 0 0x0\ninsn 0 0x6 0 0 0x0\nend\n"),
			 -EINVAL);
	ck_assert_int_eq(parse("filter -\ninsn 0 0x6 256 0 0x0\nend\n"), -EINVAL);
	ck_assert_int_eq(parse("filter -\ninsn 0 0x10006 0 0 0x0\nend\n"), -EINVAL);
	ck_assert_int_eq(parse("filter 0x8\ninsn 0 0x6 0 0 0x0\nend\n"), -EINVAL);
}
END_TEST

Suite *seccomp_suite(void)
{
	Suite *suite = suite_create("seccomp");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, evaluator_agrees_with_the_kernel);
	tcase_add_test(tc, worst_answer_counts);
	tcase_add_test(tc, later_filter_has_the_errno);
	tcase_add_test(tc, program_without_end_is_the_worst);
	tcase_add_test(tc, supervisor_is_found);
	tcase_add_test(tc, file_must_fit_together);
	suite_add_tcase(suite, tc);
	return suite;
}
