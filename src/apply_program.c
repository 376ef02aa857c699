// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the program that changes a task, and the arena in the task that it lies in: code, scratch
 * memory, FPU state, data, table. What its steps are for, others know.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "apply_int.h"
#include "backend.h"
#include "collect.h"
#include "log.h"
#include "x86_regs.h"

#define AT_SCRATCH CKPT_PAGE_SIZE
#define AT_XSAVE   (AT_SCRATCH + CKPT_SCRATCH_SIZE)
#define AT_UNDO	   (AT_XSAVE + CKPT_XSAVE_MAX)
#define UNDO_MAX   (4ull << 20) /* bytes of the undo table: memory is used for what is in it */
#define AT_DATA	   (AT_UNDO + UNDO_MAX)
#define ARENA_ROOM (256ull << 20) /* address space set apart: data and table grow */
/* Time for one step: a slow machine copies 50 MiB in a second. */
#define COPY_MS(bytes) (20000 + (unsigned int)((bytes) / (50 << 20)) * 1000)
#define MAP_OURS       (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE)

extern const char ckpt_program_start[], ckpt_program_call[], ckpt_program_slots[],
	ckpt_program_end[];
#define CALL_AT	 ((size_t)(ckpt_program_call - ckpt_program_start))
#define SLOTS_AT ((size_t)(ckpt_program_slots - ckpt_program_start))

struct program_slots {
	uint64_t before, before_stack; /* the first stub */
	uint64_t undo, arena, arena_len;
	uint64_t after, stack; /* the second stub */
	uint64_t xsave;	       /* address, 0: leave the FPU alone */
	uint64_t xmask;
};

/* ---- building ---- */

static struct ckpt_step *add_step(struct ckpt_apply *a, const char *what)
{
	struct ckpt_step *step = CKPT_VEC_ADD(&a->steps);
	const char **name = CKPT_VEC_ADD(&a->what);

	if (!step || !name) {
		a->no_memory = true;
		return NULL;
	}
	*name = what;
	return step;
}

void ckpt_apply_step(struct ckpt_apply *a, const char *what, uint32_t flags, long nr,
		     const uint64_t args[6])
{
	struct ckpt_step *step = add_step(a, what);

	if (!step)
		return;
	step->op = CKPT_OP_CALL;
	step->flags = flags;
	step->nr = (uint64_t)nr;
	memcpy(step->arg, args, sizeof(step->arg));
}

void ckpt_apply_copy(struct ckpt_apply *a, uint64_t to, uint64_t from, uint64_t len)
{
	struct ckpt_step *step = add_step(a, "copy");

	if (!step)
		return;
	step->op = CKPT_OP_COPY;
	step->arg[0] = to;
	step->arg[1] = from;
	step->arg[2] = len;
}

uint64_t ckpt_apply_data(struct ckpt_apply *a, const void *bytes, size_t len)
{
	size_t at = (a->data.n + 7) & ~(size_t)7, need = at + len;

	if (need > a->data.cap) {
		size_t cap = need * 2;
		uint8_t *v = realloc(a->data.v, cap);

		if (!v) {
			a->no_memory = true;
			return 0;
		}
		a->data.v = v;
		a->data.cap = cap;
	}
	memset(a->data.v + a->data.n, 0, at - a->data.n);
	memcpy(a->data.v + at, bytes, len);
	a->data.n = need;
	return a->arena + AT_DATA + at;
}

/* ---- what was brought in goes out again ---- */

static int put(struct ckpt_apply *a, uint64_t addr, const void *bytes, size_t len)
{
	if (len && pwrite(a->s.r.mem_fd, bytes, len, (off_t)addr) != (ssize_t)len)
		return ckpt_fail(a->err, EIO, "task %d: its memory can't be written", a->s.pid);
	return 0;
}

/* The table ends where it is zero. A step is written in one piece: 64 bytes of one page. */
int ckpt_apply_undo(struct ckpt_apply *a, long nr, uint64_t arg0, uint64_t arg1)
{
	struct ckpt_step *step;
	size_t at = a->undo.n * sizeof(*step);

	if (at + 2 * sizeof(*step) > UNDO_MAX)
		return ckpt_fail(a->err, ENOTSUP, "too many differences: %zu mappings and files",
				 a->undo.n);
	step = CKPT_VEC_ADD(&a->undo);
	if (!step)
		return ckpt_fail(a->err, ENOMEM, "no memory for a program");
	*step = (struct ckpt_step){CKPT_OP_CALL, 0, (uint64_t)nr, {arg0, arg1}};
	return put(a, a->arena + AT_UNDO + at, step, sizeof(*step));
}

static int on_gap(struct ckpt_skeleton *s, uint64_t start, uint64_t size)
{
	struct ckpt_apply *a = (struct ckpt_apply *)((char *)s - offsetof(struct ckpt_apply, s));

	return ckpt_apply_undo(a, SYS_munmap, start, size);
}

