#include "unit.h"

#include "milter/clock.h"
#include "milter/sqlite_pool.h"
#include "milter/xmalloc.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_SQLITE3

static char *folder, *path;

static void
setup(void)
{
	folder = xstrdup("/tmp/kumilter-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path = xasprintf("%s/db", folder);
}

static void
teardown(void)
{
	sqlite_pool_close();
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
	free(folder);
	free(path);
}

/* The only cell, "" for no row, or "!text". */
static char *
ask(const char *where, const char *sql)
{
	struct sqlite_query q = { .sql = sql, .len = strlen(sql) };
	struct sqlite_result r;
	struct err err;
	char *got;

	if (sqlite_pool_run(where, &q, clock_mono() + 60 * CLOCK_S, &r, &err) !=
	    0)
		return xasprintf("!%s", err.msg);
	got = xstrdup(r.n_rows > 0 ? r.value[0].text : "");
	sqlite_result_fini(&r);
	return got;
}

static void
expect(const char *where, const char *sql, const char *want)
{
	char *got = ask(where, sql);

	ck_assert_msg(
	    strcmp(got, want) == 0, "%s: expected %s, got %s", sql, want, got);
	free(got);
}

START_TEST(memory_is_one_database)
{
	expect(":memory:", "create table t (n)", "");
	expect(":memory:", "insert into t values (7)", "");
	expect(":memory:", "select n from t", "7");
	expect(path, "select n from t", "!no such table: t");
}
END_TEST

START_TEST(a_query_stands_alone)
{
	expect(path, "create table t (n)", "");
	expect(path, "begin", "!a transaction cannot go on in another query");
	expect(path, "commit", "!cannot commit - no transaction is active");
}
END_TEST

START_TEST(a_replaced_file_is_opened_anew)
{
	char *other = xasprintf("%s.new", path);

	expect(path, "create table t as select 1 as n", "");
	expect(path, "select n from t", "1");
	expect(other, "create table t as select 2 as n", "");
	ck_assert_int_eq(rename(other, path), 0);
	expect(path, "select n from t", "2");
	free(other);
}
END_TEST

START_TEST(failures_leave_room)
{
	for (int i = 0; i < 2 * SQLITE_POOL_MAX; i++)
		expect("/no/such/folder/db", "select 1",
		    "!/no/such/folder/db: unable to open database file");
	for (int i = 0; i < 2 * SQLITE_POOL_MAX; i++)
		expect(path, "select", "!incomplete input");
	expect(path, "select 1", "1");
}
END_TEST

#define THREADS 40
#define ROUNDS 50

static void *
add_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		free(ask(path, "update t set n = n + 1"));
		free(ask(":memory:", "update t set n = n + 1"));
		free(ask(path, "select n from t"));
	}
	return NULL;
}

START_TEST(side_by_side)
{
	pthread_t thread[THREADS];
	char want[16];

	/* no fsync for each of thousands of changes */
	expect(path, "pragma journal_mode = wal", "wal");
	for (int i = 0; i < 2; i++)
		expect(i == 0 ? path : ":memory:",
		    "create table t as select 0 as n", "");
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, add_many, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	snprintf(want, sizeof want, "%d", THREADS * ROUNDS);
	expect(path, "select n from t", want);
	expect(":memory:", "select n from t", want);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("sqlite_pool", &tcase);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, memory_is_one_database);
	tcase_add_test(tcase, a_query_stands_alone);
	tcase_add_test(tcase, a_replaced_file_is_opened_anew);
	tcase_add_test(tcase, failures_leave_room);
	tcase_add_test(tcase, side_by_side);
	return s;
}

#else

START_TEST(says_that_it_is_missing)
{
	struct sqlite_query q = { .sql = "select 1", .len = 8 };
	struct sqlite_result r;
	struct err err;

	ck_assert_int_eq(
	    sqlite_pool_run("/tmp/x", &q, clock_mono() + CLOCK_S, &r, &err), 1);
	ck_assert_str_eq(err.msg, "/tmp/x: built without SQLite");
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("sqlite_pool", &tcase);

	tcase_add_test(tcase, says_that_it_is_missing);
	return s;
}

#endif

UNIT_MAIN(suite)
