// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * keys GO KIND: none has no keyring at all; user has a key in that of its user, process and thread
 * in their own, session in that of its session. keys run COMMAND...: with a key in its session that
 * is nobody else's.
 */
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "victim.h"

#define SECRET "ckptfs-secret"

static const char *go;

static long keyctl(int what, long a, long b)
{
	return syscall(SYS_keyctl, what, a, b, 0, 0);
}

static long add(const char *name, int keyring)
{
	long key = syscall(SYS_add_key, "user", name, "abc", 3, keyring);

	if (key < 0)
		victim_skip("no keyrings here");
	return key;
}

static long find(const char *name)
{
	return syscall(SYS_request_key, "user", name, NULL, 0);
}

static void wait_for_go(void)
{
	victim_ready();
	victim_wait(go);
	CHECK(find(SECRET) == -1, "it has the key of another session");
}

/* Asking must not make them: neither for the user, nor for the process. */
static void has_none(void)
{
	char line[256];
	FILE *f;

	wait_for_go();
	f = fopen("/proc/keys", "re");
	MUST(f);
	while (fgets(line, sizeof(line), f))
		CHECK(!strstr(line, "_uid"), "it has a keyring now: %s", line);
	fclose(f);
	CHECK(keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0) == -1 && errno == ENOKEY,
	      "it has a process keyring now");
}

/* Shared by all processes of the user, so it is found again. */
static void has_users(void)
{
	char name[40];
	long key;

	snprintf(name, sizeof(name), "ckptfs-users-%d", getpid());
	key = add(name, KEY_SPEC_USER_KEYRING);
	wait_for_go();
	CHECK(find(name) == key, "the key of its user is not found: %m");
	keyctl(KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING);
}

static void has_own(int keyring)
{
	long key = add("ckptfs-own", keyring);

	wait_for_go();
	CHECK(find("ckptfs-own") == key, "its own key is not found: %m");
}

static void has_process(void)
{
	has_own(KEY_SPEC_PROCESS_KEYRING);
}

static void has_thread(void)
{
	has_own(KEY_SPEC_THREAD_KEYRING);
}

static void join_session(void)
{
	if (keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0) < 0)
		victim_skip("no keyrings here");
}

/* As after a login: a link to the user's keyring, which counts for nothing. */
static void has_session(void)
{
	join_session();
	MUST(keyctl(KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING) == 0);
	has_own(KEY_SPEC_SESSION_KEYRING);
}

static void has_empty_session(void)
{
	join_session();
	MUST(keyctl(KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING) == 0);
	wait_for_go();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} kinds[] = {
		{"none", has_none},	  {"user", has_users},
		{"process", has_process}, {"thread", has_thread},
		{"session", has_session}, {"empty-session", has_empty_session},
	};

	MUST(argc >= 3);
	if (strcmp(argv[1], "run") == 0) {
		join_session();
		add(SECRET, KEY_SPEC_SESSION_KEYRING);
		MUST(find(SECRET) > 0);
		execv(argv[2], argv + 2);
		return 127;
	}
	go = argv[1];
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, argv[2]) != 0)
			continue;
		kinds[i].run();
		return victim_end();
	}
	victim_fail("no kind %s", argv[2]);
	return 1;
}
