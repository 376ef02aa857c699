// SPDX-License-Identifier: GPL-2.0-or-later
/* Pipes that nobody else holds: contents, capacity, flags, packets, and one whose writer is gone;
 * eventfds with a count. */
#include "victim.h"
#include <sys/eventfd.h>

int main(int argc, char **argv)
{
	int idle[2], full[2], packets[2], closed[2], copy, size;
	int counter, semaphore;
	uint64_t count;
	char buf[8192], want[8192];
	ssize_t n;

	MUST(argc > 1);
	MUST(pipe2(idle, O_CLOEXEC | O_NONBLOCK) == 0 && pipe2(full, O_NONBLOCK) == 0);
	MUST(pipe2(packets, O_DIRECT) == 0 && pipe(closed) == 0);
	MUST(fcntl(full[1], F_SETPIPE_SZ, 262144) == 262144);
	victim_fill(want, sizeof(want), 1);
	for (int i = 0; i < 25; i++) /* not all of what fits */
		MUST(write(full[1], want, sizeof(want)) == (ssize_t)sizeof(want));
	MUST(write(packets[1], "one", 3) == 3 && write(packets[1], "fourth", 6) == 6);
	MUST(write(closed[1], "last words", 10) == 10 && close(closed[1]) == 0);
	counter = eventfd(0, EFD_NONBLOCK);
	semaphore = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
	MUST(counter >= 0 && semaphore >= 0);
	count = 1ull << 40;
	MUST(write(counter, &count, 8) == 8);
	copy = dup(idle[1]);
	MUST(copy >= 0);

	victim_ready();
	victim_wait(argv[1]);

	CHECK(read(idle[0], buf, 1) == -1 && errno == EAGAIN, "the idle pipe: %m");
	CHECK(fcntl(idle[0], F_GETFD) == FD_CLOEXEC && fcntl(copy, F_GETFD) == 0, "close-on-exec");
	CHECK(write(copy, "x", 1) == 1 && read(idle[0], buf, 1) == 1 && buf[0] == 'x',
	      "through the idle pipe: %m");
	size = fcntl(full[0], F_GETPIPE_SZ);
	CHECK(size == 262144, "capacity %d", size);
	for (int i = 0; i < 25; i++) {
		n = read(full[0], buf, sizeof(buf));
		CHECK(n == (ssize_t)sizeof(buf) && memcmp(buf, want, sizeof(buf)) == 0,
		      "piece %d: %zd bytes", i, n);
	}
	CHECK(read(full[0], buf, 1) == -1 && errno == EAGAIN, "more than was written");
	CHECK(fcntl(packets[1], F_GETFL) & O_DIRECT, "packet mode is gone");
	n = read(packets[0], buf, sizeof(buf));
	CHECK(n == 3 && memcmp(buf, "one", 3) == 0, "first packet: %zd bytes", n);
	n = read(packets[0], buf, sizeof(buf));
	CHECK(n == 6 && memcmp(buf, "fourth", 6) == 0, "second packet: %zd bytes", n);
	n = read(closed[0], buf, sizeof(buf));
	CHECK(n == 10 && memcmp(buf, "last words", 10) == 0, "last words: %zd bytes", n);
	CHECK(read(closed[0], buf, 1) == 0, "a writer that was gone is back");
	CHECK(read(counter, &count, 8) == 8 && count == 1ull << 40, "eventfd: %m");
	CHECK(read(counter, &count, 8) == -1 && errno == EAGAIN, "eventfd is not empty");
	for (int i = 0; i < 3; i++)
		CHECK(read(semaphore, &count, 8) == 8 && count == 1, "semaphore: %m");
	CHECK(read(semaphore, &count, 8) == -1 && errno == EAGAIN, "semaphore is not empty");
	CHECK(fcntl(semaphore, F_GETFD) == FD_CLOEXEC, "eventfd: close-on-exec");
	return victim_end();
}
