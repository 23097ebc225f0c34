/*
 * Watchers and their queues.
 */
#include "unit.h"

#include "milter/clock.h"
#include "milter/control.h"
#include "milter/metric.h"
#include "milter/trace.h"
#include "milter/xmalloc.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define LONG (300 * CLOCK_S) /* a machine may be slow */

static int64_t
soon(int64_t ns)
{
	return clock_mono() + ns;
}

/* The end that a person would read. */
static int
watch(const char *filter, int code)
{
	struct str out = { 0 };
	int fd[2], rc;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	rc = trace_watch(filter, fd[1], &out);
	ck_assert_msg(rc == code, "%s: %d %s", filter, rc, str_c(&out));
	ck_assert_int_eq(out.len > 0, code != CONTROL_KEPT);
	str_fini(&out);
	if (code != CONTROL_KEPT) {
		close(fd[0]);
		close(fd[1]);
		return -1;
	}
	return fd[0];
}

static struct trace_watcher *
the_watcher(void)
{
	struct trace_watcher *found[TRACE_WATCHERS];

	ck_assert_uint_eq(trace_wanted_by(NULL, found), 1);
	return found[0];
}

static bool
put(struct trace_watcher *w, enum trace_part part, const char *line)
{
	return trace_put(w, part, line, strlen(line));
}

/* To its end, which comes. */
static void
hear_all(int fd, struct str *out)
{
	char buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
		str_add(out, buf, (size_t)n);
	ck_assert_int_eq(n, 0);
	close(fd);
}

static void *
hear_in_thread(void *arg)
{
	static struct str out;

	str_clear(&out);
	hear_all(*(int *)arg, &out);
	return &out;
}

static void
all_gone(void)
{
	while (atomic_load(&trace_watching) > 0)
		clock_sleep_until(soon(CLOCK_MS));
}

/* What follows a first line that is not looked at. */
static const char *
behind_greeting(struct str *out)
{
	char *hello = strstr(str_c(out), "0\n{\"type\":\"trace\",");

	ck_assert(hello != NULL && hello == out->data);
	return strchr(hello + 2, '\n') + 1;
}

START_TEST(lines_in_order_and_an_end)
{
	struct str out = { 0 };
	int fd = watch("", CONTROL_KEPT);
	struct trace_watcher *w = the_watcher();

	ck_assert_int_eq(atomic_load(&trace_watching), 1);
	ck_assert(put(w, TRACE_FIRST, "one\n"));
	ck_assert(put(w, TRACE_MORE, "two\n"));
	ck_assert(put(w, TRACE_LAST, "three\n"));
	trace_leave(w);
	ck_assert(trace_stop(soon(LONG)));
	hear_all(fd, &out);
	ck_assert_str_eq(
	    behind_greeting(&out), "one\ntwo\nthree\n{\"type\":\"end\"}\n");
	str_fini(&out);
}
END_TEST

START_TEST(it_starts_again)
{
	ck_assert(trace_stop(soon(LONG))); /* nobody watches */
	for (int i = 0; i < 3; i++) {
		int fd = watch("{}", CONTROL_KEPT);

		ck_assert(trace_stop(soon(LONG)));
		close(fd);
	}
}
END_TEST

static const struct {
	const char *filter;
	int code;
} refused[] = {
	{ "x", EX_USAGE },
	{ "{\"client\": [\"x\"]}", EX_USAGE },
	{ "{\"who\": []}", EX_USAGE },
};

START_TEST(bad_filters)
{
	watch(refused[_i].filter, refused[_i].code);
	ck_assert_int_eq(atomic_load(&trace_watching), 0);
}
END_TEST

START_TEST(not_too_many)
{
	int fd[TRACE_WATCHERS];

	for (int i = 0; i < TRACE_WATCHERS; i++)
		fd[i] = watch("", CONTROL_KEPT);
	ck_assert_int_eq(atomic_load(&trace_watching), TRACE_WATCHERS);
	ck_assert_int_eq(metric_get(METRIC_TRACES), TRACE_WATCHERS);
	watch("", EX_TEMPFAIL);
	for (int i = 0; i < TRACE_WATCHERS; i++)
		close(fd[i]);
	all_gone();
	ck_assert_int_eq(metric_get(METRIC_TRACES), 0);
	ck_assert(trace_stop(soon(LONG)));
}
END_TEST

START_TEST(only_their_clients)
{
	struct trace_watcher *found[TRACE_WATCHERS];
	int one = watch("{\"client\": [\"192.0.2.0/24\"]}", CONTROL_KEPT);
	int two = watch("{\"client\": [\"192.0.2.1\"]}", CONTROL_KEPT);
	static const struct {
		const char *ip;
		size_t n;
	} rows[] = { { "192.0.2.1", 2 }, { "192.0.2.2", 1 }, { "192.0.3.1", 0 },
		{ "2001:db8::1", 0 } };

	for (size_t i = 0; i < UNIT_N(rows); i++) {
		struct ip ip;
		size_t n;

		ck_assert_int_eq(ip_parse(&ip, rows[i].ip, NULL), 0);
		n = trace_wanted_by(&ip, found);
		ck_assert_uint_eq(n, rows[i].n);
		while (n-- > 0)
			trace_leave(found[n]);
	}
	ck_assert_uint_eq(trace_wanted_by(NULL, found), 0);
	ck_assert(trace_stop(soon(LONG)));
	close(one);
	close(two);
}
END_TEST

