/*
 * clamd_server.h - ClamAV's daemon for one test, on 127.0.0.1 and on a socket
 *
 * It takes INSTREAM and answers what the table says to the first word that
 * the bytes hold: a reply without its NUL, or
 *   SILENT      nothing          CLOSE      the connection is closed
 *   EARLY text  text, as soon as the word is there, and no more is read
 *   LONG        a reply without an end
 * Nothing of the table: "stream: OK".  What it was given is in `given`.
 */
#ifndef KUMILTER_UNIT_CLAMD_SERVER_H
#define KUMILTER_UNIT_CLAMD_SERVER_H

#include "milter/err.h"
#include "milter/str.h"
#include "milter/xmalloc.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct clamd_row {
	const char *word, *reply;
};

struct clamd_daemon {
	const struct clamd_row *rows;
	size_t n_rows;
	int tcp, un, tube[2], port, silent[16], n_silent;
	char path[64];
	pthread_t thread;
	pthread_mutex_t lock;
	struct str given; /* with the last scan that was whole */
};

static inline const char *
clamd_reply_to(const struct clamd_daemon *d, const struct str *bytes)
{
	for (size_t i = 0; i < d->n_rows; i++)
		if (memmem(str_c(bytes), bytes->len, d->rows[i].word,
			strlen(d->rows[i].word)) != NULL)
			return d->rows[i].reply;
	return "stream: OK";
}

static inline bool
clamd_get(int fd, void *into, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = read(fd, (char *)into + done, n - done);

		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

/* false: it hung up, or what it sent is no scan. */
static inline bool
clamd_take(struct clamd_daemon *d, int fd, struct str *bytes)
{
	char command[10];
	uint32_t head;

	if (!clamd_get(fd, command, sizeof command) ||
	    memcmp(command, "zINSTREAM", 10) != 0)
		return false;
	for (;;) {
		if (!clamd_get(fd, &head, 4))
			return false;
		head = ntohl(head);
		if (head == 0)
			return true;
		str_reserve(bytes, head);
		if (!clamd_get(fd, bytes->data + bytes->len, head))
			return false;
		bytes->len += head;
		if (strncmp(clamd_reply_to(d, bytes), "EARLY ", 6) == 0)
			return true;
	}
}

static inline void
clamd_say(int fd, const char *reply)
{
	char text[4096];

	memset(text, 'x', sizeof text);
	if (strcmp(reply, "LONG") == 0)
		(void)!send(fd, text, sizeof text, MSG_NOSIGNAL);
	else
		(void)!send(fd, reply, strlen(reply) + 1, MSG_NOSIGNAL);
}

static inline void
clamd_serve_one(struct clamd_daemon *d, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct timeval patience = { 30, 0 };
	struct str bytes = { 0 };
	const char *reply;

	must(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (clamd_take(d, fd, &bytes)) {
		reply = clamd_reply_to(d, &bytes);
		pthread_mutex_lock(&d->lock);
		str_clear(&d->given);
		str_add(&d->given, str_c(&bytes), bytes.len);
		pthread_mutex_unlock(&d->lock);
		if (strcmp(reply, "SILENT") == 0 && d->n_silent < 16) {
			d->silent[d->n_silent++] = fd;
			fd = -1;
		} else if (strcmp(reply, "CLOSE") != 0) {
			clamd_say(fd, strncmp(reply, "EARLY ", 6) == 0
					  ? reply + 6
					  : reply);
		}
	}
	str_fini(&bytes);
	if (fd >= 0)
		close(fd);
}

static inline void *
clamd_serve(void *arg)
{
	struct clamd_daemon *d = arg;

	for (;;) {
		struct pollfd fds[] = { { d->tube[0], POLLIN, 0 },
			{ d->tcp, POLLIN, 0 }, { d->un, POLLIN, 0 } };

		poll(fds, 3, -1);
		if (fds[0].revents != 0)
			return NULL;
		for (int i = 1; i < 3; i++)
			if (fds[i].revents != 0)
				clamd_serve_one(d, fds[i].fd);
	}
}

static inline struct clamd_daemon *
clamd_daemon_start(const struct clamd_row *rows, size_t n)
{
	struct clamd_daemon *d = xcalloc(1, sizeof *d);
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t size = sizeof in;

	d->rows = rows;
	d->n_rows = n;
	pthread_mutex_init(&d->lock, NULL);
	d->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(d->tcp, (void *)&in, size) == 0);
	getsockname(d->tcp, (void *)&in, &size);
	d->port = ntohs(in.sin_port);
	snprintf(d->path, sizeof d->path, "/tmp/kumilter-clamd-%d-%d",
	    (int)getpid(), d->port);
	strcpy(un.sun_path, d->path);
	unlink(d->path);
	d->un = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(d->un, (void *)&un, sizeof un) == 0);
	must(listen(d->tcp, 64) == 0 && listen(d->un, 64) == 0);
	must(pipe2(d->tube, O_CLOEXEC) == 0);
	must(pthread_create(&d->thread, NULL, clamd_serve, d) == 0);
	return d;
}

static inline void
clamd_daemon_stop(struct clamd_daemon *d)
{
	must(write(d->tube[1], "x", 1) == 1);
	pthread_join(d->thread, NULL);
	for (int i = 0; i < d->n_silent; i++)
		close(d->silent[i]);
	close(d->tcp);
	close(d->un);
	close(d->tube[0]);
	close(d->tube[1]);
	unlink(d->path);
	str_fini(&d->given);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

#endif
