#include "unit.h"

#include "milter/clock.h"
#include "milter/sqlite_db.h"
#include "milter/str.h"
#include "milter/xmalloc.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_SQLITE3

#include <sqlite3.h>

static char *folder, *path;
static struct sqlite_db *db;

static int64_t
soon(void)
{
	return clock_mono() + 60 * CLOCK_S;
}

static void
setup(void)
{
	struct err err;

	folder = xstrdup("/tmp/kumilter-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path = xasprintf("%s/db", folder);
	db = sqlite_db_open(path, 60 * CLOCK_S, &err);
	ck_assert_msg(db != NULL, "%s", err.msg);
}

static void
teardown(void)
{
	sqlite_db_close(db);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
	free(folder);
	free(path);
}

static int
run(const char *sql, const struct sqlite_param *param, size_t n,
    struct sqlite_result *r, struct err *err)
{
	struct sqlite_query q = {
		.sql = sql, .len = strlen(sql), .param = param, .n_params = n
	};

	return sqlite_db_run(db, &q, soon(), r, err);
}

static void
add_value(struct str *out, const struct sqlite_value *v)
{
	static const char *const types[] = { "", "int ", "real ", "" };

	if (v->type == SQLITE_IS_NULL)
		str_adds(out, "NULL");
	else
		str_addf(out, "%s%s", types[v->type], v->text);
}

/* "a=int 1,b=x;a=..." for the rows, or "!text" */
static char *
ask(const char *sql, const struct sqlite_param *param, size_t n)
{
	struct str out = { 0 };
	struct sqlite_result r;
	struct err err;

	if (run(sql, param, n, &r, &err) != 0)
		return xasprintf("!%s", err.msg);
	for (size_t i = 0; i < r.n_rows * r.n_columns; i++) {
		size_t column = i % r.n_columns;

		str_addf(&out, "%s%s=",
		    i == 0        ? ""
		    : column == 0 ? ";"
				  : ",",
		    r.column[column]);
		add_value(&out, &r.value[i]);
	}
	if (r.n_columns == 0)
		str_addf(&out, "%lld changed", (long long)r.changes);
	sqlite_result_fini(&r);
	return out.data != NULL ? out.data : xstrdup("");
}

static void
expect(const char *sql, const struct sqlite_param *param, size_t n,
    const char *want)
{
	char *got = ask(sql, param, n);

	ck_assert_msg(
	    strcmp(got, want) == 0, "%s: expected %s, got %s", sql, want, got);
	free(got);
}

#define INT(n)                                                                 \
	{                                                                      \
		.type = SQLITE_IS_INT, .i = (n)                                \
	}
#define REAL(x)                                                                \
	{                                                                      \
		.type = SQLITE_IS_REAL, .d = (x)                               \
	}
#define TEXT(s)                                                                \
	{                                                                      \
		.type = SQLITE_IS_TEXT, .text = (s), .len = sizeof(s) - 1      \
	}

static const struct {
	const char *sql, *want;
	struct sqlite_param param[4];
	size_t n;
} rows[] = {
	{ "select 1 as a, 'x' as b", "a=int 1,b=x", { { 0 } }, 0 },
	{ "select 1.5 as a, null as b", "a=real 1.5,b=NULL", { { 0 } }, 0 },
	{ "select x'610062' as a", "a=a", { { 0 } }, 0 }, /* its first bytes */
	{ "select 1 where 0", "", { { 0 } }, 0 },
	{ "select 1 as a union select 2", "a=int 1;a=int 2", { { 0 } }, 0 },
	{ "  select 1 as a ; -- and no more\n ;", "a=int 1", { { 0 } }, 0 },
	{ "select 1; select 2", "!more than one statement", { { 0 } }, 0 },
	{ "select 1; drop", "!more than one statement", { { 0 } }, 0 },
	{ "", "!a statement expected, got nothing", { { 0 } }, 0 },
	{ "-- nothing", "!a statement expected, got nothing", { { 0 } }, 0 },
	{ "selec", "!near \"selec\": syntax error", { { 0 } }, 0 },
	{ "select * from t", "!no such table: t", { { 0 } }, 0 },
	{ "select ? as a, ? as b", "a=int 7,b=x",
	    { { NULL, INT(7) }, { NULL, TEXT("x") } }, 2 },
	{ "select ?2 as a, ?1 as b", "a=x,b=int 7",
	    { { NULL, INT(7) }, { NULL, TEXT("x") } }, 2 },
	{ "select ? as a, ? as b", "a=real 0.5,b=NULL", { { NULL, REAL(0.5) } },
	    1 },
	{ "select ? as a", "!2 values for 1 placeholders",
	    { { NULL, INT(7) }, { NULL, INT(8) } }, 2 },
	{ "select 1 as a", "!1 values for 0 placeholders", { { NULL, INT(7) } },
	    1 },
	{ "select :a as a, $b as b, @c as c, :a as d",
	    "a=int 1,b=two,c=NULL,d=int 1",
	    { { "b", TEXT("two") }, { "a", INT(1) }, { "other", INT(9) } }, 3 },
	{ "select :a as a, ? as b", "a=int 1,b=two",
	    { { NULL, TEXT("two") }, { "a", INT(1) } }, 2 },
	{ "select '; drop table t' = ? as a", "a=int 1",
	    { { NULL, TEXT("; drop table t") } }, 1 },
	{ "select length(?) as a", "a=int 0", { { NULL, TEXT("") } }, 1 },
	{ "create table t (n integer, s text)", "0 changed", { { 0 } }, 0 },
	{ "select zeroblob(20000000)", "!string or blob too big", { { 0 } },
	    0 },
};

START_TEST(query_row)
{
	expect(rows[_i].sql, rows[_i].param, rows[_i].n, rows[_i].want);
	/* and once more with the statement that was kept */
	if (strncmp(rows[_i].sql, "create", 6) != 0)
		expect(rows[_i].sql, rows[_i].param, rows[_i].n, rows[_i].want);
}
END_TEST

START_TEST(changes_are_counted)
{
	expect("create table t (n integer)", NULL, 0, "0 changed");
	expect("insert into t values (1), (2), (3)", NULL, 0, "3 changed");
	expect("update t set n = n + 1 where n > 1", NULL, 0, "2 changed");
	expect("select count(*) as c from t", NULL, 0, "c=int 3");
	expect("create index i on t (n)", NULL, 0, "0 changed");
	expect("delete from t", NULL, 0, "3 changed");
}
END_TEST

/* A kept statement sees the columns that the table has now. */
START_TEST(a_table_may_change)
{
	expect("create table t (a)", NULL, 0, "0 changed");
	expect("insert into t values (1)", NULL, 0, "1 changed");
	expect("select * from t", NULL, 0, "a=int 1");
	expect("alter table t add column b default 2", NULL, 0, "0 changed");
	expect("select * from t", NULL, 0, "a=int 1,b=int 2");
}
END_TEST

/* More statements than are kept. */
START_TEST(many_statements)
{
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 100; i++) {
			char *sql = xasprintf("select %d as a", i);
			char *want = xasprintf("a=int %d", i);

			expect(sql, NULL, 0, want);
			free(sql);
			free(want);
		}
}
END_TEST

