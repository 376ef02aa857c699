// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the files vmas/N/meta and objects/ID/meta (their rows), the table of VMA flags, and
 * reading /proc/PID/smaps. Which pages are dumped is pages.c's business.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "mempolicy.h"
#include "pages.h"
#include "proc.h"
#include "vma_nodes.h"

#define CKPT_MAP_DROPPABLE 0x08 /* Linux 6.11; beside MAP_SHARED and MAP_PRIVATE, no flag */

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* clang-format off */
/* Documentation/filesystems/proc.rst, "VmFlags", Linux 6.18. */
/* Those that a tree stores; mw because a shared file mapping may have been opened so. One row
 * each: bit, letters and what to do come from it. */
#define STORED_FLAGS_TABLE(X) \
	X(ac, CKPT_VM_ACCOUNT, 0) \
	X(gd, CKPT_VM_MAP, MAP_GROWSDOWN) \
	X(nr, CKPT_VM_MAP, MAP_NORESERVE) \
	X(lo, CKPT_VM_LOCK, 0) \
	X(lf, CKPT_VM_LOCK, MLOCK_ONFAULT) \
	X(sr, CKPT_VM_ADVISE, MADV_SEQUENTIAL) \
	X(rr, CKPT_VM_ADVISE, MADV_RANDOM) \
	X(dc, CKPT_VM_ADVISE, MADV_DONTFORK) \
	X(dd, CKPT_VM_ADVISE, MADV_DONTDUMP) \
	X(wf, CKPT_VM_ADVISE, MADV_WIPEONFORK) \
	X(hg, CKPT_VM_ADVISE, MADV_HUGEPAGE) \
	X(nh, CKPT_VM_ADVISE, MADV_NOHUGEPAGE) \
	X(mg, CKPT_VM_ADVISE, MADV_MERGEABLE) \
	X(sl, CKPT_VM_SEAL, 0) \
	X(dp, CKPT_VM_MAP, CKPT_MAP_DROPPABLE) \
	X(gu, CKPT_VM_GUARD, 0) \
	X(mw, CKPT_VM_IMPLIED, 0)
#define FLAG_BIT(l, w, a) BIT_##l,
#define FLAG_ROW(l, w, a) {#l, w, a, NULL},
#define FLAG_WORD(l, w, a) {#l, 1ull << BIT_##l},
enum { STORED_FLAGS_TABLE(FLAG_BIT) NSTORED_FLAGS };
#define STORED_FLAGS ((1ull << NSTORED_FLAGS) - 1)

const struct ckpt_vm_flag ckpt_vm_flags[] = {
	STORED_FLAGS_TABLE(FLAG_ROW)
	{"rd", CKPT_VM_IMPLIED, 0, NULL},
	{"wr", CKPT_VM_IMPLIED, 0, NULL},
	{"ex", CKPT_VM_IMPLIED, 0, NULL},
	{"sh", CKPT_VM_IMPLIED, 0, NULL},
	{"mr", CKPT_VM_IMPLIED, 0, NULL},
	{"me", CKPT_VM_IMPLIED, 0, NULL},
	{"ms", CKPT_VM_IMPLIED, 0, NULL},
	{"de", CKPT_VM_IMPLIED, 0, NULL},
	{"sd", CKPT_VM_IMPLIED, 0, NULL},
	{"nl", CKPT_VM_IMPLIED, 0, NULL},
	{"ht", CKPT_VM_IMPLIED, 0, NULL},
	{"sf", CKPT_VM_REFUSE, 0, "synchronous DAX mapping"},
	{"io", CKPT_VM_REFUSE, 0, "device memory"},
	{"pf", CKPT_VM_REFUSE, 0, "device memory (PFN map)"},
	{"mm", CKPT_VM_REFUSE, 0, "device memory (mixed map)"},
	{"um", CKPT_VM_REFUSE, 0, "userfaultfd (missing)"},
	{"uw", CKPT_VM_REFUSE, 0, "userfaultfd (write protect)"},
	{"ui", CKPT_VM_REFUSE, 0, "userfaultfd (minor)"},
	{"ss", CKPT_VM_REFUSE, 0, "shadow stack"},
	{"", CKPT_VM_IMPLIED, 0, NULL},
};
/* clang-format on */
_Static_assert(sizeof(ckpt_vm_flags) / sizeof(ckpt_vm_flags[0]) <= CKPT_VM_NFLAGS,
	       "a flag has no bit");

