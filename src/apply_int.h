/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the change in place share (docs/apply.md): apply.c leads, apply_diff.c says
 * what differs, apply_program.c owns the program that the task runs, and apply_memory.c,
 * apply_files.c, apply_process.c, apply_signals.c plan one part each: what they bring into the
 * task beforehand is not seen by it, what changes it is a step of the program.
 */
#ifndef CKPT_APPLY_INT_H
#define CKPT_APPLY_INT_H

#include "apply.h"
#include "remote.h"
#include "skeleton.h"
#include "task.h"

/* One step of the program, as program.S reads it. */
enum { CKPT_OP_END, CKPT_OP_CALL, CKPT_OP_COPY }; /* COPY: destination, source, bytes */
#define CKPT_STEP_ABORT	  1u			  /* if it fails nothing has changed: back */
#define CKPT_STEP_MAYFAIL 2u			  /* its result does not matter */
#define CKPT_STEP_SKIP(n) ((uint32_t)(n) << 8)	  /* if it fails, without the n that follow */
struct ckpt_step {
	uint32_t op, flags;
	uint64_t nr, arg[6];
};
_Static_assert(sizeof(struct ckpt_step) == 64, "program.S steps by 64");

/* A piece of address space that the old state, the wanted one, or both have. */
enum ckpt_seg_what {
	CKPT_SEG_GONE, /* unmapped */
	CKPT_SEG_KEEP, /* the same mapping: protection, advice, contents may differ */
	CKPT_SEG_NEW,  /* mapped anew, whatever was there */
};
struct ckpt_seg {
	uint64_t start, end;
	const struct ckpt_vma *old, *want; /* NULL: none */
	enum ckpt_seg_what what;
	uint64_t stage; /* NEW: where it is prepared; 0: mapped by the program */
	bool patched;	/* KEEP: some of its pages get other contents */
};

/* A wanted open file description, and where it is to come from. */
struct ckpt_source_fd {
	const struct ckpt_file *want;
	const struct ckpt_file *old; /* the one that the task has; NULL: opened anew */
	uint64_t at;		     /* a descriptor of it */
	bool parked;		     /* at is ours */
};

struct ckpt_patch {
	uint64_t to, from, len; /* bytes */
};

struct ckpt_apply {
	struct ckpt_frozen *frozen;
	const struct ckpt_want *w;
	const struct ckpt_task *old, *want;
	struct ckpt_err *err;

	/* what is to be done; from apply_plan() */
	CKPT_VEC(struct ckpt_seg) segs;
	CKPT_VEC(struct ckpt_source_fd) fds; /* for each of want->files */
	bool same_cpu, same_wait;

	/* in the task */
	struct ckpt_skeleton s; /* r: its first stub; used: what no mapping of ours may take */
	struct ckpt_remote second;
	struct ckpt_source src; /* w->src, of which nothing is dropped */
	struct ckpt_progress progress;
	uint64_t arena;			 /* 0: none */
	CKPT_VEC(struct ckpt_step) undo; /* what takes out again what was brought in */
	CKPT_VEC(struct ckpt_patch) patches;
	uint64_t patch_area, patch_len, patch_used; /* their contents */
	uint8_t *live;				    /* CKPT_CHUNK_SIZE bytes, to compare with */

	/* the program */
	CKPT_VEC(struct ckpt_step) steps;
	CKPT_VEC(const char *) what; /* of each step, for messages */
	struct ckpt_bytes data;
	bool no_memory;
	bool lost;  /* the program runs, or ran, without us */
	int failed; /* errno of the first step that failed, and its name */
	const char *failed_what;
};

/* ---- apply_diff.c ---- */

/* Calls fn for every key whose lines differ; stops at the first non-zero result. */
int ckpt_codec_diff(const struct ckpt_codec *codec, const void *a, const void *b,
		    int (*fn)(const char *key, void *arg), void *arg);
