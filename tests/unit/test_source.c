// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Trees to restore that are directories.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cred.h"
#include "source.h"

Suite *source_suite(void);

static char tree[] = "/tmp/ckpt-test-XXXXXX";
static struct ckpt_cred *self;
static struct ckpt_source *dir;

static const char *in_tree(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_tree(name), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void dir_setup(void)
{
	strcpy(strstr(tree, "test-"), "test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(tree));
	mkdir(in_tree("vmas"), 0700);
	write_file("task", "version 1\nend\n");
	write_file("vmas/pages", "0123456789");
	self = ckpt_cred_self();
	ck_assert_ptr_nonnull(self);
	ck_assert_int_eq(ckpt_source_dir_open(tree, self, &dir, NULL), 0);
}

static void dir_teardown(void)
{
	char cmd[256];

	ckpt_source_dir_close(dir);
	ckpt_cred_free(self);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", tree);
	ck_assert_int_eq(system(cmd), 0);
}

static int collect(const char *path, void *arg)
{
	strcat(arg, path);
	strcat(arg, ";");
	return 0;
}

static int stop(const char *path, void *arg)
{
	(void)path;
	++*(int *)arg;
	return 42;
}

START_TEST(dir_reads_files)
{
	char buf[64];
	uint64_t size;

	ck_assert_int_eq(dir->ops->size(dir, "vmas/pages", &size), 0);
	ck_assert_uint_eq(size, 10);
	ck_assert_int_eq(dir->ops->read(dir, "vmas/pages", buf, 4, 2), 4);
	ck_assert_mem_eq(buf, "2345", 4);
	ck_assert_int_eq(dir->ops->read(dir, "vmas/pages", buf, 64, 8), 2);
	ck_assert_int_eq(dir->ops->read(dir, "vmas/pages", buf, 64, 10), 0);
	ck_assert_int_eq(dir->ops->read(dir, "nothing", buf, 1, 0), -ENOENT);
	ck_assert_int_eq(dir->ops->size(dir, "vmas", &size), -ENOENT);
}
END_TEST

START_TEST(dir_reads_more_files_than_it_keeps_open)
{
	char name[16], buf[16];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 20; i++) {
			snprintf(name, sizeof(name), "f%d", i);
			if (!round)
				write_file(name, name);
			ck_assert_int_eq(dir->ops->read(dir, name, buf, 16, 0), strlen(name));
			ck_assert_mem_eq(buf, name, strlen(name));
		}
	}
}
END_TEST

START_TEST(dir_walks_all_files)
{
	char found[256] = "";

	ck_assert_int_eq(dir->ops->each(dir, collect, found), 0);
	ck_assert_uint_eq(strlen(found), strlen("task;vmas/pages;"));
	ck_assert_ptr_nonnull(strstr(found, "task;"));
	ck_assert_ptr_nonnull(strstr(found, "vmas/pages;"));
}
END_TEST

START_TEST(dir_walk_stops_when_told)
{
	int calls = 0;

	ck_assert_int_eq(dir->ops->each(dir, stop, &calls), 42);
	ck_assert_int_eq(calls, 1);
}
END_TEST

/* Every kind of thing that is no file of a tree: not readable, and named by the walk. */
static void expect_refused(const char *name)
{
	char found[256] = "", buf[8];
	uint64_t size;

	ck_assert_int_eq(dir->ops->size(dir, name, &size), -ENOENT);
	ck_assert_int_eq(dir->ops->read(dir, name, buf, 8, 0), -ENOENT);
	ck_assert_int_eq(dir->ops->each(dir, collect, found), -EINVAL);
}

START_TEST(dir_refuses_symlink)
{
	ck_assert_int_eq(symlink("task", in_tree("link")), 0);
	expect_refused("link");
}
END_TEST

START_TEST(dir_refuses_symlinked_directory)
{
	ck_assert_int_eq(symlink("vmas", in_tree("link")), 0);
	expect_refused("link/pages");
}
END_TEST

START_TEST(dir_refuses_fifo_without_waiting)
{
	ck_assert_int_eq(mkfifo(in_tree("fifo"), 0600), 0);
	expect_refused("fifo");
}
END_TEST

START_TEST(dir_refuses_device)
{
	if (mknod(in_tree("dev"), S_IFCHR | 0600, 1 << 8 | 5) < 0)
		return; /* not as an ordinary user */
	expect_refused("dev");
}
END_TEST