static void on_opened(void *arg, int fd)
{
	ckpt_apply_undo(arg, SYS_close, (uint64_t)fd, 0);
}

/* ---- places in the task ---- */

int ckpt_apply_map(struct ckpt_apply *a, uint64_t size, int flags, uint64_t *addr)
{
	uint64_t at = ckpt_skeleton_gap(&a->s, size);
	int ret;

	if (!at)
		return ckpt_fail(a->err, ENOTSUP, "task %d: no %llu free bytes of address space",
				 a->s.pid, (unsigned long long)size);
	ret = ckpt_skeleton_do(&a->s, NULL, a->err, "mmap beside its memory", SYS_mmap, at, size,
			       PROT_READ | PROT_WRITE, (uint64_t)(MAP_OURS | flags), (uint64_t)-1,
			       0);
	if (!ret)
		*addr = at;
	return ret;
}

static int put_code(struct ckpt_apply *a)
{
	struct program_slots slots = {
		.before = ckpt_remote_stub(&a->s.r),
		.before_stack = a->s.r.saved.rsp,
		.undo = a->arena + AT_UNDO,
		.arena = a->arena,
		.arena_len = ARENA_ROOM,
		.after = ckpt_remote_stub(&a->second),
		.stack = a->second.saved.rsp,
		.xsave = a->same_cpu ? 0 : a->arena + AT_XSAVE,
		.xmask = ckpt_apply_xmask(a),
	};
	int ret;

	if ((size_t)(ckpt_program_end - ckpt_program_slots) != sizeof(slots) ||
	    SLOTS_AT + sizeof(slots) > CKPT_PAGE_SIZE)
		return ckpt_fail(a->err, EIO, "the program is not what apply_program.c thinks");
	ret = put(a, a->arena, ckpt_program_start, SLOTS_AT);
	return ret ? ret : put(a, a->arena + SLOTS_AT, &slots, sizeof(slots));
}

/* From here on each call is one that takes out what is ours, should it be left alone. */
static int use_arena(struct ckpt_apply *a)
{
	struct ckpt_remote *r = &a->s.r;
	int ret = put_code(a);

	if (!ret) /* of the undo table */
		ret = ckpt_remote_judge(r, SYS_munmap, CKPT_ARGS(a->arena, ARENA_ROOM), a->err);
	if (!ret)
		ret = ckpt_remote_judge(r, SYS_close, CKPT_ARGS(3), a->err);
	if (ret)
		return ret;
	r->entry = a->arena + CALL_AT;
	r->opened = on_opened;
	r->opened_arg = a;
	a->s.took = on_gap;
	return 0;
}

/* The arena's first page can't be written by the task, which may be forbidden to have memory that
 * it can write and execute. The scratch memory that the kernel placed may lie where the wanted
 * state has something: it moves here. */
static int map_arena(struct ckpt_apply *a)
{
	struct ckpt_remote *r = &a->s.r;
	uint64_t at = ckpt_skeleton_gap(&a->s, ARENA_ROOM), old = r->scratch;
	int ret;

	if (!at)
		return ckpt_fail(a->err, ENOTSUP, "task %d: no free address space", a->s.pid);
	ret = ckpt_skeleton_do(&a->s, NULL, a->err, "mmap of the arena", SYS_mmap, at,
			       CKPT_PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_OURS, (uint64_t)-1, 0);
	if (ret)
		return ret;
	a->arena = at;
	ret = ckpt_skeleton_do(&a->s, NULL, a->err, "mmap of the arena", SYS_mmap, at + AT_SCRATCH,
			       AT_DATA - AT_SCRATCH, PROT_READ | PROT_WRITE,
			       MAP_OURS | MAP_NORESERVE, (uint64_t)-1, 0);
	if (!ret)
		ret = ckpt_skeleton_do(&a->s, NULL, a->err, "munmap of scratch memory", SYS_munmap,
				       old, CKPT_SCRATCH_SIZE);
	if (ret)
		return ret;
	r->scratch = at + AT_SCRATCH;
	return use_arena(a);
}

/* What the second stub sets. A wait that is another one than the kernel remembers can't go on by
 * restart_syscall: left alone, the task makes its call again from the start. */
static void wanted_regs(const struct ckpt_apply *a, struct user_regs_struct *regs)
{
	ckpt_regs_to_user(&a->want->cpu, regs);
	if (a->same_wait || (int64_t)regs->orig_rax < 0 ||
	    (int64_t)regs->rax != -CKPT_ERESTART_RESTARTBLOCK)
		return;
	regs->rax = (uint64_t)(regs->orig_rax == SYS_restart_syscall ? -EINTR : -CKPT_ERESTARTSYS);
}

