#include "clamd.h"

#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_MAX 1024
#define PIECE ((size_t)64 << 10)

struct talk {
	int fd;
	int64_t deadline;
	bool
	    spoke; /* it answers before it has all: it will not take the rest */
	struct err *err;
};

/* Until one of the events is there: which, or -1 with *err. */
static int
wait_for(struct talk *t, short events)
{
	for (;;) {
		struct pollfd p = { .fd = t->fd, .events = events };
		int64_t left = t->deadline - clock_mono();
		int n;

		if (left <= 0)
			return err_set(t->err, "no answer in time");
		if (left > 3600 * CLOCK_S)
			left = 3600 * CLOCK_S;
		n = poll(&p, 1, (int)(left / CLOCK_MS) + 1);
		if (n > 0)
			return p.revents;
		if (n < 0 && errno != EINTR)
			return err_set(t->err, "%s", strerror(errno));
	}
}

/* ---- the connection ----------------------------------------------------- */

static socklen_t
address_of(
    struct sockaddr_storage *out, const struct clamd_server *s, struct err *err)
{
	struct sockaddr_un *un = (struct sockaddr_un *)out;
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof *out);
	if (s->path != NULL) {
		if (strlen(s->path) >= sizeof un->sun_path) {
			err_set(err, "%s: the path is too long", s->path);
			return 0;
		}
		un->sun_family = AF_UNIX;
		strcpy(un->sun_path, s->path);
		return sizeof *un;
	}
	if (s->ip.family == AF_INET) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)s->port);
		memcpy(&in->sin_addr, s->ip.bytes, 4);
		return sizeof *in;
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)s->port);
	in6->sin6_scope_id = s->ip.scope;
	memcpy(&in6->sin6_addr, s->ip.bytes, 16);
	return sizeof *in6;
}

static int
finish_connecting(struct talk *t)
{
	int error = 0;
	socklen_t size = sizeof error;

	if (wait_for(t, POLLOUT) < 0)
		return -1;
	getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error == 0 ? 0 : err_set(t->err, "%s", strerror(error));
}

/*
 * A unix socket whose queue is full says EAGAIN and has nothing to poll for:
 * ask again until the time is up.
 */
static int
open_connection(struct talk *t, const struct clamd_server *s)
{
	struct sockaddr_storage a;
	socklen_t len = address_of(&a, s, t->err);

	if (len == 0)
		return -1;
	t->fd =
	    socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return err_set(t->err, "%s", strerror(errno));
	while (connect(t->fd, (const struct sockaddr *)&a, len) != 0) {
		int64_t again = clock_mono() + 20 * CLOCK_MS;

		if (errno == EINPROGRESS)
			return finish_connecting(t);
		if (errno != EAGAIN && errno != EINTR)
			return err_set(t->err, "%s", strerror(errno));
		if (again >= t->deadline)
			return err_set(t->err, "no answer in time");
		clock_sleep_until(again);
	}
	return 0;
}

/* ---- what is sent ------------------------------------------------------- */

/* 1: it will not take more. */
static int
put(struct talk *t, const char *p, size_t n)
{
	while (n > 0) {
		int events = wait_for(t, POLLIN | POLLOUT);
		ssize_t done;

		if (events < 0)
			return -1;
		if (events & (POLLIN | POLLERR | POLLHUP)) {
			t->spoke = true;
			return 1;
		}
		done = send(t->fd, p, n, MSG_NOSIGNAL);
		if (done < 0 && errno != EAGAIN && errno != EINTR) {
			t->spoke = true; /* and gone: look what it said */
			return 1;
		}
		p += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return 0;
}

static int
put_chunk(void *arg, const void *data, size_t len)
{
	struct talk *t = arg;
	uint32_t head = htonl((uint32_t)len);
	int rc;

	if (len == 0)
		return 0; /* which would be the end */
	rc = put(t, (const char *)&head, sizeof head);
	return rc != 0 ? rc : put(t, data, len);
}

static int
put_all(struct talk *t, const struct clamd_data *d)
{
	static const char command[] = "zINSTREAM", end[4] = { 0 };
	int rc = put(t, command, sizeof command); /* with its NUL */

	for (size_t at = 0; rc == 0 && at < d->head_len; at += PIECE)
		rc = put_chunk(t, (const char *)d->head + at,
		    d->head_len - at < PIECE ? d->head_len - at : PIECE);
	if (rc == 0 && d->body != NULL)
		rc = body_walk(d->body, put_chunk, t, t->err);
	return rc == 0 ? put(t, end, sizeof end) : rc;
}

/* ---- what comes back ---------------------------------------------------- */

/* Up to the NUL or the end. */
static int
get_reply(struct talk *t, char *reply)
{
	size_t len = 0;

	while (len < REPLY_MAX) {
		ssize_t n;

		if (wait_for(t, POLLIN) < 0)
			return -1;
		n = recv(t->fd, reply + len, REPLY_MAX - len, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return err_set(t->err, "%s", strerror(errno));
		reply[len + (size_t)n] = '\0';
		if (n == 0 && len == 0)
			return err_set(t->err, "it hung up");
		if (n == 0 || memchr(reply + len, '\0', (size_t)n) != NULL)
			return 0;
		len += (size_t)n;
	}
	return err_set(t->err, "its answer is too long");
}

static void
make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text == 0x7f)
			*text = '?';
}

static bool
take_end(char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	if (len < n || strcmp(text + len - n, end) != 0)
		return false;
	text[len - n] = '\0';
	return true;
}

/* "stream: OK", "stream: NAME FOUND", "... ERROR" */
static int
read_reply(char *reply, struct clamd_answer *out, struct err *err)
{
	const char *text = reply;

	make_printable(reply);
	if (strncmp(text, "stream: ", 8) == 0)
		text += 8;
	if (strcmp(text, "OK") == 0) {
		out->clean = true;
		return 0;
	}
	if (take_end(reply, " FOUND")) {
		snprintf(out->virus, sizeof out->virus, "%.*s",
		    (int)sizeof out->virus - 1, text);
		return 0;
	}
	if (take_end(reply, " ERROR"))
		return err_set(err, "%.200s", text);
	return err_set(err, "an answer of another program: %.100s", text);
}

int
clamd_scan(const struct clamd_server *server, const struct clamd_data *data,
    int64_t deadline, struct clamd_answer *out, struct err *err)
{
	struct talk t = { .fd = -1, .deadline = deadline, .err = err };
	char reply[REPLY_MAX + 1];
	int rc;

	*out = (struct clamd_answer){ .clean = false };
	rc = open_connection(&t, server);
	if (rc == 0)
		rc = put_all(&t, data);
	if (rc >= 0)
		rc = get_reply(&t, reply);
	if (rc == 0)
		rc = read_reply(reply, out, err);
	if (rc == 0 && out->clean && t.spoke)
		rc = err_set(err, "it did not look at all of it");
	if (t.fd >= 0)
		close(t.fd);
	return rc;
}
