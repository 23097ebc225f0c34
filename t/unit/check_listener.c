#include "unit.h"

#include "milter/listener.h"
#include "milter/xmalloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct listen_options plain = { 0600, (uid_t)-1, (gid_t)-1 };

static char *folder, *path, *spec;

static void
setup(void)
{
	folder = xstrdup("/tmp/kumilter-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path = xasprintf("%s/sock", folder);
	spec = xasprintf("unix:%s", path);
}

static void
teardown(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing else is left there */
	free(folder);
	free(path);
	free(spec);
}

static void
open_fine(struct listener *l, const char *where)
{
	struct err err = { "" };

	ck_assert_msg(
	    listener_open(l, where, &plain, &err) == 0, "%s", err.msg);
}

static void
open_fails(const char *where, const char *word)
{
	struct listener l;
	struct err err = { "" };

	ck_assert_msg(
	    listener_open(&l, where, &plain, &err) == -1, "%s", where);
	ck_assert_msg(strstr(err.msg, word) != NULL, "%s: %s", where, err.msg);
	ck_assert_int_eq(l.fd, -1);
	listener_close(&l); /* harmless */
}

/* A connection to where fd listens, or -1. */
static int
dial(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	int conn;

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	conn = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(conn, (struct sockaddr *)&ss, len) == 0)
		return conn;
	close(conn);
	return -1;
}

static int
dial_path(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int conn = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	if (connect(conn, (struct sockaddr *)&un, sizeof un) == 0)
		return conn;
	close(conn);
	return -1;
}

/* Bytes go through both ways. */
static void
expect_alive(int a, int b)
{
	char c = 0;

	ck_assert_int_eq(write(a, "x", 1), 1);
	ck_assert_int_eq(read(b, &c, 1), 1);
	ck_assert_int_eq(c, 'x');
	ck_assert_int_eq(write(b, "y", 1), 1);
	ck_assert_int_eq(read(a, &c, 1), 1);
	ck_assert_int_eq(c, 'y');
}

static void
expect_served(struct listener *l)
{
	int conn = dial(l->fd), served;

	ck_assert_int_ge(conn, 0);
	served = accept(l->fd, NULL, NULL);
	ck_assert_int_ge(served, 0);
	expect_alive(conn, served);
	close(conn);
	close(served);
}

static int
free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	close(fd);
	return ntohs(in.sin_port);
}

START_TEST(unix_socket)
{
	static const mode_t modes[] = { 0600, 0660, 0666 };
	struct listen_options o = plain;
	struct listener l;
	struct stat sb;
	struct err err;

	for (size_t i = 0; i < UNIT_N(modes); i++) {
		o.mode = modes[i];
		ck_assert_int_eq(listener_open(&l, spec, &o, &err), 0);
		ck_assert_int_eq(stat(path, &sb), 0);
		ck_assert(S_ISSOCK(sb.st_mode));
		ck_assert_int_eq(sb.st_mode & 07777, modes[i]);
		ck_assert_int_eq(sb.st_uid, geteuid());
		expect_served(&l);
		listener_close(&l);
		ck_assert_int_eq(access(path, F_OK), -1);
	}
}
END_TEST

START_TEST(owner)
{
	struct listen_options o = { 0660, geteuid(), getegid() };
	struct listener l;
	struct stat sb;
	struct err err;

	if (geteuid() == 0)
		o = (struct listen_options){ 0660, 12345, 23456 };
	ck_assert_int_eq(listener_open(&l, spec, &o, &err), 0);
	ck_assert_int_eq(stat(path, &sb), 0);
	ck_assert_int_eq(sb.st_uid, o.owner);
	ck_assert_int_eq(sb.st_gid, o.group);
	listener_close(&l);
}
END_TEST

START_TEST(local_is_unix)
{
	char *local = xasprintf("local:%s", path);
	struct listener l;

	open_fine(&l, local);
	expect_served(&l);
	listener_close(&l);
	free(local);
}
END_TEST

START_TEST(stale_socket_is_replaced)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct listener l;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	close(fd); /* nobody listens, the file stays */
	open_fine(&l, spec);
	expect_served(&l);
	listener_close(&l);
}
END_TEST

START_TEST(served_socket_is_refused)
{
	struct listener l;

	open_fine(&l, spec);
	open_fails(spec, "another process serves on it");
	close(accept(l.fd, NULL, NULL)); /* who asked */
	expect_served(&l);
	listener_close(&l);
}
END_TEST

