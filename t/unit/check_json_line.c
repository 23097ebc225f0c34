#include "unit.h"

#include "milter/json_line.h"

#include <math.h>
#include <string.h>

static const struct {
	const char *json, *line; /* NULL: the same */
} rows[] = {
	{ "{}", NULL },
	{ "[]", NULL },
	{ "[null,true,false,0,-1,123]", NULL },
	{ "[9223372036854775807,-9223372036854775808]", NULL },
	{ "{\"z\":1,\"a\":[{\"b\":{}}],\"\":\"\"}", NULL },
	{ "[1.5, 0.001, 0.123, 1234.0, 0.0]",
	    "[1.500,0.001,0.123,1234.000,0.000]" },
	{ "[0.0001, -1.5, 1e300, 123456789.1234567]",
	    "[0.0001,-1.5,1e300,123456789.1234567]" },
	{ "[\"a\\\"b\\\\c/\\n\\t\\u0000\\u001b\\u007f\"]",
	    "[\"a\\\"b\\\\c/\\n\\u0009\\u0000\\u001b\\u007f\"]" },
	{ "[\"\xc3\xa4\xc2\x9b\u20ac\U0001f600!\"]",
	    "[\"\\u00e4\\u009b\\u20ac\\ud83d\\ude00!\"]" },
	{ "{\"\u00e4\\\"\":1}", "{\"\\u00e4\\\"\":1}" },
};

START_TEST(lines)
{
	const char *expected =
	    rows[_i].line != NULL ? rows[_i].line : rows[_i].json;
	json_t *value = json_loads(rows[_i].json, JSON_ALLOW_NUL, NULL);
	json_t *again;
	struct str out = { 0 };

	ck_assert_ptr_nonnull(value);
	json_line_add(&out, value);
	ck_assert_str_eq(str_c(&out), expected);
	again = json_loadb(out.data, out.len, JSON_ALLOW_NUL, NULL);
	ck_assert(json_equal(value, again));
	json_decref(value);
	json_decref(again);
	str_fini(&out);
}
END_TEST

static const struct {
	const char *bytes, *line;
} odd[] = {
	{ "a\xff", "\"a\\ufffd\"" },
	{ "\xc3", "\"\\ufffd\"" },
	{ "\xe2\x82x", "\"\\ufffd\\ufffdx\"" },
	{ "\xc0\x80", "\"\\ufffd\\ufffd\"" },
	{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
	{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
	{ "\xf8\xc3\xa4", "\"\\ufffd\\u00e4\"" },
};

START_TEST(no_utf8)
{
	json_t *value = json_string_nocheck(odd[_i].bytes);
	struct str out = { 0 };

	json_line_add(&out, value);
	ck_assert_str_eq(str_c(&out), odd[_i].line);
	json_decref(value);
	str_fini(&out);
}
END_TEST

/* Whatever a number is, it reads back as it was. */
START_TEST(reals)
{
	uint64_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		json_t *value, *again;
		struct str out = { 0 };
		double d;

		seed = seed * 6364136223846793005U + 1442695040888963407U;
		if (i % 2 == 0)
			d = (double)(seed >> 30) / 1000;
		else
			memcpy(&d, &seed, sizeof d);
		if (!isfinite(d))
			continue;
		value = json_real(d);
		json_line_add(&out, value);
		again = json_loadb(out.data, out.len, JSON_DECODE_ANY, NULL);
		ck_assert_msg(again != NULL && json_number_value(again) == d,
		    "%a: %s", d, str_c(&out));
		json_decref(value);
		json_decref(again);
		str_fini(&out);
	}
}
END_TEST

static Suite *
json_line_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("json_line", &tc);

	tcase_add_loop_test(tc, lines, 0, UNIT_N(rows));
	tcase_add_loop_test(tc, no_utf8, 0, UNIT_N(odd));
	tcase_add_test(tc, reals);
	return s;
}

UNIT_MAIN(json_line_suite)
