#include "unit.h"

#include "milter/cidr_named.h"
#include "milter/clock.h"
#include "milter/log.h"
#include "milter/xmalloc.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[64];

/* Another file each time, as an editor leaves it. */
static void
write_file(const char *text)
{
	char *new = xasprintf("%s.new", path);
	FILE *f = fopen(new, "we");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(rename(new, path), 0);
	free(new);
}

static void
setup(void)
{
	snprintf(path, sizeof path, "/tmp/kumilter-cidr-XXXXXX");
	close(mkstemp(path));
	log_set_level(LOG_LEVEL_ERROR);
}

static void
teardown(void)
{
	cidr_named_settle();
	unlink(path);
}

static int
define(const char *name, int refresh, bool interpolate, struct err *err)
{
	struct cidr_terms terms = { .path = path,
		.value = RBLDNSD_TXT,
		.refresh = refresh * CLOCK_S,
		.interpolate = interpolate };

	return cidr_named_define(name, &terms, err);
}

static char answer[256];

static const char *
ask(const char *name, const char *address, int64_t later)
{
	struct str out = { 0 };
	struct ip ip;
	int rc;

	ck_assert_int_eq(ip_parse(&ip, address, NULL), 0);
	rc = cidr_named_query(name, &ip, clock_mono() + later * CLOCK_S, &out);
	snprintf(answer, sizeof answer, "%s", str_c(&out));
	str_fini(&out);
	return rc == 1 ? answer : rc == 0 ? "no" : "unknown";
}

START_TEST(names_are_asked)
{
	struct cidr_terms empty = { 0 };
	struct err err;

	write_file("192.0.2.0/24 see $\n");
	ck_assert_str_eq(ask("asked", "192.0.2.1", 0), "unknown");
	ck_assert_int_eq(define("asked", 0, false, &err), 0);
	ck_assert_str_eq(ask("asked", "192.0.2.1", 0), "see $");
	ck_assert_str_eq(ask("asked", "192.0.3.1", 0), "no");
	ck_assert_int_eq(define("asked", 0, true, &err), 0);
	ck_assert_str_eq(ask("asked", "192.0.2.1", 0), "see 192.0.2.1");
	ck_assert_int_eq(cidr_named_define("empty", &empty, &err), 0);
	ck_assert_str_eq(ask("empty", "192.0.2.1", 0), "no");
	ck_assert_int_eq(cidr_named_reload("empty", 0, &err), 0);
	ck_assert_int_eq(cidr_named_reload("nobody", 0, &err), -1);
	ck_assert_str_eq(err.msg, "no networks \"nobody\" are defined");
}
END_TEST

START_TEST(reloading_keeps_what_was_when_it_fails)
{
	struct err err;

	write_file("192.0.2.0/24 one\n");
	ck_assert_int_eq(define("reload", 0, false, &err), 0);
	write_file("192.0.2.0/24 two\nand more\n");
	ck_assert_str_eq(ask("reload", "192.0.2.1", 99999), "one");
	ck_assert_int_eq(cidr_named_reload("reload", 0, &err), 0);
	ck_assert_str_eq(ask("reload", "192.0.2.1", 0), "two");
	unlink(path);
	ck_assert_int_eq(cidr_named_reload("reload", 0, &err), -1);
	ck_assert_int_eq(define("reload", 0, false, &err), -1);
	ck_assert_str_eq(ask("reload", "192.0.2.1", 0), "two");
	ck_assert_int_eq(define("never there", 0, false, &err), -1);
	ck_assert_str_eq(ask("never there", "192.0.2.1", 0), "unknown");
	write_file("192.0.2.0/24 three\n");
	ck_assert_int_eq(define("reload", 0, false, &err), 0); /* it changed */
	ck_assert_str_eq(ask("reload", "192.0.2.1", 0), "three");
}
END_TEST

START_TEST(a_question_begins_the_refresh)
{
	struct err err;

	write_file("192.0.2.0/24 one\n");
	ck_assert_int_eq(define("refresh", 60, false, &err), 0);
	write_file("192.0.2.0/24 two\n");
	ck_assert_str_eq(ask("refresh", "192.0.2.1", 59), "one");
	cidr_named_settle();
	ck_assert_str_eq(ask("refresh", "192.0.2.1", 0), "one");
	ask("refresh", "192.0.2.1", 61); /* the old one or the new one */
	cidr_named_settle();
	ck_assert_str_eq(ask("refresh", "192.0.2.1", 0), "two");
	unlink(path);
	log_open(LOG_SINK_STDERR, LOG_LEVEL_ERROR);
	ask("refresh", "192.0.2.1", 9999);
	cidr_named_settle();
	ck_assert_str_eq(ask("refresh", "192.0.2.1", 0), "two");
}
END_TEST

static void *
work(void *arg)
{
	struct err err;

	(void)arg;
	for (int i = 0; i < 200; i++) {
		struct str out = { 0 };
		struct ip ip;

		ip_parse(&ip, "192.0.2.1", NULL);
		must(cidr_named_query("threads", &ip,
			 clock_mono() + (i % 7) * 100 * CLOCK_S, &out) == 1);
		must(strcmp(str_c(&out), "one") == 0);
		str_fini(&out);
		if (i % 20 == 0)
			must(cidr_named_reload("threads", 0, &err) == 0);
		if (i % 30 == 0)
			must(define("threads", 60 + i, false, &err) == 0);
	}
	return NULL;
}

START_TEST(threads_ask_while_others_load)
{
	pthread_t thread[4];
	struct err err;

	write_file("192.0.2.0/24 one\n");
	ck_assert_int_eq(define("threads", 60, false, &err), 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, work, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}
END_TEST

START_TEST(names_are_bounded)
{
	struct cidr_terms empty = { 0 };
	char name[32];
	struct err err;
	int rc = 0;

	for (int i = 0; i < CIDR_NAMED_MAX + 1 && rc == 0; i++) {
		snprintf(name, sizeof name, "name %d", i);
		rc = cidr_named_define(name, &empty, &err);
	}
	ck_assert_str_eq(err.msg, "there are 64 of them already");
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("cidr_named", &t);

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, names_are_asked);
	tcase_add_test(t, reloading_keeps_what_was_when_it_fails);
	tcase_add_test(t, a_question_begins_the_refresh);
	tcase_add_test(t, threads_ask_while_others_load);
	tcase_add_test(t, names_are_bounded);
	return s;
}

UNIT_MAIN(suite)