/* One whose owner is too busy to accept is served, and asking does not hang. */
START_TEST(busy_socket_is_refused)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), conn[8], n = 0;

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	for (int i = 0; i < 8; i++) {
		conn[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(conn[n++], (struct sockaddr *)&un, sizeof un) != 0)
			break;
	}
	ck_assert_int_lt(n, 8); /* its queue is full */
	open_fails(spec, "another process serves on it");
	while (n > 0)
		close(conn[--n]);
	close(fd);
}
END_TEST

START_TEST(file_that_is_no_socket)
{
	FILE *f = fopen(path, "w");

	fputs("precious", f);
	fclose(f);
	open_fails(spec, "exists and is no socket");
	ck_assert_int_eq(access(path, F_OK), 0);
	unlink(path);
	ck_assert_int_eq(symlink("/nowhere", path), 0);
	open_fails(spec, "exists and is no socket");
}
END_TEST

START_TEST(a_socket_of_others_is_not_removed)
{
	struct listener l, other;

	open_fine(&l, spec);
	unlink(path); /* somebody tidied up, and another daemon came */
	open_fine(&other, spec);
	listener_close(&l);
	ck_assert_int_eq(access(path, F_OK), 0);
	expect_served(&other);
	listener_close(&other);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

static const struct {
	const char *spec, *word;
} bad[] = {
	{ "", "unix:/PATH" },
	{ "nonsense", "unix:/PATH" },
	{ "/run/x.sock", "unix:/PATH" },
	{ "tcp:25", "unix:/PATH" },
	{ ":", "unix:/PATH" },
	{ "unix:relative", "an absolute path" },
	{ "unix:", "an absolute path" },
	{ "unix:/no/such/folder/x", "cannot make the socket" },
	{ "unix:/tmp/0123456789012345678901234567890123456789012345678901234567"
	  "8901234567890123456789012345678901234567890123456789",
	    "longer than a socket's path" },
	{ "inet:", "inet:PORT" },
	{ "inet:@127.0.0.1", "inet:PORT" },
	{ "inet:noport@127.0.0.1", "inet:noport" },
	{ "inet:65536@127.0.0.1", "inet:PORT" },
	{ "inet:-1@127.0.0.1", "inet:PORT" },
	{ "inet:99999999999999999999@127.0.0.1", "inet:PORT" },
	{ "inet:1@192.0.2.1", "cannot bind" },
	{ "inet:1@::1", "inet:1@::1" },
	{ "fd:", "fd:N" },
	{ "fd:x", "fd:N" },
	{ "fd:1", "fd:N" },
	{ "fd:-1", "fd:N" },
	{ "fd:3x", "fd:N" },
	{ "fd:65535", "is no stream socket" },
};

START_TEST(bad_spec)
{
	open_fails(bad[_i].spec, bad[_i].word);
}
END_TEST

static void
expect_nodelay(struct listener *l)
{
	int conn = dial(l->fd), served = accept(l->fd, NULL, NULL), on = 0;
	socklen_t len = sizeof on;

	ck_assert_int_ge(served, 0);
	ck_assert_int_eq(
	    getsockopt(served, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	ck_assert_int_ne(on, 0);
	close(conn);
	close(served);
}

START_TEST(inet)
{
	char *where = xasprintf("inet:%d@127.0.0.1", free_port());
	struct listener l;

	open_fine(&l, where);
	expect_served(&l);
	expect_nodelay(&l);
	open_fails(where, "cannot bind");
	listener_close(&l);
	/* sessions just gone do not keep the port */
	open_fine(&l, where);
	expect_served(&l);
	listener_close(&l);
	free(where);
}
END_TEST

START_TEST(inet_everywhere)
{
	char *where = xasprintf("inet:%d", free_port());
	struct sockaddr_in in;
	socklen_t len = sizeof in;
	struct listener l;

	open_fine(&l, where);
	ck_assert_int_eq(getsockname(l.fd, (struct sockaddr *)&in, &len), 0);
	ck_assert_uint_eq(in.sin_addr.s_addr, htonl(INADDR_ANY));
	expect_served(&l);
	listener_close(&l);
	free(where);
}
END_TEST

START_TEST(inet6)
{
	char *where = xasprintf("inet6:%d@[::1]", free_port());
	struct listener l;
	struct err err;

	/* a machine without IPv6 has nothing to test */
	if (listener_open(&l, where, &plain, &err) == 0) {
		expect_served(&l);
		expect_nodelay(&l);
		listener_close(&l);
	} else {
		ck_assert_msg(errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT,
		    "%s", err.msg);
	}
	free(where);
}
END_TEST

START_TEST(inherited)
{
	struct listener own, l;
	char *where;
	int fd;

	open_fine(&own, spec);
	fd = dup(own.fd);
	where = xasprintf("fd:%d", fd);
	open_fine(&l, where);
	ck_assert(l.inherited);
	expect_served(&l);
	listener_close(&l);
	/* it is the parent's to close, and so is the file's name */
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	ck_assert_int_eq(access(path, F_OK), 0);
	close(fd);
	listener_close(&own);
	free(where);
}
END_TEST

START_TEST(inherited_must_listen)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int datagram = socket(AF_INET, SOCK_DGRAM, 0);
	char *where = xasprintf("fd:%d", fd);
	char *other = xasprintf("fd:%d", datagram);

	open_fails(where, "is not listening");
	open_fails(other, "is no stream socket");
	close(fd);
	close(datagram);
	free(where);
	free(other);
}
END_TEST

static void
shut_and_look(struct listener *l)
{
	int conn = dial(l->fd), served = accept(l->fd, NULL, NULL);
	int number = l->fd, listening = 0;
	socklen_t len = sizeof listening;
	struct sockaddr_storage ss;
	socklen_t sslen = sizeof ss;
	struct err err;
	int late;

	ck_assert_int_ge(served, 0);
	getsockname(l->fd, (struct sockaddr *)&ss, &sslen);
	ck_assert_int_eq(listener_shut(l, &err), 0);
	late = socket(ss.ss_family, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(late, (struct sockaddr *)&ss, sslen), -1);
	close(late);
	expect_alive(conn, served);
	/* what libmilter polls is still there and still listens */
	ck_assert_int_eq(l->fd, number);
	ck_assert_int_eq(
	    getsockopt(l->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len), 0);
	ck_assert(listening);
	close(conn);
	close(served);
}

START_TEST(shut)
{
	char *where = xasprintf("inet:%d@127.0.0.1", free_port());
	struct listener l;

	open_fine(&l, spec);
	shut_and_look(&l);
	ck_assert_int_eq(dial_path(), -1);
	ck_assert_int_eq(access(path, F_OK), -1);
	listener_close(&l);

	open_fine(&l, where);
	shut_and_look(&l);
	listener_close(&l);
	open_fine(&l, where); /* the next daemon may have it at once */
	listener_close(&l);
	free(where);
}
END_TEST

/* systemd goes on to hold the socket: connects wait for who comes next. */
START_TEST(shut_inherited)
{
	struct listener own, l;
	struct err err;
	char *where;
	int fd, conn, served;

	open_fine(&own, spec);
	fd = dup(own.fd);
	where = xasprintf("fd:%d", fd);
	open_fine(&l, where);
	ck_assert_int_eq(listener_shut(&l, &err), 0);
	conn = dial_path();
	ck_assert_int_ge(conn, 0);
	served = accept(own.fd, NULL, NULL);
	expect_alive(conn, served);
	close(conn);
	close(served);
	listener_close(&l);
	close(fd);
	listener_close(&own);
	free(where);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("listener", &t);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, unix_socket);
	tcase_add_test(t, owner);
	tcase_add_test(t, local_is_unix);
	tcase_add_test(t, stale_socket_is_replaced);
	tcase_add_test(t, served_socket_is_refused);
	tcase_add_test(t, busy_socket_is_refused);
	tcase_add_test(t, file_that_is_no_socket);
	tcase_add_test(t, a_socket_of_others_is_not_removed);
	tcase_add_loop_test(t, bad_spec, 0, UNIT_N(bad));
	tcase_add_test(t, inet);
	tcase_add_test(t, inet_everywhere);
	tcase_add_test(t, inet6);
	tcase_add_test(t, inherited);
	tcase_add_test(t, inherited_must_listen);
	tcase_add_test(t, shut);
	tcase_add_test(t, shut_inherited);
	return s;
}

UNIT_MAIN(suite)
