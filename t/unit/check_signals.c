/*
 * Signals and their handlers are the process's: each test has a child for
 * itself, which ends with the number of the check that failed.
 */
#include "unit.h"

#include "milter/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WANT(n, x)                                                             \
	do                                                                     \
		if (!(x))                                                      \
			return n;                                              \
	while (0)

/* One that hangs is ended by its alarm. */
static void
in_child(int (*run)(void))
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		alarm(3);
		_exit(run());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(
	    !WIFSIGNALED(status), "child died of signal %d", WTERMSIG(status));
	ck_assert_msg(
	    WEXITSTATUS(status) == 0, "check %d failed", WEXITSTATUS(status));
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* TSan's build asks for signals, blocked everywhere; see signals.c. */
#ifdef __SANITIZE_THREAD__
#define HANDLED false
#else
#define HANDLED true
#endif

static int
each_is_told(void)
{
	static const int ours[] = { SIGHUP, SIGTERM, SIGINT };

	signals_take();
	for (size_t i = 0; i < UNIT_N(ours); i++) {
		WANT(1, kill(getpid(), ours[i]) == 0);
		WANT(2, signals_wait(1000) == ours[i]);
		signals_raise(ours[i]);
		WANT(3, signals_wait(0) == ours[i]);
		raise(ours[i]);
		WANT(4, signals_wait(-1) == ours[i]);
	}
	return 0;
}

static int
several_come_in_order(void)
{
	signals_take();
	signals_raise(SIGHUP);
	signals_raise(SIGHUP);
	if (HANDLED)
		raise(SIGTERM);
	else
		signals_raise(SIGTERM);
	signals_raise(SIGINT);
	WANT(1, signals_wait(0) == SIGHUP);
	WANT(2, signals_wait(0) == SIGHUP);
	WANT(3, signals_wait(-1) == SIGTERM);
	WANT(4, signals_wait(5) == SIGINT);
	WANT(5, signals_wait(0) == 0);
	return 0;
}

static int
time_passes(void)
{
	double start = now();

	signals_take();
	WANT(1, signals_wait(0) == 0);
	WANT(2, signals_wait(50) == 0);
	WANT(3, now() - start >= 0.045);
	return 0;
}

static void
ignore(int sig)
{
	(void)sig;
}

/* poll() is never restarted; a wait that is interrupted goes on. */
static int
other_signals_do_not_wake(void)
{
	struct sigaction sa = { .sa_handler = ignore };
	/* instead of the alarm of in_child() */
	struct itimerval once = { .it_value = { 0, 10000 } };
	double start = now();

	signals_take();
	sigaction(SIGALRM, &sa, NULL);
	WANT(1, setitimer(ITIMER_REAL, &once, NULL) == 0);
	WANT(2, signals_wait(60) == 0);
	WANT(3, now() - start >= 0.055);
	return 0;
}

static int
it_wakes_one_that_waits(void)
{
	pid_t pid, parent = getpid();
	int status;

	signals_take();
	pid = fork();
	if (pid == 0) {
		usleep(20000);
		kill(parent, SIGHUP);
		_exit(0);
	}
	WANT(1, signals_wait(-1) == SIGHUP);
	WANT(2, waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}

/* More than the pipe holds: nothing blocks, nothing but the surplus is lost. */
static int
any_number_may_come(void)
{
	int n = 0;

	signals_take();
	for (int i = 0; i < 100000; i++)
		signals_raise(SIGHUP);
	for (int i = 0; i < 100; i++)
		raise(SIGHUP);
	errno = 77;
	raise(SIGTERM); /* full: fails inside, and nobody sees it */
	WANT(1, errno == 77);
	while (signals_wait(0) == SIGHUP)
		n++;
	WANT(2, n >= 4096);
	raise(SIGTERM);
	WANT(3, signals_wait(1000) == SIGTERM);
	return 0;
}

static int
broken_pipe_is_an_error_only(void)
{
	int fds[2];

	signals_take();
	WANT(1, pipe(fds) == 0);
	close(fds[0]);
	WANT(2, write(fds[1], "x", 1) == -1 && errno == EPIPE);
	return 0;
}

/* A read that a signal interrupts is begun again. */
static int
system_calls_go_on(void)
{
	int fds[2];
	pid_t parent = getpid();
	char c;

	signals_take();
	WANT(1, pipe(fds) == 0);
	if (fork() == 0) {
		usleep(10000);
		kill(parent, SIGHUP);
		usleep(10000);
		_exit(write(fds[1], "x", 1) != 1);
	}
	WANT(2, read(fds[0], &c, 1) == 1);
	WANT(3, signals_wait(0) == SIGHUP);
	return 0;
}

static int
no_file_is_left_to_children(void)
{
	int before = dup(0), fd;

	close(before);
	signals_take();
	for (fd = before; fd < before + 2; fd++) {
		WANT(1, (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
		WANT(2, (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	}
	return 0;
}

/* ---- threads ------------------------------------------------------------ */

static pthread_barrier_t ready;
static bool blocked[4];

static void *
leave(void *arg)
{
	static const int sigs[] = { SIGHUP, SIGTERM, SIGINT, SIGSEGV };
	sigset_t set;

	signals_leave();
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	for (size_t i = 0; i < UNIT_N(sigs); i++)
		blocked[i] = sigismember(&set, sigs[i]) == 1;
	pthread_barrier_wait(&ready); /* they are blocked */
	pthread_barrier_wait(&ready); /* one came */
	return arg;
}

static int
others_leave_them_to_main(void)
{
	pthread_t thread;
	sigset_t set;

	signals_take();
	pthread_barrier_init(&ready, NULL, 2);
	WANT(1, pthread_create(&thread, NULL, leave, NULL) == 0);
	pthread_barrier_wait(&ready);
	WANT(2, blocked[0] && blocked[1] && blocked[2] && !blocked[3]);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	WANT(3, sigismember(&set, SIGHUP) == 0 || !HANDLED);
	/* one for that thread alone waits there until it ends */
	WANT(4, pthread_kill(thread, SIGHUP) == 0);
	WANT(5, signals_wait(20) == 0);
	WANT(6, kill(getpid(), SIGTERM) == 0);
	WANT(7, signals_wait(1000) == SIGTERM);
	pthread_barrier_wait(&ready);
	pthread_join(thread, NULL);
	return 0;
}

static void *
raise_hup(void *arg)
{
	usleep(10000);
	signals_raise(SIGHUP);
	return arg;
}

static int
any_thread_may_raise(void)
{
	pthread_t thread;

	signals_take();
	WANT(1, pthread_create(&thread, NULL, raise_hup, NULL) == 0);
	WANT(2, signals_wait(-1) == SIGHUP);
	pthread_join(thread, NULL);
	return 0;
}

static int (*const runs[])(void) = {
	each_is_told,
	several_come_in_order,
	time_passes,
	other_signals_do_not_wake,
	it_wakes_one_that_waits,
	any_number_may_come,
	broken_pipe_is_an_error_only,
	system_calls_go_on,
	no_file_is_left_to_children,
	others_leave_them_to_main,
	any_thread_may_raise,
};

START_TEST(child_is_content)
{
	in_child(runs[_i]);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("signals", &t);

	tcase_add_loop_test(t, child_is_content, 0, UNIT_N(runs));
	return s;
}

UNIT_MAIN(suite)
