// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lives once, and again from its own checkpoint: turnback GO DIR. It asks for a checkpoint by
 * making DIR/save, waits for DIR/saved, and looks whether DIR/life is there. If not it is its
 * first life: it makes that file, changes all it has, and asks to be rolled back by making
 * DIR/back. In its second life it finds the file, and itself as it was.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "victim.h"

#define WORDS (1 << 18)

static uint64_t words[WORDS];
static char path[4096];

static const char *in(const char *dir, const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void make(const char *dir, const char *name)
{
	int fd = open(in(dir, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	MUST(fd >= 0 && write(fd, "made\n", 5) == 5);
	close(fd);
}

static bool there(const char *dir, const char *name)
{
	return access(in(dir, name), F_OK) == 0;
}

static void handler(int sig)
{
	(void)sig;
}

static void change_everything(void *region, int fd)
{
	struct rlimit lim;
	sigset_t set;

	sigfillset(&set);
	victim_fill(words, sizeof(words), 77);
	MUST(!munmap(region, 1 << 20));
	MUST(mmap(NULL, 5 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	     MAP_FAILED);
	memset(malloc(3 << 20), 1, 3 << 20);
	MUST(!sigprocmask(SIG_SETMASK, &set, NULL) && signal(SIGUSR1, handler) != SIG_ERR);
	MUST(lseek(fd, 3, SEEK_SET) == 3);
	MUST(open("/dev/null", O_RDONLY | O_CLOEXEC) > fd);
	MUST(!getrlimit(RLIMIT_CORE, &lim));
	lim.rlim_cur = lim.rlim_cur ? 0 : lim.rlim_max;
	MUST(!setrlimit(RLIMIT_CORE, &lim));
	umask(0177);
	MUST(!chdir("/"));
}

int main(int argc, char **argv)
{
	volatile int life = 1;
	struct rlimit before, now;
	char *region, cwd[4096];
	struct sigaction act;
	sigset_t set;
	int fd;

	MUST(argc > 2 && !chdir(argv[2]) && !getrlimit(RLIMIT_CORE, &before));
	umask(022);
	region = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(region != MAP_FAILED);
	victim_fill(words, sizeof(words), 5);
	victim_fill(region, 1 << 20, 6);
	fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	MUST(fd >= 0 && write(fd, "0123456789", 10) == 10);
	victim_ready();
	make(argv[2], "save");
	while (!there(argv[2], "saved"))
		victim_doze();
	if (!there(argv[2], "life")) {
		make(argv[2], "life");
		life = 2;
		change_everything(region, fd);
		make(argv[2], "back");
		while (life == 2)
			victim_doze();
	}
	CHECK(life == 1, "its variable says life %d", life);
	CHECK(victim_differs(words, sizeof(words), 5) < 0, "its memory is not as it was");
	CHECK(victim_differs(region, 1 << 20, 6) < 0, "its mapping is not as it was");
	CHECK(lseek(fd, 0, SEEK_CUR) == 10, "its file is at %ld", (long)lseek(fd, 0, SEEK_CUR));
	CHECK(umask(0) == 022, "umask");
	MUST(!sigaction(SIGUSR1, NULL, &act) && !sigprocmask(SIG_SETMASK, NULL, &set));
	CHECK(act.sa_handler == SIG_DFL && !sigismember(&set, SIGUSR1), "signals");
	MUST(!getrlimit(RLIMIT_CORE, &now));
	CHECK(now.rlim_cur == before.rlim_cur, "limits");
	CHECK(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, argv[2]), "cwd");
	CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) == fd + 1, "descriptors");
	while (!there(argv[2], "end"))
		victim_doze();
	return victim_end();
}
