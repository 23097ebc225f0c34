#include "unit.h"

#include "milter/clock.h"
#include "milter/sqlite_conn.h"
#include "milter/xmalloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_SQLITE3

#define ENDLESS                                                                \
	"with recursive c(n) as (select 1 union all select n + 1 from c) "     \
	"select count(*) from c"

static struct sqlite_conn *conn;

static void
setup(void)
{
	struct err err;

	conn = sqlite_conn_new();
	ck_assert_ptr_nonnull(conn);
	ck_assert_int_eq(sqlite_conn_open(conn, ":memory:", 0, &err), 0);
}

static void
teardown(void)
{
	sqlite_conn_free(conn);
}

/* NULL, or why it failed; the caller frees that. */
static char *
run(const char *sql, int64_t deadline)
{
	struct sqlite_query q = { .sql = sql, .len = strlen(sql) };
	struct sqlite_result r;
	struct err err;

	if (sqlite_conn_run(conn, &q, deadline, &r, &err) != 0)
		return xstrdup(err.msg);
	sqlite_result_fini(&r);
	return NULL;
}

static void
fails(const char *sql, int64_t deadline, const char *why)
{
	char *got = run(sql, deadline);

	ck_assert_str_eq(got, why);
	free(got);
}

static int64_t
soon(void)
{
	return clock_mono() + 60 * CLOCK_S;
}

static void *
run_endless(void *arg)
{
	*(char **)arg = run(ENDLESS, clock_mono() + CLOCK_S);
	return NULL;
}

/* Until the other thread is in the middle of its query. */
static void
wait_for_busy(void)
{
	char *why;

	while ((why = run("select 1", clock_mono() - 1)) == NULL ||
	       strcmp(why, "the connection is in use") != 0) {
		free(why);
		clock_sleep_until(clock_mono() + CLOCK_MS);
	}
	free(why);
}

START_TEST(a_transaction_goes_on)
{
	ck_assert_ptr_null(run("create table t (n)", soon()));
	ck_assert_ptr_null(run("begin", soon()));
	ck_assert_ptr_null(run("insert into t values (1)", soon()));
	ck_assert_ptr_null(run("commit", soon()));
}
END_TEST

START_TEST(one_after_the_other)
{
	pthread_t thread;
	char *late;

	pthread_create(&thread, NULL, run_endless, &late);
	wait_for_busy();
	fails("select 1", clock_mono() + 10 * CLOCK_MS,
	    "the connection is in use");
	ck_assert_ptr_null(run("select 1", soon()));
	pthread_join(thread, NULL);
	ck_assert_str_eq(late, "the query took too long");
	free(late);
}
END_TEST

START_TEST(closed_in_the_middle)
{
	pthread_t thread;
	char *late;

	pthread_create(&thread, NULL, run_endless, &late);
	wait_for_busy();
	sqlite_conn_close(conn);
	sqlite_conn_close(conn);
	fails("select 1", soon(), "connection was closed");
	pthread_join(thread, NULL);
	ck_assert_str_eq(late, "the query took too long");
	free(late);
	fails("select 1", soon(), "connection was closed");
}
END_TEST

START_TEST(not_open)
{
	struct err err;

	sqlite_conn_free(conn);
	conn = sqlite_conn_new();
	fails("select 1", soon(), "connection was closed");
	ck_assert_int_eq(
	    sqlite_conn_open(conn, "/no/such/folder/db", 0, &err), -1);
	fails("select 1", soon(), "connection was closed");
	sqlite_conn_free(NULL);
}
END_TEST

START_TEST(they_are_counted)
{
	struct sqlite_conn *many[SQLITE_CONN_MAX];
	int n = 0;

	while ((many[n] = sqlite_conn_new()) != NULL)
		n++;
	ck_assert_int_eq(n, SQLITE_CONN_MAX - 1);
	sqlite_conn_free(many[--n]);
	many[n] = sqlite_conn_new();
	ck_assert_ptr_nonnull(many[n++]);
	while (n > 0)
		sqlite_conn_free(many[--n]);
}
END_TEST

#endif

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("sqlite_conn", &tcase);

#ifdef HAVE_SQLITE3
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_transaction_goes_on);
	tcase_add_test(tcase, one_after_the_other);
	tcase_add_test(tcase, closed_in_the_middle);
	tcase_add_test(tcase, not_open);
	tcase_add_test(tcase, they_are_counted);
#endif
	return s;
}

UNIT_MAIN(suite)
