#include "control.h"

#include "clock.h"
#include "duration.h"
#include "listener.h"
#include "signals.h"
#include "xmalloc.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MAX 8192

/* Set by control_start() before its thread begins. */
static struct listener door = { .fd = -1 };
static control_fn *answer_fn;
static atomic_bool busy; /* with a request, which may be a slow reload */

static bool
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

/* Up to the newline, which goes; false when none came in time. */
static bool
read_request(int fd, char request[REQUEST_MAX])
{
	size_t n = 0;

	while (n < REQUEST_MAX - 1) {
		ssize_t got = recv(fd, request + n, REQUEST_MAX - 1 - n, 0);
		char *end;

		/* setuid() interrupts all threads of the process */
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		n += (size_t)got;
		request[n] = '\0';
		end = strchr(request, '\n');
		if (end != NULL) {
			*end = '\0';
			return true;
		}
	}
	return false;
}

/* false: another has fd now. */
static bool
serve_one(int fd)
{
	struct timeval patience = { .tv_sec = 5 };
	struct str text = { 0 }, out = { 0 };
	char request[REQUEST_MAX];
	int code;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (!read_request(fd, request))
		return true;
	code = answer_fn(request, fd, &text);
	if (code != CONTROL_KEPT) {
		str_addf(&out, "%d\n", code);
		str_add(&out, str_c(&text), text.len);
		write_all(fd, str_c(&out), out.len);
	}
	str_fini(&text);
	str_fini(&out);
	return code != CONTROL_KEPT;
}

static void *
run(void *arg)
{
	(void)arg;
	signals_leave();
	for (;;) {
		int fd = accept4(door.fd, NULL, NULL, SOCK_CLOEXEC);
		bool ours;

		if (fd < 0 && errno == EINVAL)
			return NULL; /* control_stop() */
		if (fd < 0) {
			usleep(100000); /* out of descriptors: not for ever */
			continue;
		}
		atomic_store(&busy, true);
		ours = serve_one(fd);
		atomic_store(&busy, false);
		if (ours)
			close(fd);
	}
}

static pthread_t thread;

int
control_start(
    const char *path, unsigned uid, control_fn *answer, struct err *err)
{
	struct listen_options o = {
		.mode = 0600, .owner = uid, .group = (gid_t)-1
	};
	char *spec = xasprintf("unix:%s", path);
	int rc = listener_open(&door, spec, &o, err);

	free(spec);
	if (rc != 0)
		return -1;
	answer_fn = answer;
	if (pthread_create(&thread, NULL, run, NULL) != 0) {
		listener_close(&door);
		return err_set(err, "cannot start a thread");
	}
	return 0;
}

void
control_stop(void)
{
	if (door.fd < 0)
		return;
	listener_wake(&door);
	if (!atomic_load(&busy))
		pthread_join(thread, NULL);
	listener_close(&door);
}

/* ---- the other side ----------------------------------------------------- */

/* What fd does from now on waits until deadline; false: it is there. */
static bool
wait_until(int fd, int64_t deadline)
{
	int64_t left = deadline - clock_mono();
	struct timeval t = { .tv_sec = left / CLOCK_S,
		.tv_usec = left % CLOCK_S / 1000 };

	if (left < 1000) /* 0 would be for ever */
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	return true;
}

static int
dial(const char *path, struct err *err)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof un) == 0)
		return fd;
	err_set(err,
	    "%s: %s (is kumilter serve running, and with this --control?)",
	    path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* To the end of the answer; false: it was not there in time. */
static bool
hear(int fd, int64_t deadline, struct str *out)
{
	char buf[4096];
	ssize_t n;

	do {
		if (!wait_until(fd, deadline))
			return false;
		n = recv(fd, buf, sizeof buf, 0);
		if (n > 0)
			str_add(out, buf, (size_t)n);
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	return true;
}

int
control_open(const char *path, const char *request, struct err *err)
{
	int fd = dial(path, err);

	if (fd < 0)
		return -1;
	/* what is not said is seen by what is answered */
	if (write_all(fd, request, strlen(request)))
		write_all(fd, "\n", 1);
	return fd;
}

int
control_ask_within(int64_t patience, const char *path, const char *request,
    struct str *out, struct err *err)
{
	int64_t deadline = clock_mono() + patience;
	int fd = dial(path, err);
	char *newline;
	bool heard;
	int code;

	if (fd < 0)
		return -1;
	if (wait_until(fd, deadline)) {
		write_all(fd, request, strlen(request));
		write_all(fd, "\n", 1);
	}
	heard = hear(fd, deadline, out);
	close(fd);
	if (!heard)
		return err_set(err,
		    "%s: no answer in time; what was asked for may still be "
		    "done",
		    path);
	newline = out->data != NULL ? strchr(out->data, '\n') : NULL;
	if (newline == NULL)
		return err_set(err, "%s: no answer", path);
	code = atoi(out->data);
	out->len -= (size_t)(newline + 1 - out->data);
	memmove(out->data, newline + 1, out->len + 1);
	return code;
}

int
control_ask(
    const char *path, const char *request, struct str *out, struct err *err)
{
	int64_t patience;

	must(duration_parse(CONTROL_PATIENCE, &patience, NULL) == 0);
	return control_ask_within(patience, path, request, out, err);
}
