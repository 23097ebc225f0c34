/*
 * A listener of our own stands in for libmilter's.
 */
#include "unit.h"

#include "milter/nudge.h"
#include "milter/str.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HELLO_LEN 17
#define TAP_LEN 6
#define TAP "\0\0\0\2DC"
#define PATIENCE 2000 /* ms */

static char folder[64], path[80];

static void
begin(void)
{
	strcpy(folder, "/tmp/check_nudge-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/socket", folder);
}

static void
end(void)
{
	nudge_stop();
	unlink(path);
	rmdir(folder);
}

/* ---- the other side ----------------------------------------------------- */

static int
listen_unix(int backlog)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(un.sun_path, path);
	unlink(path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

/* -1 where this address cannot be had. */
static int
listen_inet(bool six, bool any)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(any ? INADDR_ANY : INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_addr = any ? in6addr_any : in6addr_loopback };
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	if ((six ? bind(fd, (struct sockaddr *)&in6, sizeof in6)
		 : bind(fd, (struct sockaddr *)&in, sizeof in)) != 0 ||
	    listen(fd, 10) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool
readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static int
accept_one(int listener)
{
	ck_assert_msg(readable(listener, PATIENCE), "nobody called");
	return accept(listener, NULL, NULL);
}

static void
read_exactly(int fd, unsigned char *data, size_t len)
{
	for (size_t got = 0; got < len;) {
		ssize_t n;

		ck_assert_msg(readable(fd, PATIENCE), "%zu of %zu", got, len);
		n = read(fd, data + got, len - got);
		ck_assert_int_gt(n, 0);
		got += (size_t)n;
	}
}

/* SMFIC_OPTNEG of an MTA that offers SMFIF_SETSYMLIST alone. */
static void
expect_hello(int fd)
{
	static const unsigned char want[HELLO_LEN] = { 0, 0, 0, 13, 'O', 0, 0,
		0, 6, 0, 0, 1, 0, 0, 0, 0, 0 };
	unsigned char hello[HELLO_LEN];

	read_exactly(fd, hello, sizeof hello);
	ck_assert_mem_eq(hello, want, sizeof want);
}

static void
expect_taps(int fd, int n)
{
	unsigned char tap[TAP_LEN];

	while (n-- > 0) {
		read_exactly(fd, tap, sizeof tap);
		ck_assert_mem_eq(tap, TAP, TAP_LEN);
	}
}

static void
expect_silence(int fd)
{
	ck_assert_msg(!readable(fd, 20), "something came");
}

/* Everything up to now, and how many taps that were. */
static size_t
drain_taps(int fd)
{
	struct str all = { 0 };
	char piece[65536];
	ssize_t n;
	size_t taps;

	while (readable(fd, 20) && (n = read(fd, piece, sizeof piece)) > 0)
		str_add(&all, piece, (size_t)n);
	ck_assert_uint_eq(all.len % TAP_LEN, 0);
	taps = all.len / TAP_LEN;
	for (size_t i = 0; i < taps; i++)
		ck_assert_mem_eq(all.data + i * TAP_LEN, TAP, TAP_LEN);
	str_fini(&all);
	return taps;
}

/* One that waits for no time at all. */
static void
nudge(void)
{
	nudge_begin();
	nudge_end();
}

/* ---- tests -------------------------------------------------------------- */

START_TEST(hello_and_then_taps)
{
	int listener = listen_unix(10), fd;

	nudge_start(listener);
	fd = accept_one(listener);
	expect_hello(fd);
	expect_silence(fd);
	nudge();
	expect_taps(fd, 1);
	expect_silence(fd);
	nudge();
	nudge();
	nudge();
	expect_taps(fd, 3);
	expect_silence(fd);
	expect_silence(listener);
	close(fd);
	close(listener);
}
END_TEST

/* The tap is not heard: there are new connections as long as one waits. */
START_TEST(new_connections_while_one_waits)
{
	int listener = listen_unix(10), fd[4];

	nudge_start(listener);
	nudge_begin();
	for (int i = 0; i < 4; i++) {
		fd[i] = accept_one(listener);
		expect_hello(fd[i]);
		if (i == 0)
			expect_taps(fd[i], 1);
	}
	nudge_end();
	while (readable(listener, 2 * NUDGE_AGAIN)) /* one under way */
		close(accept(listener, NULL, NULL));
	nudge();
	ck_assert(!readable(listener, 2 * NUDGE_AGAIN));
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	close(listener);
}
END_TEST

START_TEST(nothing_before_start_and_after_stop)
{
	int listener = listen_unix(10), fd;
	char c;

	nudge();
	nudge_stop();
	nudge();
	expect_silence(listener);
	nudge_start(listener);
	fd = accept_one(listener);
	expect_hello(fd);
	nudge_stop();
	ck_assert(readable(fd, PATIENCE));
	ck_assert_int_eq(read(fd, &c, 1), 0);
	nudge();
	nudge_stop();
	nudge();
	expect_silence(listener);
	close(fd);
	close(listener);
}
END_TEST

START_TEST(what_is_no_socket_is_left_alone)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	nudge_start(fds[0]);
	nudge();
	nudge_start(-1);
	nudge();
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* Also with bytes that the other side never read. */
START_TEST(calls_again_when_hung_up)
{
	int listener = listen_unix(10), fd;

	nudge_start(listener);
	for (int i = 0; i < 5; i++) {
		fd = accept_one(listener);
		if (_i == 0) {
			expect_hello(fd);
			expect_taps(fd, i > 0);
		}
		nudge();
		if (_i == 0)
			expect_taps(fd, 1);
		expect_silence(listener);
		close(fd);
		nudge();
	}
	fd = accept_one(listener);
	expect_hello(fd);
	expect_taps(fd, 1);
	close(fd);
	close(listener);
}
END_TEST

START_TEST(answers_are_read_and_dropped)
{
	static char answer[4096];
	int listener = listen_unix(10), fd;
	size_t sent = 0;

	nudge_start(listener);
	fd = accept_one(listener);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	expect_hello(fd);
	for (int i = 0; i < 1000; i++) {
		ssize_t n = send(fd, answer, sizeof answer, MSG_NOSIGNAL);

		ck_assert_int_gt(n, 0); /* there is room again */
		sent += (size_t)n;
		nudge();
		expect_taps(fd, 1);
	}
	ck_assert_uint_gt(sent, 1 << 20);
	expect_silence(listener);
	close(fd);
	close(listener);
}
END_TEST

START_TEST(never_blocks_when_nobody_reads)
{
	int listener = listen_unix(10), fd;
	size_t taps;

	nudge_start(listener);
	fd = accept_one(listener);
	expect_hello(fd);
	for (int i = 0; i < 20000; i++)
		nudge();
	taps = drain_taps(fd);
	ck_assert_uint_gt(taps, 10);
	ck_assert_uint_lt(taps, 20000);
	nudge(); /* on the same connection, in step */
	expect_taps(fd, 1);
	expect_silence(listener);
	close(fd);
	close(listener);
}
END_TEST

START_TEST(never_blocks_when_nobody_accepts)
{
	int listener = listen_unix(0), other[3];
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	strcpy(un.sun_path, path);
	for (size_t i = 0; i < UNIT_N(other); i++) { /* fill the backlog */
		other[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(other[i], (struct sockaddr *)&un, sizeof un);
	}
	nudge_start(listener);
	for (int i = 0; i < 1000; i++)
		nudge();
	for (size_t i = 0; i < UNIT_N(other); i++)
		close(other[i]);
	while (readable(listener, 20))
		close(accept(listener, NULL, NULL));
	nudge(); /* there is room now */
	close(accept_one(listener));
	close(listener);
}
END_TEST

START_TEST(listener_that_is_gone_is_no_trouble)
{
	int listener = listen_unix(10), fd;

	nudge_start(listener);
	close(accept_one(listener));
	close(listener);
	for (int i = 0; i < 100; i++)
		nudge();
	unlink(path);
	for (int i = 0; i < 100; i++)
		nudge();
	/* and another in its place is found, without being told of it */
	listener = listen_unix(10);
	nudge();
	fd = accept_one(listener);
	expect_hello(fd);
	expect_taps(fd, 1);
	close(fd);
	close(listener);
}
END_TEST

START_TEST(start_again_moves_to_the_new_one)
{
	int old = listen_unix(10), new = listen_inet(false, false), fd, other;
	char c;

	nudge_start(old);
	fd = accept_one(old);
	expect_hello(fd);
	nudge_start(new);
	ck_assert(readable(fd, PATIENCE));
	ck_assert_int_eq(read(fd, &c, 1), 0);
	nudge();
	other = accept_one(new);
	expect_hello(other);
	expect_taps(other, 1);
	expect_silence(old);
	close(fd);
	close(other);
	close(old);
	close(new);
}
END_TEST

/* 127.0.0.1, 0.0.0.0, ::1, ::: a wildcard is reached over loopback. */
START_TEST(inet_listeners_are_reached)
{
	int listener = listen_inet(_i / 2 != 0, _i % 2 != 0), fd;

	if (listener < 0)
		return; /* no IPv6 here */
	nudge_start(listener);
	fd = accept_one(listener);
	expect_hello(fd);
	nudge();
	nudge();
	expect_taps(fd, 2);
	close(fd);
	nudge();
	nudge(); /* a reset is seen at once or at the next one */
	fd = accept_one(listener);
	expect_hello(fd);
	close(fd);
	close(listener);
}
END_TEST

/* A part of a tap must not be followed by another: the stream begins anew. */
START_TEST(tcp_streams_hold_whole_packets)
{
	int listener = listen_inet(false, false), fd;
	int small = 4096;

	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	nudge_start(listener);
	for (int i = 0; i < 100000; i++)
		nudge();
	while (readable(listener, 50)) {
		struct str all = { 0 };
		char piece[65536];
		ssize_t n;

		fd = accept_one(listener);
		while (
		    readable(fd, 50) && (n = read(fd, piece, sizeof piece)) > 0)
			str_add(&all, piece, (size_t)n);
		ck_assert_uint_ge(all.len, HELLO_LEN);
		for (size_t i = HELLO_LEN; i + TAP_LEN <= all.len; i += TAP_LEN)
			ck_assert_mem_eq(all.data + i, TAP, TAP_LEN);
		str_fini(&all);
		close(fd);
	}
	close(listener);
}
END_TEST

static void *
nudge_often(void *arg)
{
	for (int i = 0; i < 500; i++)
		nudge();
	return arg;
}

START_TEST(any_thread_may)
{
	int listener = listen_unix(10), fd;
	pthread_t thread[4];
	size_t taps = 0;

	nudge_start(listener);
	fd = accept_one(listener);
	expect_hello(fd);
	for (size_t i = 0; i < UNIT_N(thread); i++)
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, nudge_often, NULL), 0);
	for (int i = 0; i < 5; i++)
		taps += drain_taps(fd);
	for (size_t i = 0; i < UNIT_N(thread); i++)
		pthread_join(thread[i], NULL);
	taps += drain_taps(fd);
	ck_assert_uint_gt(taps, 0);
	ck_assert_uint_le(taps, 2000);
	close(fd);
	close(listener);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("nudge", &t);

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, hello_and_then_taps);
	tcase_add_test(t, new_connections_while_one_waits);
	tcase_add_test(t, nothing_before_start_and_after_stop);
	tcase_add_test(t, what_is_no_socket_is_left_alone);
	tcase_add_loop_test(t, calls_again_when_hung_up, 0, 2);
	tcase_add_test(t, answers_are_read_and_dropped);
	tcase_add_test(t, never_blocks_when_nobody_reads);
	tcase_add_test(t, never_blocks_when_nobody_accepts);
	tcase_add_test(t, listener_that_is_gone_is_no_trouble);
	tcase_add_test(t, start_again_moves_to_the_new_one);
	tcase_add_loop_test(t, inet_listeners_are_reached, 0, 4);
	tcase_add_test(t, tcp_streams_hold_whole_packets);
	tcase_add_test(t, any_thread_may);
	return s;
}

UNIT_MAIN(suite)
