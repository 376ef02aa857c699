// SPDX-License-Identifier: GPL-2.0-or-later
/* Waits without limit that only a signal ends: argv[2] is pause, sigsuspend or sigwait. */
#include <signal.h>
#include "victim.h"

static volatile int handled;

static void on_signal(int sig)
{
	handled = sig;
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_signal};
	sigset_t blocked, during, now;
	int ret = -1, sig = 0;

	MUST(argc > 2);
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGUSR2, &act, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	if (strcmp(argv[2], "pause") != 0)
		sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	sigemptyset(&during);
	sigaddset(&during, SIGUSR2);
	victim_ready();
	errno = 0;
	if (strcmp(argv[2], "pause") == 0) {
		ret = pause();
	} else if (strcmp(argv[2], "sigsuspend") == 0) {
		ret = sigsuspend(&during);
	} else {
		/* Not restarted by the kernel (signal(7)): so a program must expect EINTR. */
		sigemptyset(&during);
		sigaddset(&during, SIGUSR1);
		while ((sig = sigwaitinfo(&during, NULL)) < 0 && errno == EINTR)
			;
		handled = sig;
		ret = -1;
		errno = EINTR;
	}
	CHECK(ret == -1 && errno == EINTR, "returned %d: %m", ret);
	CHECK(handled == SIGUSR1, "signal %d was handled", handled);
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK(sigismember(&now, SIGUSR2) == 1, "SIGUSR2 is not blocked");
	CHECK(sigismember(&now, SIGUSR1) == sigismember(&blocked, SIGUSR1), "mask of SIGUSR1");
	CHECK(access(argv[1], F_OK) == 0, "it ended before it was told to");
	return victim_end();
}
