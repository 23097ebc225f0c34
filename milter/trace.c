#include "trace.h"

#include "clock.h"
#include "control.h"
#include "metric.h"
#include "signals.h"
#include "xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/* The writer collects for so long: what is busy shall not wake it each time. */
#define PAUSE (5 * CLOCK_MS)

struct trace_watcher {
	int fd;
	struct trace_filter filter;
	/* under the room's lock: */
	unsigned refs; /* the room's, and of sessions */
	bool gone;     /* not the room's any more */
	bool idle;     /* the writer has nothing for it: wake it */
	struct str queue;
	unsigned long lost, cut; /* sessions, not told yet */
	bool ended;              /* it is told that all ends */
	/* the writer's: */
	struct str out;
	size_t sent;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t empty; /* no watcher is left */
	struct trace_watcher *w[TRACE_WATCHERS];
	size_t n;
	bool runs, stops;
	bool woken; /* there is something in wake */
	int wake;   /* an eventfd */
	pthread_t writer;
} room = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = -1 };

atomic_int trace_watching;

/* ---- watchers; the lock is held ----------------------------------------- */

static void
unref(struct trace_watcher *w)
{
	if (--w->refs > 0)
		return;
	trace_filter_fini(&w->filter);
	str_fini(&w->queue);
	str_fini(&w->out);
	free(w);
}

static void
wake(void)
{
	uint64_t one = 1;

	if (room.woken)
		return;
	room.woken = true;
	(void)!write(room.wake, &one, sizeof one);
}

static void
let_go(struct trace_watcher *w)
{
	size_t i = 0;

	while (room.w[i] != w)
		i++;
	room.w[i] = room.w[--room.n];
	atomic_store(&trace_watching, (int)room.n);
	metric_add(METRIC_TRACES, -1);
	close(w->fd);
	w->gone = true;
	str_fini(&w->queue);
	unref(w);
	if (room.n == 0)
		pthread_cond_broadcast(&room.empty);
}

/* ---- the writer --------------------------------------------------------- */

/* What is queued becomes what is written. */
static void
collect(struct trace_watcher *w)
{
	struct str empty = w->out;

	str_clear(&empty);
	w->out = w->queue;
	w->queue = empty;
	w->sent = 0;
	if (w->lost + w->cut > 0)
		str_addf(&w->out,
		    "{\"type\":\"lost\",\"sessions\":%lu,\"cut\":%lu}\n",
		    w->lost, w->cut);
	w->lost = w->cut = 0;
	if (room.stops && !w->ended) {
		str_adds(&w->out, "{\"type\":\"end\"}\n");
		w->ended = true;
	}
	w->idle = w->out.len == 0;
}

/* -1: it is gone. */
static int
send_some(struct trace_watcher *w)
{
	while (w->sent < w->out.len) {
		ssize_t n = send(w->fd, w->out.data + w->sent,
		    w->out.len - w->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		w->sent += (size_t)n;
	}
	return 0;
}

/* It has nothing to say; -1: it hung up. */
static int
hear(struct trace_watcher *w)
{
	char unused[256];
	ssize_t n = recv(w->fd, unused, sizeof unused, MSG_DONTWAIT);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)) ? 0 : -1;
}

static void
collect_now(struct trace_watcher *w)
{
	pthread_mutex_lock(&room.lock);
	collect(w);
	pthread_mutex_unlock(&room.lock);
}

/* false: it is no more. */
static bool
settle(struct trace_watcher *w, bool gone, bool over)
{
	pthread_mutex_lock(&room.lock);
	if (over && w->ended)
		gone = true;
	if (gone) {
		let_go(w);
	} else if (over) {
		w->idle = true;
		if (w->queue.len > 0 || room.stops)
			wake();
	}
	pthread_mutex_unlock(&room.lock);
	return !gone;
}

/* One look at each; the descriptors that something may happen to. */
static nfds_t
look(struct pollfd p[TRACE_WATCHERS + 1])
{
	struct trace_watcher *all[TRACE_WATCHERS]; /* none goes but by us */
	nfds_t n = 0;
	size_t n_all;

	pthread_mutex_lock(&room.lock);
	n_all = room.n;
	memcpy(all, room.w, sizeof all);
	pthread_mutex_unlock(&room.lock);
	p[n++] = (struct pollfd){ .fd = room.wake, .events = POLLIN };
	for (size_t i = 0; i < n_all; i++) {
		struct trace_watcher *w = all[i];
		bool gone, over;

		if (w->sent == w->out.len)
			collect_now(w);
		gone = hear(w) != 0 || send_some(w) != 0;
		over = w->sent == w->out.len;
		if (settle(w, gone, over))
			p[n++] = (struct pollfd){ .fd = w->fd,
				.events = over ? POLLIN : POLLIN | POLLOUT };
	}
	return n;
}