/* A session may outlive who watched it. */
START_TEST(who_is_gone_is_let_go)
{
	int fd = watch("", CONTROL_KEPT);
	struct trace_watcher *w = the_watcher();

	close(fd);
	all_gone();
	ck_assert(!put(w, TRACE_MORE, "x\n"));
	ck_assert_uint_eq(trace_filter_of(w)->from.n, 0);
	trace_leave(w);
	ck_assert(trace_stop(soon(LONG)));
}
END_TEST

/* Told by what is lost: the sums of both numbers. */
static void
sum_lost(const char *lines, long *sessions, long *cut)
{
	const char *p = lines;

	*sessions = *cut = 0;
	while ((p = strstr(p, "{\"type\":\"lost\"")) != NULL) {
		long a, b;

		ck_assert_int_eq(sscanf(p,
				     "{\"type\":\"lost\",\"sessions\":%ld,"
				     "\"cut\":%ld}",
				     &a, &b),
		    2);
		*sessions += a;
		*cut += b;
		p++;
	}
}

START_TEST(who_reads_too_slowly_is_told)
{
	long counted = metric_get(METRIC_TRACES_LOST);
	long lost = 0, cut = 0, told_lost, told_cut;
	char line[1001];
	pthread_t reader;
	struct str *out;
	void *result;
	int fd = watch("", CONTROL_KEPT);
	struct trace_watcher *w = the_watcher();

	memset(line, 'x', sizeof line - 2);
	line[sizeof line - 2] = '\n';
	line[sizeof line - 1] = '\0';
	/* both queues and the socket's buffer */
	for (size_t n = 0; n < 4 * TRACE_QUEUE; n += sizeof line - 1) {
		lost += !put(w, TRACE_FIRST, line);
		cut += !put(w, TRACE_MORE, line);
		put(w, TRACE_LAST, line);
	}
	ck_assert_int_gt(lost, cut); /* nothing new where it is half full */
	ck_assert_int_gt(cut, 0);
	ck_assert_int_eq(metric_get(METRIC_TRACES_LOST) - counted, lost + cut);
	ck_assert(!trace_stop(soon(10 * CLOCK_MS))); /* it does not read */
	pthread_create(&reader, NULL, hear_in_thread, &fd);
	ck_assert(trace_stop(soon(LONG)));
	pthread_join(reader, &result);
	out = result;
	sum_lost(str_c(out), &told_lost, &told_cut);
	ck_assert_int_eq(told_lost, lost);
	ck_assert_int_eq(told_cut, cut);
	ck_assert_str_eq(out->data + out->len - 15, "{\"type\":\"end\"}\n");
	str_fini(out);
	trace_leave(w);
}
END_TEST

#define THREADS 4
#define LINES 5000

static void *
put_many(void *arg)
{
	struct trace_watcher *w = arg;
	static atomic_int threads;
	int me = atomic_fetch_add(&threads, 1) % THREADS;
	char line[32];

	for (int i = 0; i < LINES;) {
		snprintf(line, sizeof line, "%d %d\n", me, i);
		i += put(w, TRACE_MORE, line); /* until there is room */
	}
	return NULL;
}

START_TEST(of_many_threads)
{
	int fd = watch("", CONTROL_KEPT), next[THREADS] = { 0 };
	struct trace_watcher *w = the_watcher();
	pthread_t reader, thread[THREADS];
	const char *p;
	struct str *out;
	void *result;

	pthread_create(&reader, NULL, hear_in_thread, &fd);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, put_many, w);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	trace_leave(w);
	ck_assert(trace_stop(soon(LONG)));
	pthread_join(reader, &result);
	out = result;
	for (p = behind_greeting(out); *p != '{'; p = strchr(p, '\n') + 1) {
		int who, i;

		ck_assert_int_eq(sscanf(p, "%d %d", &who, &i), 2);
		ck_assert_int_eq(i, next[who]++);
	}
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(next[i], LINES);
	str_fini(out);
}
END_TEST

static Suite *
trace_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("trace", &tc);

	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, lines_in_order_and_an_end);
	tcase_add_test(tc, it_starts_again);
	tcase_add_loop_test(tc, bad_filters, 0, UNIT_N(refused));
	tcase_add_test(tc, not_too_many);
	tcase_add_test(tc, only_their_clients);
	tcase_add_test(tc, who_is_gone_is_let_go);
	tcase_add_test(tc, who_reads_too_slowly_is_told);
	tcase_add_test(tc, of_many_threads);
	return s;
}

UNIT_MAIN(trace_suite)
