#include "milter/json_text.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *in, *compact, *pretty;
} rows[] = {
	{ "null", "null", "null" },
	{ "true", "true", "true" },
	{ "false", "false", "false" },
	{ "-12", "-12", "-12" },
	{ "1.0", "1.0", "1.0" },
	{ "0.1", "0.1", "0.1" },
	{ "-2.5e-3", "-0.0025", "-0.0025" },
	{ "1e-5", "0.00001", "0.00001" },
	{ "1.25e-5", "0.0000125", "0.0000125" },
	{ "1e-6", "1e-6", "1e-6" },
	{ "1e15", "1000000000000000.0", "1000000000000000.0" },
	{ "1e16", "1e16", "1e16" },
	{ "1.5e300", "1.5e300", "1.5e300" },
	{ "100.0", "100.0", "100.0" },
	{ "123456.789", "123456.789", "123456.789" },
	{ "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u000b\\u001f\\u007f/\"",
	    "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u000b\\u001f\x7f/\"",
	    "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u000b\\u001f\x7f/\"" },
	{ "\"\\u00fc\"", "\"\xc3\xbc\"", "\"\xc3\xbc\"" },
	{ "[]", "[]", "[]" },
	{ "{}", "{}", "{}" },
	{ "[1,[2],{}]", "[1,[2],{}]", "[\n  1,\n  [\n    2\n  ],\n  {}\n]" },
	{ "{\"b\":1,\"a\":{\"x\":[]},\"ab\":null}",
	    "{\"b\":1,\"a\":{\"x\":[]},\"ab\":null}",
	    "{\n  \"a\": {\n    \"x\": []\n  },\n  \"ab\": null,\n  \"b\": 1\n"
	    "}" },
};

static void
is(const json_t *value, bool pretty, const char *expected)
{
	struct str out = { 0 };

	json_text_write(&out, value, pretty);
	ck_assert_str_eq(str_c(&out), expected);
	str_fini(&out);
}

START_TEST(row)
{
	json_t *value = json_loads(rows[_i].in, JSON_DECODE_ANY, NULL);

	ck_assert_ptr_nonnull(value);
	is(value, false, rows[_i].compact);
	is(value, true, rows[_i].pretty);
	json_decref(value);
}
END_TEST

START_TEST(bytes)
{
	json_t *value = json_stringn_nocheck("a\0\xff", 3);
	json_t *object = json_object();

	is(value, false, "[97,0,255]");
	is(value, true, "[\n  97,\n  0,\n  255\n]");
	json_object_setn_new_nocheck(object, "k\xff", 2, json_true());
	is(object, false, "{\"k\xef\xbf\xbd\":true}");
	json_decref(value);
	json_decref(object);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("json_text", &tcase);

	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	tcase_add_test(tcase, bytes);
	return s;
}

UNIT_MAIN(suite)