/* Whether that key, or with NULL any, has other lines. */
bool ckpt_codec_differs(const struct ckpt_codec *codec, const void *a, const void *b,
			const char *key);
/* Refuses by name what can't be changed in place, in the files at the top of the tree. */
int ckpt_apply_judge(const struct ckpt_apply *a);

/* ---- apply_program.c ---- */

void ckpt_apply_step(struct ckpt_apply *a, const char *what, uint32_t flags, long nr,
		     const uint64_t args[6]);
#define ckpt_step(a, what, flags, nr, ...)                                                         \
	ckpt_apply_step(a, what, flags, nr, CKPT_ARGS(__VA_ARGS__))
void ckpt_apply_copy(struct ckpt_apply *a, uint64_t to, uint64_t from, uint64_t len);
/* The address that a copy of these bytes has in the task while the program runs. */
uint64_t ckpt_apply_data(struct ckpt_apply *a, const void *bytes, size_t len);

/* Opens the task for remote calls with both stubs, the arena and its scratch memory. */
int ckpt_program_open(struct ckpt_apply *a, const struct ckpt_collect *c);
/* Runs the steps: afterwards s.r is in the second stub. -ECANCELED: nothing has changed. */
int ckpt_program_run(struct ckpt_apply *a);
/* Takes out of the task what is ours, lets it be what its stub says: the old state, or after
 * ckpt_program_run() the new one. */
int ckpt_program_close(struct ckpt_apply *a, bool done);
/* A call that the task makes if nothing comes of the change. */
int ckpt_apply_undo(struct ckpt_apply *a, long nr, uint64_t arg0, uint64_t arg1);
/* A mapping of ours at a place that neither state uses. */
int ckpt_apply_map(struct ckpt_apply *a, uint64_t size, int flags, uint64_t *addr);

/* ---- the parts: check without touching the task; then bring in, and add steps ---- */

int ckpt_apply_memory_check(struct ckpt_apply *a);
int ckpt_apply_memory(struct ckpt_apply *a);
/* Of a piece that stays: refuses one whose contents the task can't be made to change. */
int ckpt_apply_may_write(struct ckpt_apply *a, const struct ckpt_seg *seg);
/* The mappings that stay as they are, for the stubs. Shallow copies. */
int ckpt_apply_memory_kept(const struct ckpt_apply *a, struct ckpt_task *out);
/* The object of the old state whose memory is that of an object of the wanted one; 0: none. */
uint64_t ckpt_apply_partner(const struct ckpt_apply *a, uint64_t object);
const struct ckpt_object *ckpt_apply_old_object(const struct ckpt_apply *a, uint64_t id);
bool ckpt_apply_direct(const struct ckpt_seg *seg); /* not staged */
int ckpt_apply_stage(struct ckpt_apply *a);	    /* apply_stage.c: new mappings, contents */
const struct ckpt_seg *ckpt_apply_seg(const struct ckpt_apply *a, uint64_t addr);

/* Moves a descriptor of ours in the task to a number that neither state uses. */
int ckpt_apply_park(struct ckpt_apply *a, long *fd);
/* The program closes it. */
void ckpt_apply_unpark(struct ckpt_apply *a, long fd);
int ckpt_apply_files_check(struct ckpt_apply *a);
int ckpt_apply_files(struct ckpt_apply *a);

int ckpt_apply_cpu_check(struct ckpt_apply *a);
int ckpt_apply_cpu(struct ckpt_apply *a);
uint64_t ckpt_apply_xmask(const struct ckpt_apply *a); /* what XRSTOR may load */
int ckpt_apply_process_check(struct ckpt_apply *a);
int ckpt_apply_process(struct ckpt_apply *a);
void ckpt_apply_limits(struct ckpt_apply *a, bool raise);
void ckpt_apply_rseq(struct ckpt_apply *a, bool leave);
int ckpt_apply_signals(struct ckpt_apply *a);

#endif
