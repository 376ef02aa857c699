/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One task's whole state in memory, as collected from a live task or parsed from a tree.
 *
 * Each struct is one text file of the tree; its codec (same name, declared beside it) is the
 * table of that file's keys. ckptfs(5) describes every key: units and meaning are there.
 * Addresses and sizes are bytes unless a name says pages; times are nanoseconds.
 */
#ifndef CKPT_TASK_H
#define CKPT_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "buf.h"
#include "codec.h"

#define CKPT_FORMAT_VERSION 1
#define CKPT_PAGE_SIZE	    4096ull
#define CKPT_CHUNK_SIZE	    (1ull << 20) /* one digest in `sums` for each chunk of `pages` */

#define CKPT_ARCH_X86_64 "x86_64"
#define CKPT_ARCH_I386	 "i386" /* a 32-bit program under a 64-bit kernel */

enum ckpt_runstate { CKPT_RUNNING, CKPT_STOPPED };
enum ckpt_clock_policy { CKPT_CLOCKS_KEEP, CKPT_CLOCKS_IGNORE };

struct ckpt_feature {
	char *name;
};

struct ckpt_cgroup {
	char *controllers; /* NULL: version 2 */
	char *path;
};

struct ckpt_cpu_feature {
	char name[24]; /* as in /proc/cpuinfo */
};

/* task */
struct ckpt_header {
	uint32_t version;
	char tree[33];	 /* random, 32 hex digits */
	char parent[33]; /* tree id of the parent tree, "" */
	char arch[16];
	uint64_t page_size;
	char cpuid[65]; /* digest of the cpuid leaves a program can see */
	uint64_t xsave_mask;
	CKPT_VEC(struct ckpt_cpu_feature) cpu_features; /* that a program can use */
	char vdso[33];					/* XXH3-128 of the vdso's code pages */
	char *kernel;
	char boot_id[40];
	int64_t clock_realtime, clock_monotonic, clock_boottime;
	int64_t timens_monotonic, timens_boottime; /* offsets of its time namespace */
	uint32_t clocks;			   /* enum ckpt_clock_policy */
	CKPT_VEC(struct ckpt_feature) features;
	int32_t pid, ppid, pgid, sid;
	char comm[16];
	char *exe, *cwd, *root;
	uint64_t exe_size;
	int64_t exe_mtime;
	bool has_exe_object;
	uint64_t exe_object; /* objects/ID of an executable that has no name any more */
	char *tty;	     /* controlling terminal, NULL if none */
	uint32_t umask;
	uint32_t state; /* enum ckpt_runstate */
	uint32_t stop_signal;
	uint32_t personality;
	uint32_t fs_tag, files_tag, sighand_tag, sysvsem_tag;
	CKPT_VEC(struct ckpt_cgroup) cgroups;
};
extern const struct ckpt_codec ckpt_header_codec;

/* mm */
struct ckpt_auxv {
	uint64_t type, value;
};
enum ckpt_lock_future { CKPT_LOCK_FUTURE_NO, CKPT_LOCK_FUTURE_YES, CKPT_LOCK_FUTURE_ONFAULT };
struct ckpt_mm {
	uint32_t tag, map_count;
	uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
	uint32_t dumpable, thp_disable, mdwe, memory_merge;
	uint32_t lock_future; /* enum ckpt_lock_future */
	uint32_t pkeys;	      /* protection keys that are allocated, bit 0 included */
	uint32_t futex_hash;  /* slots of its own, PR_FUTEX_HASH */
	uint64_t membarrier;  /* MEMBARRIER_CMD_REGISTER_* */
	CKPT_VEC(struct ckpt_auxv) auxv;
};
extern const struct ckpt_codec ckpt_mm_codec;

