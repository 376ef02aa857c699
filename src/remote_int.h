/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What remote.c and remote_program.c share: the stub, and the way from stop to stop.
 */
#ifndef CKPT_REMOTE_INT_H
#define CKPT_REMOTE_INT_H

#include "remote.h"

#define CALL_TIMEOUT_MS 20000 /* in a skeleton: files may be far away */
#define SYSCALL_LEN	2     /* bytes of the instruction */

extern const char ckpt_stub_start[], ckpt_stub_sldt[], ckpt_stub_entry[], ckpt_stub_masked[],
	ckpt_stub_near[], ckpt_stub_far[], ckpt_stub_step[], ckpt_stub_frame[], ckpt_stub_slots[],
	ckpt_stub_end[], ckpt_stub_away_sldt[], ckpt_stub_away[], ckpt_stub_home[],
	ckpt_stub_wait[], ckpt_stub_away_end[];
#define STUB_SIZE      ((size_t)(ckpt_stub_end - ckpt_stub_start))
#define AWAY_SIZE      ((size_t)(ckpt_stub_away_end - ckpt_stub_start)) /* for an outing */
#define STUB_AT(label) ((size_t)(ckpt_stub_##label - ckpt_stub_start))

/* At ckpt_stub_slots. */
struct stub_slots {
	uint64_t r15, r14, r13, r12, rbp, rbx, r9, r8, flags, stack;
	uint64_t r11, r10, rax, rcx, rdx, rsi, rdi, mask;
	uint64_t exit; /* address of the way out */
	uint32_t far_offset;
	uint16_t far_selector, pad[1];
	uint64_t rip, cs, eflags, rsp, ss; /* as iretq takes them */
};

/* The task is gone, or the request failed otherwise. */
int ckpt_remote_lost(pid_t tid, int code, const char *what, struct ckpt_err *err);
int ckpt_remote_gone(pid_t tid, struct ckpt_err *err);
/* Lets it run to its next entry or exit of a system call. */
int ckpt_remote_next_syscall_stop(pid_t tid, unsigned int timeout_ms, struct ckpt_err *err);
/* A place for a stub in the task's mappings: r->slack and what was there. -ENOTSUP */
int ckpt_remote_find_slack(struct ckpt_remote *r, const struct ckpt_task *task,
			   struct ckpt_err *err);
/* Puts the stub there, for the registers and the mask in r. */
int ckpt_remote_write_stub(struct ckpt_remote *r, struct ckpt_err *err);
/* What the task's seccomp filters would say of a call. */
int ckpt_remote_judge_call(struct ckpt_remote *r, long nr, const uint64_t args[6],
			   struct ckpt_err *err);

/* ---- left_stub.c ---- */

/* Whether these bytes are the beginning of a stub, of whatever version. */
bool ckpt_stub_is_one(const uint8_t *bytes);
/* Whether the task executes the stub at that address, or will come back to it. */
bool ckpt_stub_is_needed(const struct ckpt_remote *r, uint64_t at);

#endif
