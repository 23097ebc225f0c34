/*
 * http_server.h - an HTTP server for one test, on 127.0.0.1
 *
 * A table says what it answers to a path, a query left aside: the bytes of a
 * response, or one of
 *   ECHO      the request itself is the body
 *   SILENT    nothing
 *   CLOSE     the connection is closed
 *   ENDLESS   a body without an end
 *   LONG n    a body of n bytes, in chunks
 * What is not in the table is not found.  The connection is kept where the
 * row says so, and else closed behind the answer.
 */
#ifndef KUMILTER_UNIT_HTTP_SERVER_H
#define KUMILTER_UNIT_HTTP_SERVER_H

#include "milter/err.h"
#include "milter/str.h"
#include "milter/xmalloc.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct http_row {
	const char *path, *answer;
	bool keep;
	size_t len; /* of an answer with NULs */
};

/* Closed behind the answer; kept. */
#define HTTP_ROW(where, what)                                                  \
	{                                                                      \
		.path = (where), .answer = (what)                              \
	}
#define HTTP_KEPT(where, what)                                                 \
	{                                                                      \
		.path = (where), .answer = (what), .keep = true                \
	}

#define HTTP_PEERS_MAX 512

struct http_server {
	const struct http_row *rows;
	size_t n_rows;
	int listener, tube[2], port;
	char url[40]; /* "http://127.0.0.1:PORT" */
	pthread_t thread;
	atomic_int connections, requests;
	struct {
		int fd;
		struct str in;
	} peer[HTTP_PEERS_MAX];
	int n_peers;
};

static inline bool
http_put(int fd, const void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t w =
		    send(fd, (const char *)p + done, n - done, MSG_NOSIGNAL);
		if (w <= 0)
			return false;
		done += (size_t)w;
	}
	return true;
}

/* n bytes in chunks; 0: until nobody wants more. */
static inline void
http_put_long(int fd, size_t n)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n";
	char chunk[1024 + 8], *at = chunk + 5;

	memcpy(chunk, "400\r\n", 5);
	memset(at, 'x', 1024);
	memcpy(at + 1024, "\r\n", 2);
	if (!http_put(fd, head, strlen(head)))
		return;
	for (size_t done = 0; n == 0 || done < n; done += 1024)
		if (!http_put(fd, chunk, 5 + 1024 + 2))
			return;
	http_put(fd, "0\r\n\r\n", 5);
}

static inline void
http_put_echo(int fd, const struct str *request)
{
	struct str out = { 0 };

	str_addf(&out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
	    request->len);
	str_add(&out, request->data, request->len);
	http_put(fd, out.data, out.len);
	str_fini(&out);
}

static inline const struct http_row *
http_find(const struct http_server *s, const char *request)
{
	const char *path = request + strcspn(request, " ");
	size_t len;

	path += *path == ' ';
	len = strcspn(path, " ?");
	for (size_t i = 0; i < s->n_rows; i++)
		if (strlen(s->rows[i].path) == len &&
		    memcmp(s->rows[i].path, path, len) == 0)
			return &s->rows[i];
	return NULL;
}

/* false: the connection is to be closed. */
static inline bool
http_answer(struct http_server *s, int fd, const struct str *request)
{
	static const char missing[] =
	    "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnone\n";
	const struct http_row *row = http_find(s, str_c(request));

	atomic_fetch_add(&s->requests, 1);
	if (row == NULL)
		http_put(fd, missing, strlen(missing));
	else if (strcmp(row->answer, "ECHO") == 0)
		http_put_echo(fd, request);
	else if (strcmp(row->answer, "SILENT") == 0)
		return true;
	else if (strcmp(row->answer, "ENDLESS") == 0)
		http_put_long(fd, 0);
	else if (strncmp(row->answer, "LONG ", 5) == 0)
		http_put_long(fd, (size_t)atol(row->answer + 5));
	else if (strcmp(row->answer, "CLOSE") != 0)
		http_put(fd, row->answer,
		    row->len != 0 ? row->len : strlen(row->answer));
	return row != NULL && row->keep;
}

/* Has it come whole, with the body that Content-Length tells? */
static inline bool
http_is_whole(const struct str *request)
{
	const char *end = strstr(str_c(request), "\r\n\r\n");
	const char *length = strcasestr(str_c(request), "\r\nContent-Length:");
	size_t n = 0;

	if (end == NULL)
		return false;
	if (length != NULL && length < end)
		n = (size_t)atol(length + 17);
	return request->len >= (size_t)(end + 4 - request->data) + n;
}

static inline void
http_drop(struct http_server *s, int i)
{
	close(s->peer[i].fd);
	str_fini(&s->peer[i].in);
	s->peer[i] = s->peer[--s->n_peers];
}

static inline void
http_serve_peer(struct http_server *s, int i)
{
	struct str *in = &s->peer[i].in;
	char bytes[16384];
	ssize_t n = read(s->peer[i].fd, bytes, sizeof bytes);

	if (n <= 0) {
		http_drop(s, i);
		return;
	}
	str_add(in, bytes, (size_t)n);
	if (!http_is_whole(in))
		return;
	if (http_answer(s, s->peer[i].fd, in))
		str_clear(in);
	else
		http_drop(s, i);
}

static inline void
http_accept(struct http_server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	must(fd >= 0 && s->n_peers < HTTP_PEERS_MAX);
	atomic_fetch_add(&s->connections, 1);
	s->peer[s->n_peers].fd = fd;
	s->peer[s->n_peers++].in = (struct str){ 0 };
}

static inline void *
http_serve(void *arg)
{
	struct http_server *s = arg;
	struct pollfd fds[HTTP_PEERS_MAX + 2];

	for (;;) {
		int n = s->n_peers;

		for (int i = 0; i < n; i++)
			fds[i] = (struct pollfd){ s->peer[i].fd, POLLIN, 0 };
		fds[n] = (struct pollfd){ s->listener, POLLIN, 0 };
		fds[n + 1] = (struct pollfd){ s->tube[0], POLLIN, 0 };
		poll(fds, (nfds_t)n + 2, -1);
		if (fds[n + 1].revents != 0)
			return NULL;
		/* from the end: one that goes leaves its place to the last */
		for (int i = n - 1; i >= 0; i--)
			if (fds[i].revents != 0)
				http_serve_peer(s, i);
		if (fds[n].revents != 0)
			http_accept(s);
	}
}

static inline struct http_server *
http_server_start(const struct http_row *rows, size_t n)
{
	struct http_server *s = xcalloc(1, sizeof *s);
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof in;

	s->rows = rows;
	s->n_rows = n;
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(s->listener, (void *)&in, size) == 0);
	must(listen(s->listener, 128) == 0);
	getsockname(s->listener, (void *)&in, &size);
	s->port = ntohs(in.sin_port);
	must(pipe2(s->tube, O_CLOEXEC) == 0);
	snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", s->port);
	must(pthread_create(&s->thread, NULL, http_serve, s) == 0);
	return s;
}

static inline void
http_server_stop(struct http_server *s)
{
	must(write(s->tube[1], "x", 1) == 1);
	pthread_join(s->thread, NULL);
	while (s->n_peers > 0)
		http_drop(s, 0);
	close(s->listener);
	close(s->tube[0]);
	close(s->tube[1]);
	free(s);
}

#endif