/* clang-format off */
static const struct ckpt_word vm_flag_words[] = {STORED_FLAGS_TABLE(FLAG_WORD){NULL, 0}};

static const struct ckpt_word how_words[] = {
	{"anon", CKPT_VMA_ANON}, {"file", CKPT_VMA_FILE}, {"shm", CKPT_VMA_SHM},
	{"vdso", CKPT_VMA_VDSO}, {"vvar", CKPT_VMA_VVAR}, {NULL, 0},
};
static const struct ckpt_word prot_words[] = {
	{"read", CKPT_PROT_READ}, {"write", CKPT_PROT_WRITE}, {"exec", CKPT_PROT_EXEC}, {NULL, 0},
};
static const struct ckpt_word sharing_words[] = {{"private", 0}, {"shared", 1}, {NULL, 0}};
static const struct ckpt_word source_words[] = {{"here", CKPT_RUN_HERE}, {NULL, 0}};
static const struct ckpt_word object_words[] = {
	{"shm", CKPT_OBJECT_SHM}, {"pipe", CKPT_OBJECT_PIPE}, {"file", CKPT_OBJECT_FILE},
	{"memfd", CKPT_OBJECT_MEMFD}, {NULL, 0}};
/* clang-format on */

#define PAGES_ROWS(T)                                                                              \
	{"npages", CKPT_ONE, 0, 0, {CKPT_F(dec, T, pages.npages)}},                                \
	{                                                                                          \
		"run", CKPT_MANY, offsetof(T, pages.runs), sizeof(struct ckpt_run),                \
		{                                                                                  \
			CKPT_F(hex, struct ckpt_run, start), CKPT_F(dec, struct ckpt_run, npages), \
				CKPT_FA(enum, struct ckpt_run, source, source_words),              \
				CKPT_F(dec, struct ckpt_run, offset)                               \
		}                                                                                  \
	}

/* clang-format off */
static const struct ckpt_row vma_rows[] = {
	CKPT_ROWA(enum, struct ckpt_vma, how, how_words),
	CKPT_ROW(hex, struct ckpt_vma, start),
	CKPT_ROW(hex, struct ckpt_vma, end),
	CKPT_ROWA(flags, struct ckpt_vma, prot, prot_words),
	CKPT_ROW(dec, struct ckpt_vma, pkey),
	{"sharing", CKPT_ONE, 0, 0, {CKPT_FA(enum, struct ckpt_vma, shared, sharing_words)}},
	CKPT_ROWA(flags, struct ckpt_vma, flags, vm_flag_words),
	CKPT_ROW(hex, struct ckpt_vma, pgoff),
	{"fname", CKPT_OPT, offsetof(struct ckpt_vma, has_file), 0,
	 {CKPT_F(str, struct ckpt_vma, fname), CKPT_F(dec, struct ckpt_vma, fsize),
	  CKPT_F(int, struct ckpt_vma, fmtime)}},
	{"object", CKPT_OPT, offsetof(struct ckpt_vma, has_object), 0,
	 {CKPT_F(dec, struct ckpt_vma, object)}},
	{"name", CKPT_OPT, offsetof(struct ckpt_vma, has_name), 0,
	 {CKPT_F(str, struct ckpt_vma, name)}},
	{"hugetlb", CKPT_OPT, offsetof(struct ckpt_vma, has_huge), 0,
	 {CKPT_F(hex, struct ckpt_vma, huge)}},
	{"mempolicy", CKPT_OPT, offsetof(struct ckpt_vma, has_policy), 0,
	 {CKPT_MEMPOLICY_COLS(struct ckpt_vma, policy)}},
	{"guard", CKPT_MANY, offsetof(struct ckpt_vma, guard), sizeof(struct ckpt_guard),
	 {CKPT_F(hex, struct ckpt_guard, start), CKPT_F(dec, struct ckpt_guard, npages)}},
	PAGES_ROWS(struct ckpt_vma),
};
/* clang-format on */

