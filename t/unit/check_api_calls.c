#include "unit.h"

#include "milter/api_calls.h"
#include "milter/str.h"

#include <string.h>

static const struct {
	const char *text, *expected;
} rows[] = {
	{ "", "" },
	{ "kumo", "" },
	{ "kumo.", "" },
	{ "kumo()", "" },
	{ "kumo.on('x', f)", "1 kumo.on; " },
	{ "kumo.log_info 'x'", "1 kumo.log_info; " },
	{ "kumo.log_info [[x]]", "1 kumo.log_info; " },
	{ "kumo.milter.configure { a = 1 }", "1 kumo.milter.configure; " },
	{ "\n\nlocal x =\n kumo.dns.lookup_ptr(kumo.a.b.c(1))",
	    "4 kumo.dns.lookup_ptr; 4 kumo.a.b.c; " },
	{ "kumo . on (1)", "1 kumo.on; " },
	/* no calls */
	{ "if kumo.milter then end", "" },
	{ "local on = kumo.on\non('x', f)", "" },
	{ "-- kumo.on()\nlocal s = 'kumo.on()'", "" },
	{ "kumo.json['x'](1)", "" },
	{ "kumo:on(1)", "" },
	{ "kumo.x:on(1)", "" },
	/* of something else */
	{ "x.kumo.on(1) x:kumo.on(1) mykumo.on(1) kumo2.on(1)", "" },
	{ "kumo.a.kumo.b(1)", "1 kumo.a.kumo.b; " },
	/* the policy's own */
	{ "function kumo.mine() end kumo.mine()", "" },
	{ "kumo.mine() kumo.mine = f", "" },
	{ "kumo.mine = {} kumo.mine.f(1) kumo.mines(1)", "1 kumo.mines; " },
	{ "if kumo.mine == 1 then kumo.mine() end", "1 kumo.mine; " },
	/* a text with mistakes */
	{ "kumo.on(( kumo..on(1) kumo.on.(1) kumo.'x'", "1 kumo.on; " },
};

static void
add(void *arg, int line, const char *name)
{
	ck_assert_uint_lt(strlen(name), API_CALL_MAX);
	str_addf(arg, "%d %s; ", line, name);
}

START_TEST(row)
{
	struct str got = { 0 };

	api_calls_scan(rows[_i].text, strlen(rows[_i].text), add, &got);
	ck_assert_msg(strcmp(str_c(&got), rows[_i].expected) == 0,
	    "%s -> %s, not %s", rows[_i].text, str_c(&got), rows[_i].expected);
	str_fini(&got);
}
END_TEST

/* A name that is too long is none. */
START_TEST(long_names)
{
	struct str text = { 0 }, got = { 0 };

	for (int len = 100; len < 200; len++) {
		str_clear(&text);
		str_adds(&text, "kumo.");
		for (int i = 0; i < len; i++)
			str_addc(&text, 'x');
		str_adds(&text, "(1)");
		str_clear(&got);
		api_calls_scan(text.data, text.len, add, &got);
		ck_assert_int_eq(got.len != 0, len + 5 < API_CALL_MAX);
	}
	str_fini(&text);
	str_fini(&got);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("api_calls", &t);

	tcase_add_loop_test(t, row, 0, UNIT_N(rows));
	tcase_add_test(t, long_names);
	return s;
}

UNIT_MAIN(suite)
