#include "unit.h"

#include "milter/redis_reply.h"
#include "milter/redis_slots.h"
#include "milter/str.h"
#include "milter/xmalloc.h"

#include <string.h>

static void
show(struct str *out, const struct redis_value *v)
{
	if (v == NULL || v->kind == REDIS_NIL) {
		str_adds(out, "nil");
		return;
	}
	switch (v->kind) {
	case REDIS_INT:
		str_addf(out, "%lld", (long long)v->i);
		break;
	case REDIS_REAL:
		str_addf(out, "%g", v->d);
		break;
	case REDIS_BOOL:
		str_adds(out, v->i != 0 ? "true" : "false");
		break;
	case REDIS_TEXT:
		str_addf(out, "'%s'%zu", v->text, v->len);
		break;
	case REDIS_STATUS:
		str_addf(out, "+%s", v->text);
		break;
	case REDIS_ERROR:
		str_addf(out, "-%s", v->text);
		break;
	default:
		str_addc(out, v->kind == REDIS_MAP ? '{' : '[');
		for (size_t i = 0; i < v->len; i++) {
			str_adds(out, i > 0 ? " " : "");
			show(out, v->item[i]);
		}
		str_addc(out, v->kind == REDIS_MAP ? '}' : ']');
	}
}

/* What is read of these bytes, `step` at a time: values, or "!error". */
static void
read_all(struct str *out, const char *bytes, size_t len, size_t step)
{
	struct redis_reader *r = redis_reader_new();
	struct redis_value *v;
	struct err err;
	int rc = 0;

	for (size_t i = 0; i < len && rc >= 0; i += step) {
		rc = redis_reader_feed(
		    r, bytes + i, step < len - i ? step : len - i, &err);
		while (rc >= 0 && (rc = redis_reader_take(r, &v, &err)) > 0) {
			show(out, v);
			str_addc(out, ' ');
			redis_value_free(v);
		}
	}
	if (rc < 0)
		str_addf(out, "!%s", err.msg);
	else if (!redis_reader_is_idle(r))
		str_adds(out, "...");
	redis_reader_free(r);
}

#ifdef HAVE_HIREDIS

#define DEEP "*1\r\n*1\r\n*1\r\n*1\r\n"

static const struct {
	const char *bytes, *expected;
} rows[] = {
	{ "+OK\r\n", "+OK " },
	{ ":17\r\n:-9223372036854775808\r\n", "17 -9223372036854775808 " },
	{ "$3\r\na\r\n\r\n", "'a\r\n'3 " },
	{ "$0\r\n\r\n$-1\r\n", "''0 nil " },
	{ "-ERR no\r\n", "-ERR no " },
	{ "*0\r\n*-1\r\n", "[] nil " },
	{ "*3\r\n:1\r\n*2\r\n+a\r\n$-1\r\n-E x\r\n", "[1 [+a nil] -E x] " },
	{ "+half", "..." },
	{ "*2\r\n:1\r\n", "..." },
	{ "$5\r\nabc", "..." },
	{ "x\r\n", "!Protocol error" },
	{ "*300000\r\n", "!too many values in a reply" },
	{ "*2000000000\r\n", "!" },
	{ "*-2\r\n", "!" },
	{ "*99999999999999999999\r\n", "!" },
	{ "$-2\r\n", "!" },
	{ DEEP DEEP DEEP DEEP "*1\r\n:1\r\n", "!" },
};

START_TEST(reply_row)
{
	const char *expected = rows[_i].expected;
	size_t steps[] = { 1, 3, 1000 };

	for (size_t i = 0; i < UNIT_N(steps); i++) {
		struct str got = { 0 };

		read_all(
		    &got, rows[_i].bytes, strlen(rows[_i].bytes), steps[i]);
		if (expected[0] == '!')
			ck_assert_msg(strstr(str_c(&got), expected) != NULL,
			    "%s: %s", rows[_i].bytes, str_c(&got));
		else
			ck_assert_msg(strcmp(str_c(&got), expected) == 0,
			    "%s: %s", rows[_i].bytes, str_c(&got));
		str_fini(&got);
	}
}
END_TEST