static void *
run(void *arg)
{
	struct pollfd p[TRACE_WATCHERS + 1];
	uint64_t unused;
	bool ends = false;

	(void)arg;
	signals_leave();
	while (!ends) {
		nfds_t n = look(p);

		if (poll(p, n, -1) < 0)
			continue;
		if (p[0].revents != 0)
			clock_sleep_until(clock_mono() + PAUSE);
		pthread_mutex_lock(&room.lock);
		if (room.woken)
			(void)!read(room.wake, &unused, sizeof unused);
		room.woken = false;
		ends = room.stops && room.n == 0;
		pthread_mutex_unlock(&room.lock);
	}
	return NULL;
}

static int
start_writer(void)
{
	if (room.runs)
		return 0;
	if (room.wake < 0)
		room.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (room.wake < 0 || pthread_create(&room.writer, NULL, run, NULL) != 0)
		return -1;
	room.runs = true;
	return 0;
}

/* ---- from outside ------------------------------------------------------- */

static int
refuse(const char **why, int code, const char *text)
{
	*why = text;
	return code;
}

/* CONTROL_KEPT: w is the room's. */
static int
let_in(struct trace_watcher *w, const char **why)
{
	if (room.stops)
		return refuse(why, EX_UNAVAILABLE, "the daemon stops");
	if (room.n == TRACE_WATCHERS)
		return refuse(why, EX_TEMPFAIL, "too many watch already");
	if (start_writer() != 0)
		return refuse(why, EX_OSERR, "cannot start a thread");
	str_addf(&w->queue,
	    "0\n{\"type\":\"trace\",\"version\":\"%s\",\"pid\":%ld}\n",
	    KUMILTER_VERSION, (long)getpid());
	room.w[room.n++] = w;
	atomic_store(&trace_watching, (int)room.n);
	metric_count(METRIC_TRACES);
	wake();
	return CONTROL_KEPT;
}

int
trace_watch(const char *filter, int fd, struct str *out)
{
	struct trace_watcher *w = xcalloc(1, sizeof *w);
	const char *why = NULL;
	struct err err;
	int code;

	*w = (struct trace_watcher){ .fd = fd, .refs = 1 };
	if (trace_filter_read(
		&w->filter, filter[0] != '\0' ? filter : "{}", &err) != 0) {
		str_addf(out, "%s\n", err.msg);
		free(w);
		return EX_USAGE;
	}
	pthread_mutex_lock(&room.lock);
	code = let_in(w, &why);
	if (code != CONTROL_KEPT) {
		str_addf(out, "%s\n", why);
		unref(w);
	}
	pthread_mutex_unlock(&room.lock);
	return code;
}

bool
trace_stop(int64_t deadline)
{
	struct timespec until = clock_timespec(deadline);
	bool done;

	pthread_mutex_lock(&room.lock);
	room.stops = true;
	if (room.runs)
		wake();
	while (room.n > 0 && pthread_cond_clockwait(&room.empty, &room.lock,
				 CLOCK_MONOTONIC, &until) == 0)
		;
	done = room.n == 0;
	if (done && room.runs)
		wake(); /* its last look may have been before */
	pthread_mutex_unlock(&room.lock);
	if (!done)
		return false;
	if (room.runs)
		pthread_join(room.writer, NULL);
	room.runs = room.stops = false;
	return true;
}

size_t
trace_wanted_by(
    const struct ip *ip, struct trace_watcher *found[TRACE_WATCHERS])
{
	size_t n = 0;

	pthread_mutex_lock(&room.lock);
	for (size_t i = 0; i < room.n; i++)
		if (trace_filter_client(&room.w[i]->filter, ip)) {
			found[n++] = room.w[i];
			room.w[i]->refs++;
		}
	pthread_mutex_unlock(&room.lock);
	return n;
}

void
trace_leave(struct trace_watcher *w)
{
	pthread_mutex_lock(&room.lock);
	unref(w);
	pthread_mutex_unlock(&room.lock);
}

const struct trace_filter *
trace_filter_of(const struct trace_watcher *w)
{
	return &w->filter;
}

bool
trace_put(struct trace_watcher *w, enum trace_part part, const char *lines,
    size_t len)
{
	size_t max = part == TRACE_FIRST ? TRACE_QUEUE / 2 : TRACE_QUEUE;
	bool put = false;

	pthread_mutex_lock(&room.lock);
	if (!w->gone && !room.stops) {
		put = w->queue.len + len <= max;
		if (put)
			str_add(&w->queue, lines, len);
		else if (part != TRACE_LAST)
			metric_count(METRIC_TRACES_LOST);
		w->lost += !put && part == TRACE_FIRST;
		w->cut += !put && part == TRACE_MORE;
		if (w->idle)
			wake();
	}
	pthread_mutex_unlock(&room.lock);
	return put;
}
