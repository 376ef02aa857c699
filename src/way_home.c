// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the descriptor by which a task that is out of its frozen control group can move itself back.
 */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "outing.h"
#include "remote.h"
#include "way_home.h"

/* At the end of the scratch memory; what is not there yet is -1. The kernel itself writes the
 * descriptors, so there is no moment in which the stub does not know of them. */
struct way_home {
	struct msghdr msg;
	struct iovec iov;
	char byte, pad[7];
	struct cmsghdr head;
	int32_t fd, none;
	int32_t sockets[2];
};
#define WAY_HOME(r, field) ((r)->scratch + WAY_OFFSET + offsetof(struct way_home, field))
#define WAY_OFFSET	   (CKPT_SCRATCH_SIZE - sizeof(struct way_home))

static bool tell_stub(struct ckpt_remote *r, uint64_t slot, uint64_t at)
{
	return pwrite(r->mem_fd, &at, sizeof(at), (off_t)slot) == (ssize_t)sizeof(at);
}

/* Sends fd to the task, through our copy of its socket. */
static bool send_fd(struct ckpt_remote *r, int socket, int fd)
{
	struct {
		struct cmsghdr head;
		int fd, pad;
	} control = {{CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS}, fd, 0};
	struct iovec iov = {"", 1};
	const struct msghdr msg = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = &control,
				   .msg_controllen = sizeof(control)};
	int pidfd = (int)syscall(SYS_pidfd_open, r->tid, 0), ours;
	bool sent;

	_Static_assert(sizeof(control) == CMSG_SPACE(sizeof(fd)), "as CMSG_DATA has it");
	ours = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, socket, 0);
	sent = ours >= 0 && sendmsg(ours, &msg, MSG_NOSIGNAL) == 1;
	if (ours >= 0)
		close(ours);
	if (pidfd >= 0)
		close(pidfd);
	return sent;
}

static void close_inside(struct ckpt_remote *r, size_t field)
{
	const int32_t none = -1;
	int32_t fd = -1;
	long result;

	if (ckpt_remote_get(r, WAY_OFFSET + field, &fd, sizeof(fd), NULL) || fd < 0)
		return;
	ckpt_remote_call(r, &result, NULL, SYS_close, CKPT_ARGS((uint64_t)fd));
	ckpt_remote_put(r, WAY_OFFSET + field, &none, sizeof(none), NULL);
}

void ckpt_way_home_open(struct ckpt_remote *r, uint64_t slot)
{
	struct way_home way = {
		.msg = {.msg_iov = (struct iovec *)WAY_HOME(r, iov),
			.msg_iovlen = 1,
			.msg_control = (void *)WAY_HOME(r, head),
			.msg_controllen = CMSG_SPACE(sizeof(int))},
		.iov = {(void *)WAY_HOME(r, byte), 1},
		.fd = -1,
		.sockets = {-1, -1},
	};
	long result = -1;

	if (r->outing->nhomes != 1 || ckpt_remote_put(r, WAY_OFFSET, &way, sizeof(way), NULL) ||
	    !tell_stub(r, slot, WAY_HOME(r, fd)))
		return;
	r->way_home = true;
	if (!ckpt_remote_call(
		    r, &result, NULL, SYS_socketpair,
		    CKPT_ARGS(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, WAY_HOME(r, sockets))) &&
	    !result && !ckpt_remote_get(r, WAY_OFFSET, &way, sizeof(way), NULL) &&
	    send_fd(r, way.sockets[0], r->outing->homes[0].fd))
		ckpt_remote_call(r, &result, NULL, SYS_recvmsg,
				 CKPT_ARGS((uint64_t)way.sockets[1], WAY_HOME(r, msg),
					   MSG_CMSG_CLOEXEC | MSG_DONTWAIT));
	close_inside(r, offsetof(struct way_home, sockets[0]));
	close_inside(r, offsetof(struct way_home, sockets[1]));
}

void ckpt_way_home_close(struct ckpt_remote *r, uint64_t slot)
{
	if (!r->way_home)
		return;
	r->way_home = false;
	close_inside(r, offsetof(struct way_home, fd));
	tell_stub(r, slot, 0); /* the scratch memory goes next */
}