static int check_guards(const struct ckpt_vma *vma, struct ckpt_err *err)
{
	uint64_t at = vma->start;

	for (size_t i = 0; i < vma->guard.n; i++) {
		const struct ckpt_guard *g = &vma->guard.v[i];

		if (g->start % CKPT_PAGE_SIZE || g->start < at || g->start >= vma->end ||
		    !g->npages || g->npages > (vma->end - g->start) / CKPT_PAGE_SIZE)
			return ckpt_fail(err, EINVAL,
					 "guard 0x%llx: not within the mapping, or not behind the "
					 "one before",
					 (unsigned long long)g->start);
		at = g->start + g->npages * CKPT_PAGE_SIZE;
	}
	if (vma->guard.n && vma->how >= CKPT_VMA_VDSO)
		return ckpt_fail(err, EINVAL, "the kernel's own mappings have no guard");
	return 0;
}

static int vma_check(const void *obj, struct ckpt_err *err)
{
	const struct ckpt_vma *vma = obj;

	if (vma->start % CKPT_PAGE_SIZE || vma->end % CKPT_PAGE_SIZE || vma->start >= vma->end)
		return ckpt_fail(err, EINVAL, "start 0x%llx and end 0x%llx are no range of pages",
				 (unsigned long long)vma->start, (unsigned long long)vma->end);
	if (vma->end > 0x7ffffffff000) /* TASK_SIZE_MAX with four-level page tables */
		return ckpt_fail(err, EINVAL, "end 0x%llx is above the user's half",
				 (unsigned long long)vma->end);
	if (vma->prot & ~7u || vma->flags & ~STORED_FLAGS)
		return ckpt_fail(err, EINVAL, "unknown prot or flags");
	if (vma->has_huge && (vma->huge < CKPT_PAGE_SIZE || vma->huge & (vma->huge - 1) ||
			      vma->start % vma->huge || vma->end % vma->huge))
		return ckpt_fail(err, EINVAL, "hugetlb 0x%llx: start and end are no such pages",
				 (unsigned long long)vma->huge);
	if (vma->has_name && (!vma->name || vma->how == CKPT_VMA_FILE || vma->how >= CKPT_VMA_VDSO))
		return ckpt_fail(err, EINVAL, "name is for memory without a file");
	if (vma->pkey > 15)
		return ckpt_fail(err, EINVAL, "pkey %u: there are 16", vma->pkey);
	if ((vma->how == CKPT_VMA_FILE) != (vma->has_file && vma->fname))
		return ckpt_fail(err, EINVAL, "fname goes with how file, and only with it");
	if (vma->how == CKPT_VMA_SHM ? !vma->has_object || !vma->shared
				     : vma->has_object && vma->how != CKPT_VMA_FILE)
		return ckpt_fail(err, EINVAL, "object goes with how shm or file");
	if (vma->has_object && vma->pgoff % CKPT_PAGE_SIZE)
		return ckpt_fail(err, EINVAL, "pgoff 0x%llx is within a page",
				 (unsigned long long)vma->pgoff);
	if (vma->pages.npages && (vma->shared || vma->how > CKPT_VMA_FILE))
		return ckpt_fail(err, EINVAL, "only private memory has pages of its own");
	if (vma->how == CKPT_VMA_ANON && vma->shared)
		return ckpt_fail(err, EINVAL, "shared anonymous memory is how shm");
	if (check_guards(vma, err))
		return -EINVAL;
	return ckpt_pages_check(&vma->pages, vma->start, vma->end, err);
}

const struct ckpt_codec ckpt_vma_codec = {"vmas/N/meta", vma_rows, CKPT_NROWS(vma_rows), vma_check};

/* clang-format off */
static const struct ckpt_row object_rows[] = {
	CKPT_ROWA(enum, struct ckpt_object, kind, object_words),
	CKPT_ROW(hex, struct ckpt_object, size),
	CKPT_ROW(hex, struct ckpt_object, seals),
	{"data", CKPT_MANY, offsetof(struct ckpt_object, data), sizeof(struct ckpt_packet),
	 {CKPT_F(bytes, struct ckpt_packet, bytes)}},
	PAGES_ROWS(struct ckpt_object),
};
/* clang-format on */