/* cpu */
enum ckpt_restart {
	CKPT_RESTART_NONE,
	CKPT_RESTART_NANOSLEEP,
	CKPT_RESTART_CLOCK_NANOSLEEP,
	CKPT_RESTART_POLL,
	CKPT_RESTART_FUTEX,
	CKPT_RESTART_AGAIN, /* rax is -514: the call again, with the time left */
	CKPT_RESTART_MORE,  /* rax bytes were moved: the call again for the others */
	CKPT_RESTART_UNKNOWN,
	/* called by int $0x80, or as such */
	CKPT_RESTART_I386_NANOSLEEP,
	CKPT_RESTART_I386_CLOCK_NANOSLEEP,
	CKPT_RESTART_I386_CLOCK_NANOSLEEP_TIME64,
	CKPT_RESTART_I386_POLL,
	CKPT_RESTART_I386_FUTEX,
	CKPT_RESTART_I386_FUTEX_TIME64
};
struct ckpt_xsave {
	uint32_t off; /* bytes from the start of the area */
	uint8_t data[32];
};
struct ckpt_component {
	uint32_t nr, off, size; /* of the uncompacted area, bytes */
};
struct ckpt_tls {
	uint32_t entry;
	uint8_t desc[16]; /* struct user_desc */
};
struct ckpt_debug {
	uint32_t reg; /* 0 to 3, 6, 7 */
	uint64_t value;
};
struct ckpt_cpu {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t orig_rax, rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
	uint32_t restart;     /* enum ckpt_restart: how the call goes on */
	int64_t restart_left; /* time left, -1: unknown or without limit; more: bytes */
	uint64_t xcomp_perm;  /* XSAVE features the process has asked for (ARCH_GET_XCOMP_PERM) */
	uint32_t xsave_size;  /* bytes of the whole area */
	CKPT_VEC(struct ckpt_component) component; /* where the extended state lies, by number */
	CKPT_VEC(struct ckpt_xsave) xsave;	   /* the pieces that are not all zero */
	CKPT_VEC(struct ckpt_tls) tls;
	CKPT_VEC(struct ckpt_debug) debug; /* breakpoints that a debugger left */
};
extern const struct ckpt_codec ckpt_cpu_codec;

/* ldt */
struct ckpt_ldt_entry {
	uint32_t index;
	uint8_t desc[8];
};
struct ckpt_ldt {
	uint32_t entry_size, number;
	CKPT_VEC(struct ckpt_ldt_entry) entries;
};
extern const struct ckpt_codec ckpt_ldt_codec;

/* vmas/N/meta, and the page set that vmas/N and objects/ID share */
enum ckpt_run_source { CKPT_RUN_HERE };
struct ckpt_run {
	uint64_t start; /* address (vmas) or offset (objects) of the first page, bytes */
	uint64_t npages;
	uint32_t source; /* enum ckpt_run_source */
	uint64_t offset; /* of the first page in `pages`, in pages */
};
struct ckpt_pages {
	uint64_t npages;		/* sum over runs */
	CKPT_VEC(struct ckpt_run) runs; /* ascending, `pages` packed in their order */
};

/* of a mapping, or of a thread */
struct ckpt_mempolicy {
	uint32_t mode, flags;	 /* MPOL_*, MPOL_F_* */
	struct ckpt_bytes nodes; /* mask, little endian */
};
struct ckpt_guard {
	uint64_t start, npages;
};
enum ckpt_vma_how { CKPT_VMA_ANON, CKPT_VMA_FILE, CKPT_VMA_SHM, CKPT_VMA_VDSO, CKPT_VMA_VVAR };
#define CKPT_PROT_READ	1u
#define CKPT_PROT_WRITE 2u
#define CKPT_PROT_EXEC	4u
struct ckpt_vma {
	uint32_t how; /* enum ckpt_vma_how */
	uint64_t start, end;
	uint32_t prot;	 /* PROT_* */
	uint32_t pkey;	 /* protection key */
	uint32_t shared; /* enum: private 0, shared 1 */
	uint64_t flags;	 /* CKPT_VM_*: the VmFlags of smaps that restore needs */
	uint64_t pgoff;	 /* bytes */
	char *fname;
	uint64_t fsize;
	int64_t fmtime;
	bool has_file, has_object;
	uint64_t object; /* objects/ID for how shm, and how file without a name */
	bool has_name;
	char *name; /* PR_SET_VMA_ANON_NAME */
	bool has_huge;
	uint64_t huge; /* hugetlb: bytes of a page */
	bool has_policy;
	struct ckpt_mempolicy policy;
	CKPT_VEC(struct ckpt_guard) guard; /* MADV_GUARD_INSTALL, ascending */
	struct ckpt_pages pages;
};
extern const struct ckpt_codec ckpt_vma_codec;

