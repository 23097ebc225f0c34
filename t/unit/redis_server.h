/*
 * redis_server.h - Redis servers for tests
 *
 * A real one on a unix socket in a folder of its own, that keeps nothing on
 * disk, and one that answers from a list.  Both are the test's: they end with
 * it, and nothing else is touched.
 */
#ifndef KUMILTER_UNIT_REDIS_SERVER_H
#define KUMILTER_UNIT_REDIS_SERVER_H

#include "milter/clock.h"
#include "milter/str.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a real one --------------------------------------------------------- */

struct redis_server {
	char folder[64], socket[80], url[96];
	pid_t pid; /* 0: it does not run */
};

static inline bool
redis_server_answers(const struct redis_server *r)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	strcpy(addr.sun_path, r->socket);
	yes = connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0;
	close(fd);
	return yes;
}

/* more: further arguments of redis-server, or NULL */
static inline void
redis_server_run(struct redis_server *r, const char *const *more)
{
	const char *args[32] = { "redis-server", "--port", "0", "--unixsocket",
		r->socket, "--save", "", "--appendonly", "no", "--dir",
		r->folder, "--daemonize", "no", "--loglevel", "warning",
		"--logfile", "/dev/null" };
	int n = 17;

	while (more != NULL && *more != NULL)
		args[n++] = *more++;
	unlink(r->socket);
	r->pid = fork();
	if (r->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(args[0], (char *const *)args);
		_exit(127);
	}
	while (!redis_server_answers(r)) {
		ck_assert_msg(waitpid(r->pid, NULL, WNOHANG) == 0,
		    "redis-server does not run");
		clock_sleep_until(clock_mono() + 2 * CLOCK_MS);
	}
}

static inline void
redis_server_start(struct redis_server *r, const char *const *more)
{
	strcpy(r->folder, "/tmp/kumilter-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(r->folder));
	snprintf(r->socket, sizeof r->socket, "%s/redis", r->folder);
	snprintf(r->url, sizeof r->url, "unix://%s", r->socket);
	redis_server_run(r, more);
}

static inline void
redis_server_kill(struct redis_server *r)
{
	if (r->pid == 0)
		return;
	kill(r->pid, SIGKILL);
	waitpid(r->pid, NULL, 0);
	r->pid = 0;
}

static inline void
redis_server_stop(struct redis_server *r)
{
	redis_server_kill(r);
	unlink(r->socket);
	rmdir(r->folder);
}

/* ---- one that answers from a list --------------------------------------- */

struct redis_line {
	const char
	    *command;      /* its words; the first that is a beginning of it */
	const char *reply; /* NULL: silence; "": the connection closes */
};

struct redis_fake {
	int fd, port;
	const struct redis_line *lines; /* the last has no command */
	pthread_t thread;
	pthread_mutex_t lock;
	struct str seen; /* commands, each with a ';' behind it; by lock */
	int open[64], n_open;
};

struct redis_fake_client {
	struct redis_fake *f;
	int fd;
};

/* The words of one command as "A b c"; false: the client is gone. */
static inline bool
redis_fake_read(FILE *in, struct str *out)
{
	char line[64], word[4096];
	int n, len;

	str_clear(out);
	if (fgets(line, sizeof line, in) == NULL ||
	    sscanf(line, "*%d", &n) != 1)
		return false;
	for (int i = 0; i < n; i++) {
		if (fgets(line, sizeof line, in) == NULL ||
		    sscanf(line, "$%d", &len) != 1 || len > 4000 ||
		    fread(word, 1, (size_t)len + 2, in) != (size_t)len + 2)
			return false;
		str_adds(out, i > 0 ? " " : "");
		str_add(out, word, (size_t)len);
	}
	return true;
}

static inline void *
redis_fake_serve(void *arg)
{
	struct redis_fake_client *c = arg;
	struct redis_fake *f = c->f;
	FILE *in = fdopen(dup(c->fd), "r");
	struct str command = { 0 };

	while (redis_fake_read(in, &command)) {
		const struct redis_line *l = f->lines;

		while (
		    l->command != NULL && strncmp(str_c(&command), l->command,
					      strlen(l->command)) != 0)
			l++;
		pthread_mutex_lock(&f->lock);
		str_addf(&f->seen, "%s;", str_c(&command));
		pthread_mutex_unlock(&f->lock);
		if (l->command == NULL)
			dprintf(c->fd, "-ERR not in the list\r\n");
		else if (l->reply != NULL && l->reply[0] == '\0')
			break;
		else if (l->reply != NULL)
			send(c->fd, l->reply, strlen(l->reply), MSG_NOSIGNAL);
	}
	shutdown(c->fd, SHUT_RDWR);
	fclose(in);
	str_fini(&command);
	free(c);
	return NULL;
}

static inline void *
redis_fake_accept(void *arg)
{
	struct redis_fake *f = arg;
	pthread_t thread[64];
	int n = 0;

	while (n < 64) {
		struct redis_fake_client *c;
		int fd = accept(f->fd, NULL, NULL);

		if (fd < 0)
			break;
		c = xmalloc(sizeof *c);
		*c = (struct redis_fake_client){ f, fd };
		pthread_mutex_lock(&f->lock);
		f->open[f->n_open++] = fd;
		pthread_mutex_unlock(&f->lock);
		pthread_create(&thread[n++], NULL, redis_fake_serve, c);
	}
	pthread_mutex_lock(&f->lock);
	for (int i = 0; i < f->n_open; i++)
		shutdown(f->open[i], SHUT_RDWR);
	pthread_mutex_unlock(&f->lock);
	for (int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < f->n_open; i++)
		close(f->open[i]);
	return NULL;
}

/* A port of 127.0.0.1; nobody is accepted before redis_fake_start(). */
static inline void
redis_fake_bind(struct redis_fake *f)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof addr;

	memset(f, 0, sizeof *f);
	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(
	    bind(f->fd, (const struct sockaddr *)&addr, sizeof addr), 0);
	ck_assert_int_eq(listen(f->fd, 64), 0);
	getsockname(f->fd, (struct sockaddr *)&addr, &len);
	f->port = ntohs(addr.sin_port);
	pthread_mutex_init(&f->lock, NULL);
}

static inline void
redis_fake_start(struct redis_fake *f, const struct redis_line *lines)
{
	f->lines = lines;
	pthread_create(&f->thread, NULL, redis_fake_accept, f);
}

static inline void
redis_fake_stop(struct redis_fake *f)
{
	shutdown(f->fd, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->fd);
	str_fini(&f->seen);
	pthread_mutex_destroy(&f->lock);
}

#endif