static int object_check(const void *obj, struct ckpt_err *err)
{
	const struct ckpt_object *object = obj;
	uint64_t data = 0;

	if (object->kind <= CKPT_OBJECT_PIPE && (!object->size || object->size % CKPT_PAGE_SIZE))
		return ckpt_fail(err, EINVAL, "size is no number of pages");
	if (object->size > INT64_MAX)
		return ckpt_fail(err, EINVAL, "size is more than a file can have");
	if (object->kind == CKPT_OBJECT_PIPE ? object->pages.npages : object->data.n)
		return ckpt_fail(err, EINVAL, "data is for pipes, pages are for the others");
	if (object->seals && object->kind != CKPT_OBJECT_MEMFD)
		return ckpt_fail(err, EINVAL, "seals are for memory files");
	for (size_t i = 0; i < object->data.n; i++)
		data += object->data.v[i].bytes.n;
	if (data > object->size)
		return ckpt_fail(err, EINVAL, "data is more than the pipe holds");
	return ckpt_pages_check(&object->pages, 0, object->size, err);
}

const struct ckpt_codec ckpt_object_codec = {"objects/ID/meta", object_rows,
					     CKPT_NROWS(object_rows), object_check};

bool ckpt_vma_has(const struct ckpt_vma *vma, const char *letters)
{
	for (int i = 0; ckpt_vm_flags[i].letters[0]; i++)
		if (!strcmp(ckpt_vm_flags[i].letters, letters))
			return vma->flags >> i & 1;
	return false;
}

/* ---- /proc/PID/smaps ---- */

struct smaps_reader {
	struct ckpt_task *task;
	struct ckpt_vma *vma; /* the one whose lines we read; NULL: left out */
	uint64_t page_size;
	void (*obstacle)(void *arg, const char *text);
	void *arg;
};

static void obstacle_vma(struct smaps_reader *r, const char *why)
{
	char text[200];

	snprintf(text, sizeof(text), "vma %llx-%llx: %s", (unsigned long long)r->vma->start,
		 (unsigned long long)r->vma->end, why);
	r->obstacle(r->arg, text);
}

