#include "signals.h"

#include "err.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static const int ours[] = { SIGHUP, SIGTERM, SIGINT };
#define N_OURS (sizeof ours / sizeof *ours)

/* Written once, by signals_take(). */
static int tube[2] = { -1, -1 };

void
signals_raise(int sig)
{
	unsigned char c = (unsigned char)sig;
	int saved = errno;
	ssize_t done = write(tube[1], &c, 1);

	(void)done; /* full: more than enough have come */
	errno = saved;
}

void
signals_take(void)
{
	struct sigaction sa = { .sa_handler = signals_raise,
		.sa_flags = SA_RESTART };

	must(pipe2(tube, O_CLOEXEC | O_NONBLOCK) == 0);
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < N_OURS; i++)
		sigaction(ours[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* inherited as ignored, no child of ours could be waited for */
	signal(SIGCHLD, SIG_DFL);
#ifdef __SANITIZE_THREAD__
	signals_leave();
#endif
}

void
signals_leave(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < N_OURS; i++)
		sigaddset(&set, ours[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/*
 * TSan puts a handler off until its thread next calls something, and seldom
 * for ever.  So in its build the signals are blocked in all threads, and are
 * asked for.
 */
#ifdef __SANITIZE_THREAD__
#define LONGEST_POLL 50

static void
ask(void)
{
	struct timespec at_once = { 0, 0 };
	sigset_t set;
	int sig;

	sigemptyset(&set);
	for (size_t i = 0; i < N_OURS; i++)
		sigaddset(&set, ours[i]);
	while ((sig = sigtimedwait(&set, NULL, &at_once)) > 0)
		signals_raise(sig);
}
#else
#define LONGEST_POLL (-1)
#define ask()
#endif

int
signals_wait(int ms)
{
	struct pollfd p = { .fd = tube[0], .events = POLLIN };
	unsigned char c;

	for (;;) {
		int n;

		ask();
		n = poll(&p, 1, ms < 0 ? LONGEST_POLL : ms);

		if (n > 0 && read(tube[0], &c, 1) == 1)
			return c;
		if (n == 0 && ms >= 0)
			return 0;
		if (n < 0 && errno != EINTR)
			must_failed("poll", __FILE__, __LINE__);
	}
}