/* signals */
#define CKPT_NSIG 64 /* signals of the kernel, arch/x86/include/uapi/asm/signal.h */
struct ckpt_sigaction {
	uint32_t sig;
	uint64_t handler; /* 0 default, 1 ignore */
	uint64_t flags, restorer, mask;
};
struct ckpt_siginfo {
	uint8_t info[128]; /* siginfo_t as PTRACE_PEEKSIGINFO gives it */
};
struct ckpt_signals {
	uint64_t blocked;
	uint64_t altstack_sp, altstack_size;
	uint32_t altstack_flags;
	CKPT_VEC(struct ckpt_sigaction) action; /* those that are not the default */
	CKPT_VEC(struct ckpt_siginfo) pending;	/* for the thread */
	CKPT_VEC(struct ckpt_siginfo) shared;	/* for the process */
};
extern const struct ckpt_codec ckpt_signals_codec;

/* timers */
struct ckpt_itimer {
	uint32_t which;		 /* 0 real, 1 virtual, 2 prof */
	int64_t value, interval; /* value: time left; 0: off */
};
struct ckpt_ptimer {
	uint32_t id;
	int32_t clock;
	uint32_t notify; /* SIGEV_*: signal, none, thread id */
	uint32_t sig;
	uint64_t sival;
	int64_t value, interval;
};
struct ckpt_timers {
	CKPT_VEC(struct ckpt_itimer) itimer;
	CKPT_VEC(struct ckpt_ptimer) timer;
};
extern const struct ckpt_codec ckpt_timers_codec;

/* creds */
struct ckpt_group {
	uint32_t gid;
};
struct ckpt_creds {
	uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
	CKPT_VEC(struct ckpt_group) groups;
	uint64_t cap_inh, cap_prm, cap_eff, cap_bnd, cap_amb;
	uint32_t securebits, no_new_privs;
	uint32_t loginuid; /* UINT32_MAX: not set */
};
extern const struct ckpt_codec ckpt_creds_codec;

/* limits */
struct ckpt_limit {
	uint32_t resource;   /* RLIMIT_* */
	uint64_t soft, hard; /* RLIM_INFINITY: unlimited */
};
struct ckpt_limits {
	CKPT_VEC(struct ckpt_limit) limit;
};
extern const struct ckpt_codec ckpt_limits_codec;
const char *ckpt_limit_name(uint32_t resource); /* as in the file: "nofile" */

/* seccomp */
struct ckpt_filter {
	uint64_t flags; /* SECCOMP_FILTER_FLAG_* */
};
struct ckpt_insn {
	uint32_t filter; /* its index */
	uint32_t code, jt, jf, k;
};
struct ckpt_seccomp {
	CKPT_VEC(struct ckpt_filter) filter; /* the oldest first */
	CKPT_VEC(struct ckpt_insn) insn;     /* of the first filter, then of the next */
};
extern const struct ckpt_codec ckpt_seccomp_codec;