/* Undoes seq_path()'s escapes: the kernel writes newlines in paths as \012. */
static char *unescape_path(const char *name)
{
	char *out = strdup(name), *to = out;

	for (const char *p = name; out && *p; p++) {
		if (!strncmp(p, "\\012", 4)) {
			*to++ = '\n';
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	if (out)
		*to = '\0';
	return out;
}

static const struct special_name {
	const char *name;
	enum ckpt_vma_how how;
	const char *why;
} special_names[] = {
	{"[vdso]", CKPT_VMA_VDSO, NULL},
	{"[vvar]", CKPT_VMA_VVAR, NULL},
	{"[vvar_vclock]", CKPT_VMA_VVAR, NULL},
	{"[heap]", CKPT_VMA_ANON, NULL},
	{"[stack]", CKPT_VMA_ANON, NULL},
	{"/dev/zero (deleted)", CKPT_VMA_SHM, NULL},
	{"/anon_hugepage (deleted)", CKPT_VMA_ANON, NULL},
	{"[uprobes]", CKPT_VMA_ANON, "uprobes page"},
	{NULL, CKPT_VMA_ANON, NULL},
};

/* "NAME]": no bracket can be in it (kernel/sys.c, is_valid_name_char). */
static int take_name(struct ckpt_vma *vma, const char *rest)
{
	size_t len = strcspn(rest, "]");

	if (!len) /* an empty one can't be told from none in a tree; nothing shows the difference */
		return 0;
	vma->name = strndup(rest, len);
	vma->has_name = vma->name;
	return vma->name ? 0 : -ENOMEM;
}

static int classify(struct smaps_reader *r, const char *name)
{
	struct ckpt_vma *vma = r->vma;

	vma->how = CKPT_VMA_ANON;
	for (const struct special_name *s = special_names; s->name; s++) {
		if (strcmp(s->name, name))
			continue;
		vma->how = s->how == CKPT_VMA_ANON && vma->shared ? CKPT_VMA_SHM : s->how;
		if (s->why)
			obstacle_vma(r, s->why);
		return 0;
	}
	if (!strncmp(name, "[anon:", 6) || !strncmp(name, "[anon_shmem:", 12)) {
		if (vma->shared)
			vma->how = CKPT_VMA_SHM;
		return take_name(vma, strchr(name, ':') + 1);
	}
	if (name[0] == '[')
		obstacle_vma(r, name);
	if (name[0] != '/') {
		if (vma->shared)
			obstacle_vma(r, "shared memory of an unknown kind");
		return 0;
	}
	vma->how = CKPT_VMA_FILE;
	vma->has_file = true;
	vma->fname = unescape_path(name);
	return vma->fname ? 0 : -ENOMEM;
}

static int read_head(struct smaps_reader *r, const char *line)
{
	unsigned long long start, end, pgoff;
	char perms[5];
	int name_at = 0;

	if (sscanf(line, "%llx-%llx %4s %llx %*s %*s %n", &start, &end, perms, &pgoff, &name_at) <
	    4)
		return -EINVAL;
	r->vma = NULL;
	if (start >= 1ull << 47)
		return 0;
	r->vma = CKPT_VEC_ADD(&r->task->vmas);
	if (!r->vma)
		return -ENOMEM;
	r->vma->start = start;
	r->vma->end = end;
	r->vma->pgoff = pgoff;
	r->vma->prot = (perms[0] == 'r' ? CKPT_PROT_READ : 0) |
		       (perms[1] == 'w' ? CKPT_PROT_WRITE : 0) |
		       (perms[2] == 'x' ? CKPT_PROT_EXEC : 0);
	r->vma->shared = perms[3] == 's';
	return classify(r, name_at ? line + name_at : "");
}

static void read_flag(struct smaps_reader *r, const char *letters)
{
	if (!strcmp(letters, "ht")) {
		r->vma->has_huge = true;
		r->vma->huge = r->page_size;
	}
	for (int i = 0; ckpt_vm_flags[i].letters[0]; i++) {
		if (strcmp(ckpt_vm_flags[i].letters, letters))
			continue;
		if (1ull << i & STORED_FLAGS)
			r->vma->flags |= 1ull << i;
		/* The kernel's own pages are special mappings on some versions. */
		if (ckpt_vm_flags[i].what == CKPT_VM_REFUSE && r->vma->how < CKPT_VMA_VDSO)
			obstacle_vma(r, ckpt_vm_flags[i].why);
		return;
	}
	/* Before it had letters it was the only flag of x86 without, and goes with lo. */
	if (!strcmp(letters, "??") && ckpt_vma_has(r->vma, "lo")) {
		r->vma->flags |= 1ull << BIT_lf;
		return;
	}
	char why[40];

	snprintf(why, sizeof(why), "VMA flag '%s' is not known", letters);
	obstacle_vma(r, why);
}

static int read_line(struct smaps_reader *r, char *line)
{
	char *save, *word;

	line[strcspn(line, "\n")] = '\0';
	if (strchr("0123456789abcdef", line[0]))
		return read_head(r, line);
	if (!r->vma)
		return 0;
	if (!strncmp(line, "KernelPageSize:", 15))
		r->page_size = strtoull(line + 15, NULL, 10) << 10;
	if (!strncmp(line, "ProtectionKey:", 14))
		r->vma->pkey = (uint32_t)strtoul(line + 14, NULL, 10);
	if (strncmp(line, "VmFlags:", 8))
		return 0;
	for (word = strtok_r(line + 8, " ", &save); word; word = strtok_r(NULL, " ", &save))
		read_flag(r, word);
	return 0;
}

int ckpt_vmas_parse(FILE *f, struct ckpt_task *task, void (*obstacle)(void *arg, const char *text),
		    void *arg)
{
	struct smaps_reader r = {.task = task, .obstacle = obstacle, .arg = arg};
	char *line = NULL;
	size_t cap = 0;
	int ret = 0;

	while (!ret && ckpt_proc_getline(&line, &cap, f) > 0)
		ret = read_line(&r, line);
	free(line);
	return ret;
}

int ckpt_vmas_read(pid_t pid, struct ckpt_task *task, void (*obstacle)(void *arg, const char *text),
		   void *arg, struct ckpt_err *err)
{
	char path[40];
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	f = ckpt_proc_fopen(path);
	if (!f)
		return ckpt_fail_sys(err, "%s", path);
	ret = ckpt_vmas_parse(f, task, obstacle, arg);
	if (ret)
		ckpt_fail(err, -ret, "%s: can't be read", path);
	fclose(f);
	return ret;
}
