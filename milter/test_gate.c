#include "test_gate.h"

#include "clock.h"
#include "str.h"
#include "xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define SAID_MAX ((size_t)1 << 20) /* of the report that is kept */

extern char **environ;

static int
spawn(pid_t *pid, char **argv, int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	/* libmilter's sockets have no close-on-exec */
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
					    POSIX_SPAWN_SETSIGDEF |
					    POSIX_SPAWN_SETPGROUP);
	rc = posix_spawn(pid, "/proc/self/exe", &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

/* Until its end or the time; false: the time. */
static bool
listen_to(int fd, int64_t end, struct str *said)
{
	char buf[8192];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = end - clock_mono();
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)(left / CLOCK_MS) + 1) <= 0)
			continue;
		n = read(fd, buf, sizeof buf);
		if (n == 0 || (n < 0 && errno != EINTR))
			return true;
		if (n > 0 && said->len < SAID_MAX)
			str_add(said, buf, (size_t)n);
	}
}

/* The rest of the line that begins like this at or behind p, or NULL. */
static const char *
find_line(const char *p, const char *start, size_t *len)
{
	size_t n = strlen(start);

	for (; p != NULL && *p != '\0'; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, start, n) == 0) {
			*len = strcspn(p + n, "\n");
			return p + n;
		}
	}
	return NULL;
}

/* "3 - mx_test.lua: who # 1.2 ms", where, what. */
static int
explain(const char *said, int code, struct err *err)
{
	size_t n, m;
	const char *first = find_line(said, "not ok ", &n), *message;
	const char *name;

	if (first == NULL)
		return err_set(err,
		    code == EX_NOINPUT ? "--require-tests: there are no tests"
				       : "--require-tests: kumilter test "
					 "ended with %d",
		    code);
	name = memchr(first, '-', n);
	name = name != NULL ? name + 2 : first;
	n -= (size_t)(name - first);
	for (size_t i = n; i-- > 0;)
		if (name[i] == '#' && i > 0 && name[i - 1] == ' ') {
			n = i - 1;
			break;
		}
	message = find_line(name, "    ", &m);
	return err_set(err, "a test does not pass: %.*s: %.*s", (int)n, name,
	    message != NULL ? (int)m : 0, message != NULL ? message : "");
}

static int
wait_for(pid_t pid, int fd, int64_t timeout, struct err *err)
{
	struct str said = { 0 };
	bool ended = listen_to(fd, clock_mono() + timeout, &said);
	int status = 0, rc = 0;

	if (!ended)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!ended)
		rc =
		    err_set(err, "the tests did not end within --load-timeout");
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		rc = explain(str_c(&said),
		    WIFEXITED(status) ? WEXITSTATUS(status) : -1, err);
	str_fini(&said);
	return rc;
}

int
test_gate(const char *const *names, int n, int64_t timeout, struct err *err)
{
	char **argv = xcalloc((size_t)n + 5, sizeof *argv);
	pid_t pid;
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC) != 0) {
		free(argv);
		return err_set(err, "no pipe: %s", strerror(errno));
	}
	argv[0] = (char *)"kumilter";
	argv[1] = (char *)"test";
	argv[2] = (char *)"--quiet";
	argv[3] = (char *)"--";
	for (int i = 0; i < n; i++)
		argv[4 + i] = (char *)names[i];
	rc = spawn(&pid, argv, fds[1]);
	close(fds[1]);
	free(argv);
	if (rc != 0)
		err_set(err, "cannot run the tests: %s", strerror(rc));
	else
		rc = wait_for(pid, fds[0], timeout, err);
	close(fds[0]);
	return rc != 0 ? -1 : 0;
}
