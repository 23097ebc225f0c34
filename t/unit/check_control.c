#include "unit.h"

#include "milter/clock.h"
#include "milter/control.h"
#include "milter/xmalloc.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char *folder, *path;
static unsigned requests;
static int kept;

/* "code N text" is answered with N and the text; "big" with a lot of it. */
static int
answer(const char *request, int fd, struct str *out)
{
	int code = 0, at = 0;

	requests++;
	if (strcmp(request, "keep") == 0) {
		kept = fd;
		return CONTROL_KEPT;
	}
	if (strcmp(request, "big") == 0) {
		for (int i = 0; i < 100000; i++)
			str_addf(out, "line %d\n", i);
		return 0;
	}
	if (sscanf(request, "code %d %n", &code, &at) == 1)
		str_adds(out, request + at);
	else
		str_addf(out, "[%s]", request);
	return code;
}

static void
setup(void)
{
	struct err err;

	folder = xstrdup("/tmp/kumilter-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path = xasprintf("%s/control", folder);
	requests = 0;
	ck_assert_msg(control_start(path, (unsigned)-1, answer, &err) == 0,
	    "%s", err.msg);
}

static void
teardown(void)
{
	control_stop();
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(rmdir(folder), 0);
	free(folder);
	free(path);
}

static void
ask(const char *request, int code, const char *text)
{
	struct str out = { 0 };
	struct err err = { "" };
	int rc = control_ask(path, request, &out, &err);

	ck_assert_msg(rc == code, "%s: %d %s", request, rc, err.msg);
	ck_assert_str_eq(str_c(&out), text);
	str_fini(&out);
}

static const struct {
	const char *request;
	int code;
	const char *text;
} asks[] = {
	{ "status", 0, "[status]" }, { "", 0, "[]" },
	{ "code 65 policy.lua:3: no", 65, "policy.lua:3: no" },
	{ "code 0 ", 0, "" },
	{ "code 7 7\n8\n", 7, "7" }, /* one line is a request */
};

START_TEST(asks_and_answers)
{
	ask(asks[_i].request, asks[_i].code, asks[_i].text);
	ask(asks[_i].request, asks[_i].code, asks[_i].text);
	ck_assert_uint_eq(requests, 2);
}
END_TEST

START_TEST(large_answer)
{
	struct str out = { 0 };
	struct err err;

	ck_assert_int_eq(control_ask(path, "big", &out, &err), 0);
	ck_assert_int_eq(strncmp(str_c(&out), "line 0\nline 1\n", 14), 0);
	ck_assert_uint_eq(out.len, 1088890);
	str_fini(&out);
}
END_TEST

/* A connection that is kept is answered when that is wanted. */
START_TEST(kept_connection)
{
	char text[16] = "";
	struct err err;
	int fd = control_open(path, "keep", &err);

	ck_assert_int_ge(fd, 0);
	ask("one", 0, "[one]"); /* and so the first was taken */
	ck_assert_int_eq(send(kept, "later", 5, MSG_NOSIGNAL), 5);
	close(kept);
	ck_assert_int_eq(recv(fd, text, sizeof text, MSG_WAITALL), 5);
	ck_assert_str_eq(text, "later");
	close(fd);
}
END_TEST

START_TEST(only_the_owner)
{
	struct stat sb;

	ck_assert_int_eq(stat(path, &sb), 0);
	ck_assert_int_eq(sb.st_mode & 07777, 0600);
}
END_TEST

static int
dial(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
	return fd;
}

/* The daemon gives up root while a request may already be on its way. */
START_TEST(another_user_meanwhile)
{
	for (int i = 0; i < 200; i++) {
		int fd = dial();
		char c = '\0';

		send(fd, "one", 3, MSG_NOSIGNAL);
		for (int k = 0; k < 20; k++)
			ck_assert_int_eq(setuid(getuid()), 0);
		send(fd, "\n", 1, MSG_NOSIGNAL);
		ck_assert_int_eq(recv(fd, &c, 1, 0), 1);
		ck_assert_int_eq(c, '0');
		close(fd);
	}
}
END_TEST

/* Who hangs up, says too much or does not listen harms nobody else. */
START_TEST(rude_clients)
{
	char much[8192];
	int fd = dial();

	close(fd);
	ask("one", 0, "[one]");

	fd = dial();
	memset(much, 'x', sizeof much);
	send(fd, much, sizeof much, MSG_NOSIGNAL); /* and no newline */
	shutdown(fd, SHUT_WR);
	ask("two", 0, "[two]");
	close(fd);

	fd = dial();
	send(fd, "big\n", 4, MSG_NOSIGNAL);
	close(fd);
	ask("three", 0, "[three]");

	fd = dial();
	send(fd, "a", 1, MSG_NOSIGNAL); /* in two pieces */
	send(fd, "b\nignored", 9, MSG_NOSIGNAL);
	ck_assert_int_eq(recv(fd, much, 6, MSG_WAITALL), 6);
	ck_assert_int_eq(memcmp(much, "0\n[ab]", 6), 0);
	ck_assert_int_eq(recv(fd, much, 1, 0), 0);
	close(fd);
}
END_TEST

START_TEST(nobody_there)
{
	struct str out = { 0 };
	struct err err;
	char *nowhere = xasprintf("%s/nowhere", folder);

	ck_assert_int_eq(control_ask(nowhere, "status", &out, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, nowhere));
	ck_assert_ptr_nonnull(strstr(err.msg, "is kumilter serve running"));
	str_fini(&out);
	free(nowhere);
}
END_TEST

/* A daemon that takes the request and says nothing, or never all of it. */
static int
listen_at(const char *at)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s", at);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

static void *
trickle(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);

	while (send(fd, "0\n", 2, MSG_NOSIGNAL) > 0)
		usleep(1000);
	close(fd);
	return NULL;
}

START_TEST(no_answer)
{
	char *silent = xasprintf("%s/silent", folder);
	int fd = listen_at(silent);
	pthread_t thread;
	struct err err;

	for (int i = 0; i < 2; i++) {
		struct str out = { 0 };

		if (i == 1)
			pthread_create(&thread, NULL, trickle, &fd);
		ck_assert_int_eq(control_ask_within(50 * CLOCK_MS, silent,
				     "status", &out, &err),
		    -1);
		ck_assert_ptr_nonnull(strstr(err.msg, "no answer in time"));
		str_fini(&out);
		if (i == 0) /* it still stands in the queue */
			close(accept(fd, NULL, NULL));
	}
	pthread_join(thread, NULL);
	close(fd);
	unlink(silent);
	free(silent);
}
END_TEST

START_TEST(twice)
{
	struct err err;

	control_stop();
	control_stop(); /* nothing to stop: harmless */
	ck_assert_int_eq(control_start(path, (unsigned)-1, answer, &err), 0);
	ask("again", 0, "[again]");
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("control", &t);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_loop_test(t, asks_and_answers, 0, UNIT_N(asks));
	tcase_add_test(t, large_answer);
	tcase_add_test(t, kept_connection);
	tcase_add_test(t, only_the_owner);
	tcase_add_test(t, another_user_meanwhile);
	tcase_add_test(t, rude_clients);
	tcase_add_test(t, nobody_there);
	tcase_add_test(t, no_answer);
	tcase_add_test(t, twice);
	return s;
}

UNIT_MAIN(suite)
