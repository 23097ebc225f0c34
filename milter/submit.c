#include "submit.h"

#include "address.h"
#include "clock.h"
#include "xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_MAX 1000
#define SAID_MAX 2000
#define TURN (10 * CLOCK_MS) /* between two looks at the child */

int
submit_check_command(const char *command, struct err *err)
{
	size_t words = 0;

	if (command[0] != '/')
		return err_set(
		    err, "\"%s\": an absolute path is expected", command);
	if (strlen(command) > COMMAND_MAX)
		return err_set(err, "longer than %d bytes", COMMAND_MAX);
	for (const char *c = command; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return err_set(err, "a control character");
		words += *c != ' ' && (c[1] == ' ' || c[1] == '\0');
	}
	if (words > SUBMIT_WORDS_MAX)
		return err_set(err, "more than %d words", SUBMIT_WORDS_MAX);
	return 0;
}

/* root, ann.miller, ops+alerts */
static bool
is_plain_name(const char *text, size_t len)
{
	static const char fits[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";

	return len > 0 && len < 256 && strspn(text, fits) >= len;
}

int
submit_address(const char *text, size_t len, struct str *out, struct err *err)
{
	struct address a = { 0 };
	char *copy = xmemdup0(text, len);
	int rc = 0;

	for (size_t i = 0; i < len && rc == 0; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			rc =
			    err_set(err, "an address with a control character");
	if (rc == 0 && is_plain_name(copy, len))
		str_add(out, text, len);
	else if (rc == 0 && (rc = address_parse(&a, text, len, err)) == 0)
		str_adds(out, a.email);
	if (rc == 0 && str_c(out)[0] == '-')
		rc = err_set(err, "\"%s\": begins with '-'", str_c(out));
	address_fini(&a);
	free(copy);
	return rc;
}

/* ---- the child ---------------------------------------------------------- */

/* A file in memory with the message; the lines of a host end in LF. */
static int
open_input(const struct submission *s, struct err *err)
{
	int fd = memfd_create("submission", MFD_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool bad;

	if (f == NULL) {
		err_set(err, "no file for the message: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	for (size_t i = 0; i < s->len; i++)
		if (s->data[i] != '\r' || i + 1 == s->len ||
		    s->data[i + 1] != '\n')
			putc_unlocked(s->data[i], f);
	fd = fcntl(fileno(f), F_DUPFD_CLOEXEC, 3);
	bad = ferror(f) != 0 || fflush(f) != 0 || fd < 0;
	fclose(f);
	if (!bad && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	err_set(err, "the message cannot be kept: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The words of the command and what is added; free words and the array. */
static char **
make_words(const struct submission *s, char **words)
{
	char **argv =
	    xcalloc(SUBMIT_WORDS_MAX + 4 + s->n_rcpt + 1, sizeof *argv);
	char *rest, *w;
	size_t n = 0;

	*words = xstrdup(s->command);
	for (w = strtok_r(*words, " ", &rest); w != NULL;
	     w = strtok_r(NULL, " ", &rest))
		argv[n++] = w;
	must(n > 0 && n <= SUBMIT_WORDS_MAX);
	argv[n++] = (char *)"-f";
	argv[n++] = (char *)(s->sender[0] != '\0' ? s->sender : "<>");
	argv[n++] = (char *)"--";
	for (size_t i = 0; i < s->n_rcpt; i++)
		argv[n++] = (char *)s->rcpt[i];
	return argv;
}

static int
spawn(const struct submission *s, int in, int out, pid_t *pid)
{
	static const char *const kept[] = { "TZ", "MAIL_CONFIG" };
	char *env[4] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin" };
	char *words, **argv = make_words(s, &words);
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc, n = 1;

	for (size_t i = 0; i < 2; i++)
		if (getenv(kept[i]) != NULL)
			env[n++] = xasprintf("%s=%s", kept[i], getenv(kept[i]));
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_adddup2(&files, out, 2);
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
	rc = posix_spawn(pid, argv[0], &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	while (n > 1)
		free(env[--n]);
	free(words);
	free(argv);
	return rc;
}

/* Read what is there; false: nothing more will come. */
static bool
listen_to(int fd, int64_t until, struct str *said)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left = until - clock_mono();
	char buf[512];
	ssize_t n;

	if (poll(&p, 1,
		left > 0 ? (int)((left + CLOCK_MS - 1) / CLOCK_MS) : 0) <= 0)
		return true;
	n = read(fd, buf, sizeof buf);
	if (n > 0 && said->len < SAID_MAX)
		str_add(said, buf,
		    (size_t)n < SAID_MAX - said->len ? (size_t)n
						     : SAID_MAX - said->len);
	return n > 0 || (n < 0 && errno == EINTR);
}

/* Until it has ended; -1: it had to be killed (or who knows). */
static int
attend(pid_t pid, int out, int64_t deadline, struct str *said, int *status)
{
	bool talks = true;
	pid_t ended;

	for (;;) {
		int64_t now = clock_mono();
		int64_t turn = now + (talks ? TURN : CLOCK_MS);

		ended = waitpid(pid, status, WNOHANG);
		if (ended != 0)
			break;
		if (now >= deadline) {
			kill(-pid, SIGKILL);
			while (waitpid(pid, status, 0) < 0 && errno == EINTR)
				;
			return -1;
		}
		if (turn > deadline)
			turn = deadline;
		if (talks)
			talks = listen_to(out, turn, said);
		else
			clock_sleep_until(turn);
	}
	if (ended < 0)
		return -1;
	/* its last words are in the pipe; a child of its own may hold that */
	for (int i = 0; talks && i < 16; i++) {
		size_t before = said->len;

		talks = listen_to(out, 0, said) && said->len != before;
	}
	return 0;
}

static int
judge(const char *name, int status, struct err *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return err_set(
		    err, "%s ended with status %d", name, WEXITSTATUS(status));
	return err_set(
	    err, "%s was ended by signal %d", name, WTERMSIG(status));
}

int
submit_run(const struct submission *s, int64_t deadline, struct str *said,
    struct err *err)
{
	int in, tube[2], status = 0, rc;
	pid_t pid;

	must(s->n_rcpt > 0 && s->n_rcpt <= SUBMIT_RCPTS_MAX);
	in = open_input(s, err);
	if (in < 0)
		return -1;
	if (pipe2(tube, O_CLOEXEC) != 0) {
		close(in);
		return err_set(err, "pipe: %s", strerror(errno));
	}
	rc = spawn(s, in, tube[1], &pid);
	close(in);
	close(tube[1]);
	if (rc != 0)
		err_set(err, "%s: %s", s->command, strerror(rc));
	else if (attend(pid, tube[0], deadline, said, &status) != 0)
		rc = err_set(err, "%s took too long", s->command);
	else
		rc = judge(s->command, status, err);
	close(tube[0]);
	return rc == 0 ? 0 : -1;
}