START_TEST(many_small_lists_are_too_many)
{
	struct str bytes = { 0 }, got = { 0 };

	str_adds(&bytes, "*262143\r\n");
	for (int i = 0; i < 262143; i++)
		str_adds(&bytes, "*1\r\n:1\r\n");
	read_all(&got, bytes.data, bytes.len, 65536);
	ck_assert_str_eq(str_c(&got), "!too many values in a reply");
	str_fini(&got);
	str_fini(&bytes);
}
END_TEST

START_TEST(a_long_string_is_too_long)
{
	char *zeros = xcalloc(1, 1 << 20);
	struct redis_reader *r = redis_reader_new();
	struct redis_value *v;
	struct err err;
	int rc = redis_reader_feed(r, "$500000000\r\n", 12, &err), fed = 0;

	for (; rc == 0 && fed < 100; fed++) {
		ck_assert_int_eq(redis_reader_take(r, &v, &err), 0);
		rc = redis_reader_feed(r, zeros, 1 << 20, &err);
	}
	ck_assert_int_eq(rc, -1);
	ck_assert_str_eq(err.msg, "a reply of more than 16 MiB");
	ck_assert_int_lt(fed, 20);
	redis_reader_free(r);
	/* the bound is one reply's, not the connection's */
	r = redis_reader_new();
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(
		    redis_reader_feed(r, "$1048576\r\n", 10, &err), 0);
		ck_assert_int_eq(redis_reader_feed(r, zeros, 1 << 20, &err), 0);
		ck_assert_int_eq(redis_reader_feed(r, "\r\n", 2, &err), 0);
		ck_assert_int_eq(redis_reader_take(r, &v, &err), 1);
		ck_assert_uint_eq(v->len, 1 << 20);
		redis_value_free(v);
	}
	redis_reader_free(r);
	free(zeros);
}
END_TEST

START_TEST(an_error_is_found_anywhere)
{
	struct redis_reader *r = redis_reader_new();
	struct redis_value *v;
	const char *bytes = "*2\r\n*-1\r\n*2\r\n:1\r\n-ERR in\r\n";

	ck_assert_int_eq(redis_reader_feed(r, bytes, strlen(bytes), NULL), 0);
	ck_assert_int_eq(redis_reader_take(r, &v, NULL), 1);
	ck_assert_str_eq(redis_value_error(v)->text, "ERR in");
	ck_assert(redis_value_is(redis_value_error(v), "ERR in"));
	ck_assert_ptr_null(redis_value_at(v, 2));
	ck_assert_ptr_null(redis_value_at(NULL, 0));
	ck_assert_ptr_null(redis_value_error(redis_value_at(v, 0)));
	redis_value_free(v);
	redis_reader_free(r);
}
END_TEST

/* ---- slots -------------------------------------------------------------- */

static struct redis_value *
read_one(const char *bytes)
{
	struct redis_reader *r = redis_reader_new();
	struct redis_value *v;

	must(redis_reader_feed(r, bytes, strlen(bytes), NULL) == 0);
	must(redis_reader_take(r, &v, NULL) == 1);
	redis_reader_free(r);
	return v;
}

static const struct {
	const char *error, *expected; /* "" : none */
} redirects[] = {
	{ "-MOVED 3999 192.0.2.1:6381\r\n", "1 3999 192.0.2.1 6381" },
	{ "-ASK 0 h:1\r\n", "2 0 h 1" },
	{ "-MOVED 1 :6381\r\n", "1 1 asked 6381" },
	{ "-MOVED 1 ?:6381\r\n", "1 1 asked 6381" },
	{ "-MOVED 1 ::1:6381\r\n", "1 1 ::1 6381" },
	{ "-TRYAGAIN x\r\n", "3 0  0" },
	{ "-CLUSTERDOWN x\r\n", "3 0  0" },
	{ "-MOVED 16384 h:1\r\n", "0 0  0" },
	{ "-MOVED -1 h:1\r\n", "0 0  0" },
	{ "-MOVED h:1\r\n", "0 0  0" },
	{ "-MOVED \r\n", "0 0  0" },
	{ "-MOVED 1 \r\n", "0 0  0" },
	{ "-MOVED 1 h:0\r\n", "0 0  0" },
	{ "-MOVED 1 h:x\r\n", "0 0  0" },
	{ "-ERR x\r\n", "0 0  0" },
	{ "+MOVED 1 h:1\r\n", "0 0  0" },
};

