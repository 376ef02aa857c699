/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMAs: the files vmas/N/meta, and how /proc/PID/smaps says the same.
 */
#ifndef CKPT_VMA_NODES_H
#define CKPT_VMA_NODES_H

#include <stdio.h>
#include "err.h"
#include "task.h"

/* One flag of a VMA: its two letters in smaps (proc_pid_smaps(5), VmFlags), what a restore does
 * to have it again, or why it can't. */
enum ckpt_vm_what {
	CKPT_VM_IMPLIED, /* follows from prot, sharing, the file or the kernel: not stored */
	CKPT_VM_MAP,	 /* an argument of mmap (vm_arg: MAP_*) */
	CKPT_VM_ADVISE,	 /* madvise(vm_arg) afterwards */
	CKPT_VM_LOCK,	 /* mlock2(vm_arg) */
	CKPT_VM_SEAL,	 /* mseal, last of all */
	CKPT_VM_GUARD,	 /* has or had guard regions */
	CKPT_VM_ACCOUNT, /* was writable once: mapped writable first */
	CKPT_VM_REFUSE,	 /* can't be captured: why says it */
};

struct ckpt_vm_flag {
	char letters[3];
	enum ckpt_vm_what what;
	int arg;
	const char *why;
};

/* The table: bit i of ckpt_vma.flags is row i. Ends at letters "". */
extern const struct ckpt_vm_flag ckpt_vm_flags[];
#define CKPT_VM_NFLAGS 64

/* Whether the VMA has the flag with these letters. */
bool ckpt_vma_has(const struct ckpt_vma *vma, const char *letters);

/* Reads every VMA of the process from /proc/PID/smaps: all of struct ckpt_vma but pages, object
 * and file times. Mappings above the user's half (vsyscall) are left out. A name the kernel gave
 * ("[heap]") is not kept: it follows from mm. obstacle is called for what can't be captured. */
int ckpt_vmas_read(pid_t pid, struct ckpt_task *task, void (*obstacle)(void *arg, const char *text),
		   void *arg, struct ckpt_err *err);

/* The same from the text of such a file. -EINVAL, -ENOMEM. */
int ckpt_vmas_parse(FILE *f, struct ckpt_task *task, void (*obstacle)(void *arg, const char *text),
		    void *arg);

#endif