START_TEST(enough_rows)
{
	const char *sql = "with recursive c(n) as (select 1 union all select "
			  "n + 1 from c) select n from c";
	struct sqlite_query q = { .sql = sql, .len = strlen(sql), .rows = 3 };
	struct sqlite_result r;
	struct err err;

	ck_assert_int_eq(sqlite_db_run(db, &q, soon(), &r, &err), 0);
	ck_assert_int_eq(r.n_rows, 3);
	ck_assert_str_eq(r.value[2].text, "3");
	sqlite_result_fini(&r);
}
END_TEST

static const struct {
	const char *sql, *why;
} endless[] = {
	{ "with recursive c(n) as (select 1 union all select n + 1 from c) "
	  "select n from c",
	    "more than 100000 rows" },
	{ "with recursive c(n) as (select 1 union all select n + 1 from c) "
	  "select hex(zeroblob(2000000)) from c",
	    "a result of more than 16777216 bytes" },
};

START_TEST(results_are_bounded)
{
	struct sqlite_result r;
	struct err err;

	ck_assert_int_eq(run(endless[_i].sql, NULL, 0, &r, &err), -1);
	ck_assert_str_eq(err.msg, endless[_i].why);
	ck_assert_ptr_null(r.value);
	ck_assert_int_eq(r.n_rows, 0);
}
END_TEST

START_TEST(ends_at_its_deadline)
{
	const char *sql = "with recursive c(n) as (select 1 union all select "
			  "n + 1 from c) select count(*) from c";
	struct sqlite_query q = { .sql = sql, .len = strlen(sql) };
	struct sqlite_result r;
	struct err err;
	int64_t deadline = clock_mono() + 20 * CLOCK_MS;

	ck_assert_int_eq(sqlite_db_run(db, &q, deadline, &r, &err), -1);
	ck_assert_str_eq(err.msg, "the query took too long");
	ck_assert(clock_mono() >= deadline);
	/* the connection is as good as new */
	expect("select 1 as a", NULL, 0, "a=int 1");
}
END_TEST