START_TEST(redirect_row)
{
	struct redis_value *v = read_one(redirects[_i].error);
	struct redis_redirect r = redis_redirect_of(v, "asked");
	char *got;

	if (r.kind == REDIRECT_NONE)
		r = (struct redis_redirect){ .kind = REDIRECT_NONE };
	got = xasprintf("%d %d %s %d", r.kind, r.slot, r.host, r.port);
	ck_assert_msg(strcmp(got, redirects[_i].expected) == 0, "%s: %s",
	    redirects[_i].error, got);
	free(got);
	redis_value_free(v);
}
END_TEST

START_TEST(table_of_slots)
{
	struct redis_slots *s = xmalloc(sizeof *s);
	struct redis_value *v = read_one(
	    "*2\r\n"
	    "*4\r\n:0\r\n:99\r\n"
	    "*2\r\n$1\r\na\r\n:1\r\n*2\r\n$1\r\nb\r\n:2\r\n"
	    "*3\r\n:200\r\n:16383\r\n*3\r\n$0\r\n\r\n:3\r\n$2\r\nid\r\n");
	struct err err;

	redis_slots_init(s);
	ck_assert_int_eq(redis_slots_member(s, "asked", 3), 0);
	ck_assert_int_eq(redis_slots_read(s, v, "asked", &err), 0);
	redis_value_free(v);
	ck_assert_int_eq(s->n, 3);
	ck_assert_str_eq(s->member[s->primary[0]].host, "a");
	ck_assert_str_eq(s->member[s->replica[99]].host, "b");
	ck_assert_int_eq(s->primary[100], -1);
	ck_assert_int_eq(s->primary[16383], 0);
	ck_assert_int_eq(s->replica[16383], -1);
	/* what is no table changes nothing */
	v = read_one("*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\nz\r\n:1\r\n");
	ck_assert_int_eq(redis_slots_read(s, v, "asked", &err), -1);
	redis_value_free(v);
	v = read_one("-ERR This instance has cluster support disabled\r\n");
	ck_assert_int_eq(redis_slots_read(s, v, "asked", &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "support disabled"));
	redis_value_free(v);
	v = read_one(":7\r\n");
	ck_assert_int_eq(redis_slots_read(s, v, "asked", &err), -1);
	redis_value_free(v);
	ck_assert_int_eq(s->primary[16383], 0);
	for (int i = 3; i < REDIS_MEMBERS_MAX; i++)
		ck_assert_int_eq(redis_slots_member(s, "m", i), i);
	ck_assert_int_eq(redis_slots_member(s, "m", 60000), -1);
	ck_assert_int_eq(redis_slots_member(s, "", 1), -1);
	free(s);
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_loop_test(t, reply_row, 0, UNIT_N(rows));
	tcase_add_test(t, many_small_lists_are_too_many);
	tcase_add_test(t, a_long_string_is_too_long);
	tcase_add_test(t, an_error_is_found_anywhere);
	tcase_add_loop_test(t, redirect_row, 0, UNIT_N(redirects));
	tcase_add_test(t, table_of_slots);
}

#else

START_TEST(says_that_it_is_missing)
{
	ck_assert(!redis_is_built());
	ck_assert_ptr_null(redis_reader_new());
}
END_TEST

static void
add_tests(TCase *t)
{
	(void)read_all;
	tcase_add_test(t, says_that_it_is_missing);
}

#endif

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("redis_reply", &t);

	tcase_set_timeout(t, 60);
	add_tests(t);
	return s;
}

UNIT_MAIN(suite)