START_TEST(dir_refuses_paths_out_of_the_tree)
{
	uint64_t size;

	ck_assert_int_eq(dir->ops->size(dir, "../../etc/passwd", &size), -ENOENT);
	ck_assert_int_eq(dir->ops->size(dir, "/etc/passwd", &size), -ENOENT);
	ck_assert_int_eq(dir->ops->size(dir, "vmas/../../../etc/passwd", &size), -ENOENT);
}
END_TEST

START_TEST(dir_refuses_endless_depth)
{
	char path[4096] = "", found[256] = "";

	for (int i = 0; i < 200; i++) {
		strcat(path, i ? "/d" : "d");
		ck_assert_int_eq(mkdirat(open(tree, O_PATH), path, 0700), 0);
	}
	ck_assert_int_eq(dir->ops->each(dir, collect, found), -EINVAL);
}
END_TEST

START_TEST(dir_open_needs_an_absolute_directory)
{
	struct ckpt_source *src;
	struct ckpt_err err = {0};

	ck_assert_int_eq(ckpt_source_dir_open("relative", self, &src, &err), -EINVAL);
	ck_assert_int_eq(ckpt_source_dir_open(in_tree("nothing"), self, &src, &err), -ENOENT);
	ck_assert_int_eq(ckpt_source_dir_open(in_tree("task"), self, &src, &err), -ENOTDIR);
}
END_TEST

START_TEST(dir_open_follows_his_links_but_not_ours)
{
	struct ckpt_source *src;
	char magic[64];
	int fd = open(tree, O_RDONLY | O_DIRECTORY);

	ck_assert_int_eq(symlink("vmas", in_tree("latest")), 0);
	ck_assert_int_eq(ckpt_source_dir_open(in_tree("latest"), self, &src, NULL), 0);
	ckpt_source_dir_close(src);
	snprintf(magic, sizeof(magic), "/proc/self/fd/%d", fd);
	ck_assert_int_eq(ckpt_source_dir_open(magic, self, &src, NULL), -ELOOP);
	ck_assert_int_eq(ckpt_source_dir_open("/proc/self/cwd", self, &src, NULL), -ELOOP);
	close(fd);
}
END_TEST

/* Only root can act as somebody else. */
START_TEST(dir_opens_as_the_user)
{
	struct ckpt_cred nobody = *self;
	struct ckpt_source *src;
	struct ckpt_err err = {0};
	char buf[8];

	nobody.ruid = nobody.euid = nobody.suid = nobody.fsuid = 65534;
	nobody.rgid = nobody.egid = nobody.sgid = nobody.fsgid = 65534;
	nobody.groups = NULL;
	nobody.ngroups = 0;
	nobody.cap_eff = nobody.cap_prm = 0;
	chmod(tree, 0700);
	ck_assert_int_eq(ckpt_source_dir_open(tree, &nobody, &src, &err), -EACCES);
	chmod(tree, 0755);
	chmod(in_tree("task"), 0600);
	chmod(in_tree("vmas"), 0755);
	chmod(in_tree("vmas/pages"), 0644);
	ck_assert_int_eq(ckpt_source_dir_open(tree, &nobody, &src, &err), 0);
	ck_assert_int_eq(src->ops->read(src, "task", buf, 8, 0), -EACCES);
	ck_assert_int_eq(src->ops->read(src, "vmas/pages", buf, 8, 0), 8);
	ckpt_source_dir_close(src);
}
END_TEST

Suite *source_suite(void)
{
	Suite *s = suite_create("source");
	TCase *directory = tcase_create("directory");

	tcase_add_checked_fixture(directory, dir_setup, dir_teardown);
	tcase_add_test(directory, dir_reads_files);
	tcase_add_test(directory, dir_reads_more_files_than_it_keeps_open);
	tcase_add_test(directory, dir_walks_all_files);
	tcase_add_test(directory, dir_walk_stops_when_told);
	tcase_add_test(directory, dir_refuses_symlink);
	tcase_add_test(directory, dir_refuses_symlinked_directory);
	tcase_add_test(directory, dir_refuses_fifo_without_waiting);
	tcase_add_test(directory, dir_refuses_device);
	tcase_add_test(directory, dir_refuses_paths_out_of_the_tree);
	tcase_add_test(directory, dir_refuses_endless_depth);
	tcase_add_test(directory, dir_open_needs_an_absolute_directory);
	tcase_add_test(directory, dir_open_follows_his_links_but_not_ours);
	if (geteuid() == 0)
		tcase_add_test(directory, dir_opens_as_the_user);
	suite_add_tcase(s, directory);
	return s;
}