/* Another connection has the lock and keeps it. */
static sqlite3 *
hold_lock(void)
{
	sqlite3 *other;

	expect("create table t (n integer)", NULL, 0, "0 changed");
	ck_assert_int_eq(sqlite3_open(path, &other), SQLITE_OK);
	ck_assert_int_eq(
	    sqlite3_exec(other, "begin exclusive", NULL, NULL, NULL),
	    SQLITE_OK);
	return other;
}

START_TEST(waits_for_a_lock_until_its_deadline)
{
	const char *sql = "insert into t values (1)";
	struct sqlite_query q = { .sql = sql, .len = strlen(sql) };
	struct sqlite_result r;
	struct err err;
	sqlite3 *other = hold_lock();
	int64_t deadline = clock_mono() + 30 * CLOCK_MS;

	ck_assert_int_eq(sqlite_db_run(db, &q, deadline, &r, &err), -1);
	ck_assert_str_eq(err.msg, "database is locked");
	ck_assert(clock_mono() >= deadline);
	sqlite3_close(other);
	expect(sql, NULL, 0, "1 changed");
}
END_TEST

START_TEST(waits_for_a_lock_as_long_as_told)
{
	sqlite3 *other = hold_lock();
	struct err err;

	sqlite_db_close(db);
	db = sqlite_db_open(path, 10 * CLOCK_MS, &err);
	expect("select * from t", NULL, 0, "!database is locked");
	sqlite3_close(other);
}
END_TEST

START_TEST(a_deadline_that_is_past)
{
	struct sqlite_query q = { .sql = "select 1", .len = 8 };
	struct sqlite_result r;
	struct err err;

	ck_assert_int_eq(sqlite_db_run(db, &q, clock_mono() - 1, &r, &err), -1);
	ck_assert_str_eq(err.msg, "the query took too long");
}
END_TEST

START_TEST(transactions)
{
	ck_assert(!sqlite_db_roll_back(db));
	expect("create table t (n integer)", NULL, 0, "0 changed");
	expect("begin", NULL, 0, "0 changed");
	expect("insert into t values (1)", NULL, 0, "1 changed");
	ck_assert(sqlite_db_roll_back(db));
	expect("select * from t", NULL, 0, "");
}
END_TEST

START_TEST(notices_another_file)
{
	char *other = xasprintf("%s.new", path);
	struct sqlite_db *next;
	struct err err;

	expect("create table t (n integer)", NULL, 0, "0 changed");
	ck_assert(sqlite_db_is_current(db));
	next = sqlite_db_open(other, 0, &err);
	ck_assert_ptr_nonnull(next);
	sqlite_db_close(next);
	ck_assert_int_eq(rename(other, path), 0);
	ck_assert(!sqlite_db_is_current(db));
	free(other);
}
END_TEST

START_TEST(bad_paths)
{
	struct err err;

	ck_assert_ptr_null(sqlite_db_open("/no/such/folder/db", 0, &err));
	ck_assert_str_eq(
	    err.msg, "/no/such/folder/db: unable to open database file");
}
END_TEST

START_TEST(too_long_a_statement)
{
	char *sql = xcalloc(1, (1 << 20) + 8);
	struct err err;
	struct sqlite_result r;

	memset(sql, ' ', 1 << 20);
	ck_assert_int_eq(run(sql, NULL, 0, &r, &err), -1);
	ck_assert_str_eq(err.msg, "a statement of 1048576 bytes is too long");
	free(sql);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("sqlite_db", &tcase);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, query_row, 0, UNIT_N(rows));
	tcase_add_test(tcase, changes_are_counted);
	tcase_add_test(tcase, a_table_may_change);
	tcase_add_test(tcase, many_statements);
	tcase_add_test(tcase, enough_rows);
	tcase_add_loop_test(tcase, results_are_bounded, 0, UNIT_N(endless));
	tcase_add_test(tcase, ends_at_its_deadline);
	tcase_add_test(tcase, waits_for_a_lock_until_its_deadline);
	tcase_add_test(tcase, waits_for_a_lock_as_long_as_told);
	tcase_add_test(tcase, a_deadline_that_is_past);
	tcase_add_test(tcase, transactions);
	tcase_add_test(tcase, notices_another_file);
	tcase_add_test(tcase, bad_paths);
	tcase_add_test(tcase, too_long_a_statement);
	return s;
}

#else

START_TEST(says_that_it_is_missing)
{
	struct err err;

	ck_assert_ptr_null(sqlite_db_open("/tmp/x", 0, &err));
	ck_assert_str_eq(err.msg, "/tmp/x: built without SQLite");
	sqlite_db_close(NULL);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("sqlite_db", &tcase);

	tcase_add_test(tcase, says_that_it_is_missing);
	return s;
}

#endif

UNIT_MAIN(suite)