/* thread: what belongs to one thread and to no other file */
struct ckpt_thread {
	uint64_t clear_child_tid;
	uint64_t robust_list, robust_list_len;
	uint64_t rseq, rseq_len;
	uint32_t rseq_sig;
	uint32_t policy, reset_on_fork;
	int32_t nice;
	uint32_t priority;
	uint64_t dl_runtime, dl_deadline, dl_period;
	uint64_t dl_flags;	    /* SCHED_FLAG_* */
	uint64_t slice;		    /* ns */
	int32_t autogroup;	    /* its nice value */
	struct ckpt_bytes affinity; /* cpu mask, little endian */
	uint32_t ioprio;
	uint64_t timerslack;
	struct ckpt_mempolicy mempolicy;
	uint32_t pdeathsig, tsc, mce_kill, io_flusher, child_subreaper, cpuid;
	uint32_t spec_store_bypass, spec_indirect_branch, spec_l1d_flush; /* PR_SPEC_* */
	int32_t oom_score_adj;
	uint32_t coredump_filter;
};
extern const struct ckpt_codec ckpt_thread_codec;

/* files/ID: an open file description */
enum ckpt_file_kind {
	CKPT_FILE_REG,
	CKPT_FILE_DIR,
	CKPT_FILE_PATH,
	CKPT_FILE_CHR,
	CKPT_FILE_TTY,
	CKPT_FILE_PIPE,
	CKPT_FILE_EVENTFD
};
struct ckpt_lock {
	uint32_t kind;	     /* posix, flock, ofd */
	uint32_t mode;	     /* read, write */
	uint64_t start, end; /* bytes; end UINT64_MAX: to the end of file */
};
struct ckpt_file {
	uint64_t id;
	uint32_t kind;
	char *path;	 /* NULL for a pipe or eventfd */
	uint64_t object; /* objects/ID of a pipe, both ends the same; 0 for the others */
	uint64_t flags;	 /* O_* without O_CLOEXEC */
	int64_t offset;
	uint64_t size; /* at the freeze; for regular files */
	int64_t mtime;
	uint32_t owner_type, owner_sig; /* F_SETOWN_EX, F_SETSIG */
	int32_t owner_pid;
	uint64_t event_count; /* eventfd */
	uint32_t event_semaphore;
	bool has_size, has_owner, has_event;
	CKPT_VEC(struct ckpt_lock) lock;
};
extern const struct ckpt_codec ckpt_file_codec;

/* fds/N */
struct ckpt_fd {
	uint64_t fd;
	uint64_t file; /* files/ID */
	uint32_t cloexec;
};
extern const struct ckpt_codec ckpt_fd_codec;

/* objects/ID/meta */
struct ckpt_packet {
	struct ckpt_bytes bytes;
};
enum ckpt_object_kind { CKPT_OBJECT_SHM, CKPT_OBJECT_PIPE, CKPT_OBJECT_FILE, CKPT_OBJECT_MEMFD };
struct ckpt_object {
	uint64_t id;
	uint32_t kind;
	uint64_t size;			   /* bytes; pipe: its capacity */
	uint32_t seals;			   /* memfd: F_SEAL_* */
	CKPT_VEC(struct ckpt_packet) data; /* pipe: written and not read, a packet each */
	struct ckpt_pages pages;	   /* all but pipes */
};
extern const struct ckpt_codec ckpt_object_codec;

struct ckpt_task {
	struct ckpt_header header;
	struct ckpt_mm mm;
	struct ckpt_cpu cpu;
	struct ckpt_ldt ldt;
	struct ckpt_signals signals;
	struct ckpt_timers timers;
	struct ckpt_creds creds;
	struct ckpt_limits limits;
	struct ckpt_thread thread;
	struct ckpt_seccomp seccomp;
	CKPT_VEC(struct ckpt_vma) vmas;
	CKPT_VEC(struct ckpt_file) files;
	CKPT_VEC(struct ckpt_fd) fds;
	CKPT_VEC(struct ckpt_object) objects;
};

struct ckpt_task *ckpt_task_new(void);
/* Whether its program is a 32-bit one (not: whether 32-bit code runs). */
bool ckpt_task_is_i386(const struct ckpt_task *task);
void ckpt_task_free(struct ckpt_task *task);

#endif
