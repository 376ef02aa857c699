// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The seccomp filters of a skeleton, put on before the credentials of the tree: that may need
 * CAP_SYS_ADMIN (seccomp(2)), which the maker may have and the process not. They are suspended
 * until it is let go, so that what is left to be done does not meet them.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "seccomp.h"
#include "skeleton.h"

/* Puts filter nr, whose instructions begin at code, into the skeleton; *code goes past them. */
static int install(struct ckpt_skeleton *s, size_t nr, const struct ckpt_insn **code,
		   struct ckpt_err *err)
{
	const struct ckpt_seccomp *seccomp = &s->task->seccomp;
	const struct ckpt_insn *in = *code, *end = seccomp->insn.v + seccomp->insn.n;
	struct {
		struct {
			uint64_t len, filter; /* struct sock_fprog */
		} prog;
		struct sock_filter code[BPF_MAXINSNS];
	} block = {0};
	/* without it the kernel might turn mitigations on for good (arch/x86/kernel/cpu/bugs.c,
	 * arch_seccomp_spec_mitigate) */
	uint64_t flags = seccomp->filter.v[nr].flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	size_t size;
	char what[40];
	int ret;

	_Static_assert(sizeof(block) <= CKPT_SCRATCH_SIZE, "a filter is passed in one piece");
	for (; in < end && in->filter == nr && block.prog.len < BPF_MAXINSNS; in++)
		block.code[block.prog.len++] = (struct sock_filter){
			(uint16_t)in->code, (uint8_t)in->jt, (uint8_t)in->jf, in->k};
	*code = in;
	block.prog.filter = s->r.scratch + sizeof(block.prog);
	size = sizeof(block.prog) + block.prog.len * sizeof(block.code[0]);
	snprintf(what, sizeof(what), "seccomp: filter %zu", nr);
	ret = ckpt_remote_put(&s->r, 0, &block, size, err);
	return ret ? ret
		   : ckpt_skeleton_do(s, NULL, err, what, SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				      flags, s->r.scratch);
}

int ckpt_restore_seccomp(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	const struct ckpt_insn *code = s->task->seccomp.insn.v;
	int ret;

	if (!s->task->seccomp.filter.n)
		return 0;
	ret = ckpt_seccomp_suspend(s->pid, CKPT_SKELETON_OPTIONS, err);
	if (!ret && s->task->creds.no_new_privs)
		ret = ckpt_skeleton_do(s, NULL, err, "no_new_privs", SYS_prctl, PR_SET_NO_NEW_PRIVS,
				       1, 0, 0, 0);
	for (size_t i = 0; !ret && i < s->task->seccomp.filter.n; i++)
		ret = install(s, i, &code, err);
	return ret;
}
