// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keyrings (keyrings(7)): what a task loses of them, and what a new process may not inherit.
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "keyrings.h"
#include "log.h"
#include "proc.h"

#define MAX_KEYS       1024 /* of one keyring that are looked at */
#define DESCRIPTION    256  /* bytes of one */
#define AT_SERIALS     0    /* in the scratch memory */
#define AT_TEXT	       (MAX_KEYS * 4)
#define ask(r, v, ...) ckpt_remote_call(r, v, err, SYS_keyctl, CKPT_ARGS(__VA_ARGS__))

/* Whether the key is the keyring that all processes of a user share: "keyring;0;65534;PERM;_uid.0"
 * (KEYCTL_DESCRIBE). Who logs in gets a link to it. */
static int is_users(struct ckpt_remote *r, int32_t serial, bool *is, struct ckpt_err *err)
{
	char text[DESCRIPTION + 1] = "";
	const char *name;
	long len;
	int ret =
		ask(r, &len, KEYCTL_DESCRIBE, (uint64_t)serial, r->scratch + AT_TEXT, DESCRIPTION);

	if (!ret)
		ret = ckpt_remote_get(r, AT_TEXT, text, DESCRIPTION, err);
	name = strrchr(text, ';');
	*is = !ret && len > 0 && !strncmp(text, "keyring;", 8) && name &&
	      !strncmp(name, ";_uid", 5);
	return ret;
}

/* How many keys the keyring has, the user's own not counted. */
static int count_keys(struct ckpt_remote *r, int64_t keyring, size_t *count, struct ckpt_err *err)
{
	int32_t serials[MAX_KEYS];
	long bytes;
	int ret = ask(r, &bytes, KEYCTL_READ, (uint64_t)keyring, r->scratch + AT_SERIALS,
		      sizeof(serials));
	size_t n;

	*count = 0;
	if (ret || bytes <= 0)
		return ret;
	*count = (size_t)bytes / sizeof(*serials);
	n = *count < MAX_KEYS ? *count : MAX_KEYS;
	ret = ckpt_remote_get(r, AT_SERIALS, serials, n * sizeof(*serials), err);
	for (size_t i = 0; !ret && i < n; i++) {
		bool users;

		ret = is_users(r, serials[i], &users, err);
		if (!ret && users)
			--*count;
	}
	return ret;
}

static int check_own(struct ckpt_collect *c, struct ckpt_remote *r, int32_t which, const char *name,
		     struct ckpt_err *err)
{
	size_t count = 0;
	long serial;
	int ret = ask(r, &serial, KEYCTL_GET_KEYRING_ID, (uint64_t)which, 0);

	if (!ret && serial > 0) /* ENOKEY: it has none; ENOSYS: no task has */
		ret = count_keys(r, which, &count, err);
	if (!ret && count)
		ckpt_obstacle_add(&c->obstacles, "%s keyring with %zu keys", name, count);
	return ret;
}

/* Asking for the session keyring would give one to a task that has none: its user's, for good
 * (security/keys/process_keys.c, lookup_user_key). A search does not. */
static int check_session(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	static const char words[] = "keyring\0_ses";
	size_t count = 0;
	long serial = 0;
	int ret = ckpt_remote_put(r, 0, words, sizeof(words), err);

	if (!ret)
		ret = ckpt_remote_call(r, &serial, err, SYS_request_key,
				       CKPT_ARGS(r->scratch, r->scratch + 8, 0, 0));
	if (!ret && serial > 0)
		ret = count_keys(r, serial, &count, err);
	if (!ret && count)
		ckpt_log("process %d: its session keyring is not kept, nor the %zu keys in it",
			 c->cap->pid, count);
	return ret;
}

int ckpt_keyrings_check(struct ckpt_collect *c, struct ckpt_remote *r, struct ckpt_err *err)
{
	int ret = check_own(c, r, KEY_SPEC_THREAD_KEYRING, "thread", err);

	if (!ret)
		ret = check_own(c, r, KEY_SPEC_PROCESS_KEYRING, "process", err);
	if (!ret)
		ret = check_session(c, r, err);
	if (ret != -ENOTSUP)
		return ret;
	ckpt_log("process %d: whether it has keys is not known: %s", c->cap->pid, err->text);
	return 0;
}

/* It has been given the session keyring of ckptfs, with keys that are none of the maker's. A kernel
 * without keyrings: ENOSYS. A container's filter forbids the call to all in it, the maker too. */
int ckpt_keyrings_leave(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	long serial;
	int ret = ckpt_remote_call(&s->r, &serial, err, SYS_keyctl,
				   CKPT_ARGS(KEYCTL_JOIN_SESSION_KEYRING, 0));

	if (ret || serial >= 0 || serial == -ENOSYS)
		return ret;
	if (serial == -EPERM && ckpt_proc_status(getpid(), "Seccomp", 10) > 0)
		return 0;
	return ckpt_fail(err, (int)-serial, "session keyring: %s", strerror((int)-serial));
}

int ckpt_keyrings_link(struct ckpt_skeleton *s, struct ckpt_err *err)
{
	long result;

	return ckpt_remote_call(&s->r, &result, err, SYS_keyctl,
				CKPT_ARGS(KEYCTL_LINK, (uint64_t)KEY_SPEC_USER_KEYRING,
					  (uint64_t)KEY_SPEC_SESSION_KEYRING));
}