int ckpt_program_open(struct ckpt_apply *a, const struct ckpt_collect *c)
{
	struct ckpt_task kept = {0};
	struct user_regs_struct regs;
	int ret = ckpt_apply_memory_kept(a, &kept);

	if (ret)
		ret = ckpt_fail(a->err, ENOMEM, "no memory for the address map");
	if (!ret)
		ret = ckpt_remote_open(&a->s.r, a->s.pid, c->mem_fd, &kept, c->timeout_ms, a->err);
	if (!ret) {
		wanted_regs(a, &regs);
		ret = ckpt_remote_second(&a->s.r, &kept, &regs, a->want->signals.blocked,
					 &a->second, a->err);
		if (!ret)
			ret = map_arena(a);
		if (ret)
			ckpt_program_close(a, false);
	}
	CKPT_VEC_FINI(&kept.vmas);
	return ret;
}

/* Newest first: a number that was moved is closed where it is. */
static void take_out(struct ckpt_apply *a)
{
	for (size_t i = a->undo.n; i-- > 0;) {
		long result;

		ckpt_remote_call(&a->s.r, &result, NULL, (long)a->undo.v[i].nr, a->undo.v[i].arg);
	}
}

int ckpt_program_close(struct ckpt_apply *a, bool done)
{
	struct ckpt_remote *r = &a->s.r;
	long result;

	r->opened = NULL;
	if (!done) {
		take_out(a);
		r->entry = ckpt_remote_stub(r);
		ckpt_remote_forget(&a->second, NULL);
	}
	if (a->arena) {
		ckpt_remote_call(r, &result, NULL, SYS_munmap, CKPT_ARGS(a->arena, ARENA_ROOM));
		if (r->scratch == a->arena + AT_SCRATCH)
			r->scratch = 0;
	}
	return ckpt_remote_close(r, done ? a->err : NULL);
}

/* ---- running ---- */

static int put_xsave(struct ckpt_apply *a)
{
	uint8_t area[CKPT_XSAVE_MAX] = {0};
	int ret = ckpt_xsave_unpack(&a->want->cpu, area, a->want->cpu.xsave_size, a->err);

	return ret ? ret : put(a, a->arena + AT_XSAVE, area, sizeof(area));
}

static int put_program(struct ckpt_apply *a, uint64_t table)
{
	int ret = a->same_cpu ? 0 : put_xsave(a);

	if (!ret)
		ret = put(a, a->arena + AT_DATA, a->data.v, a->data.n);
	return ret ? ret : put(a, table, a->steps.v, a->steps.n * sizeof(*a->steps.v));
}

struct told {
	struct ckpt_apply *a;
	uint64_t table;
};

static void on_result(void *arg, uint64_t step, long result)
{
	const struct told *t = arg;
	struct ckpt_apply *a = t->a;
	size_t i = (size_t)(step - t->table) / sizeof(*a->steps.v);

	if (result >= 0 || result < -4095 || i >= a->steps.n ||
	    a->steps.v[i].flags & CKPT_STEP_MAYFAIL)
		return;
	ckpt_log("change of process %d: %s: %s", a->s.pid, a->what.v[i], strerror((int)-result));
	if (!a->failed) {
		a->failed = (int)-result;
		a->failed_what = a->what.v[i];
	}
}

int ckpt_program_run(struct ckpt_apply *a)
{
	struct told told = {a, 0};
	struct ckpt_run_program run = {a->arena, 0, COPY_MS(a->patch_used), on_result, &told};
	uint64_t table_at = (AT_DATA + a->data.n + 63) & ~63ull, size;
	int ret;

	if (!add_step(a, "end") || a->no_memory)
		return ckpt_fail(a->err, ENOMEM, "no memory for a program");
	for (size_t i = 0; i < a->steps.n; i++) {
		const struct ckpt_step *step = &a->steps.v[i];

		ret = step->op == CKPT_OP_CALL
			      ? ckpt_remote_judge(&a->s.r, (long)step->nr, step->arg, a->err)
			      : 0;
		if (ret)
			return ckpt_err_about(a->err, "%s", a->what.v[i]);
	}
	told.table = run.table = a->arena + table_at;
	size = table_at - AT_DATA + a->steps.n * sizeof(*a->steps.v);
	size = (size + CKPT_PAGE_SIZE - 1) & ~(CKPT_PAGE_SIZE - 1);
	if (AT_DATA + size > ARENA_ROOM)
		return ckpt_fail(a->err, ENOTSUP, "too many differences: %zu steps", a->steps.n);
	ret = ckpt_skeleton_do(&a->s, NULL, a->err, "mmap of the arena", SYS_mmap,
			       a->arena + AT_DATA, size, PROT_READ | PROT_WRITE, MAP_OURS,
			       (uint64_t)-1, 0);
	if (!ret)
		ret = put_program(a, run.table);
	if (ret)
		return ret;
	ret = ckpt_remote_run(&a->s.r, &a->second, &run, a->err);
	a->lost = ret && ret != -ECANCELED;
	return ret;
}
