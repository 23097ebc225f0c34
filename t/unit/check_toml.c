#include "milter/json_text.h"
#include "milter/toml.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define DATE(text) "{\"" TOML_DATETIME "\":\"" text "\"}"
#define FLOAT(text) "{\"" TOML_FLOAT "\":\"" text "\"}"
#define LONG "\"\"\""

/* A document and what it says; NULL: it is none. */
static const struct {
	const char *toml, *json;
} rows[] = {
	/* lines */
	{ "", "{}" },
	{ "# nothing\n\n \t\r\n", "{}" },
	{ "a=1", "{\"a\":1}" },
	{ "a = 1 # one\nb = 2\r\n", "{\"a\":1,\"b\":2}" },
	{ "\xef\xbb\xbf"
	  "a = 1",
	    "{\"a\":1}" },
	{ "a = 1 b = 2", NULL },
	{ "a = 1\rb = 2", NULL },
	{ "a = 1 # \x01", NULL },
	{ "a = 1 # \x7f", NULL },
	{ "a = 1 # \rx", NULL },
	{ "# \xff", NULL },
	{ "a", NULL },
	{ "a =", NULL },
	{ "a = # one", NULL },
	{ "a =\n1", NULL },
	{ "= 1", NULL },
	/* keys */
	{ "1-_A = 1", "{\"1-_A\":1}" },
	{ "\"a b\" = 1\n'c\"d' = 2\n\"\" = 3",
	    "{\"a b\":1,\"c\\\"d\":2,\"\":3}" },
	{ "\"\\u00fc\" = 1", "{\"\xc3\xbc\":1}" },
	{ "a . b.\"c.d\" = 1", "{\"a\":{\"b\":{\"c.d\":1}}}" },
	{ "a.b = 1\na.c = 2", "{\"a\":{\"b\":1,\"c\":2}}" },
	{ "3.14 = 1", "{\"3\":{\"14\":1}}" },
	{ "\xc3\xbc = 1", NULL },
	{ "a b = 1", NULL },
	{ "a..b = 1", NULL },
	{ ".a = 1", NULL },
	{ "a. = 1", NULL },
	{ LONG "a" LONG " = 1", NULL },
	{ "\"a\nb\" = 1", NULL },
	{ "a = 1\na = 2", NULL },
	{ "a = 1\n\"a\" = 2", NULL },
	{ "a = 1\na.b = 2", NULL },
	{ "a.b = 1\na = 2", NULL },
	/* strings */
	{ "a = \"x\\b\\t\\n\\f\\r\\\"\\\\\\u00E9\\U0001F389\"",
	    "{\"a\":\"x\\b\\t\\n\\f\\r\\\"\\\\\xc3\xa9\xf0\x9f\x8e\x89\"}" },
	{ "a = \"\"\nb = ''", "{\"a\":\"\",\"b\":\"\"}" },
	{ "a = 'C:\\x\\n\"'", "{\"a\":\"C:\\\\x\\\\n\\\"\"}" },
	{ "a = \"tab\there\"", "{\"a\":\"tab\\there\"}" },
	{ "a = " LONG "\nx\n y" LONG, "{\"a\":\"x\\n y\"}" },
	{ "a = " LONG "x \\  \n\n   y\\\r\n z" LONG, "{\"a\":\"x yz\"}" },
	{ "a = " LONG "\"x\"\"y\"\"" LONG,
	    "{\"a\":\"\\\"x\\\"\\\"y\\\"\\\"\"}" },
	{ "a = " LONG LONG, "{\"a\":\"\"}" },
	{ "a = '''\r\nx\\y\n''z''''", "{\"a\":\"x\\\\y\\n''z'\"}" },
	{ "a = \"x", NULL },
	{ "a = 'x", NULL },
	{ "a = " LONG "x\"\"", NULL },
	{ "a = '''x''", NULL },
	{ "a = " LONG "x" LONG LONG, NULL },
	{ "a = \"\\e\"", NULL },
	{ "a = \"\\x41\"", NULL },
	{ "a = \"\\u00g0\"", NULL },
	{ "a = \"\\u123\"", NULL },
	{ "a = \"\\ud800\"", NULL },
	{ "a = \"\\U00110000\"", NULL },
	{ "a = \"x\\\ny\"", NULL },
	{ "a = " LONG "x \\ y" LONG, NULL },
	{ "a = \"\x01\"", NULL },
	{ "a = '\x7f'", NULL },
	{ "a = '''\x0b'''", NULL },
	{ "a = '''x\ry'''", NULL },
	{ "a = \"x\" y", NULL },
	{ "a = x", NULL },
	/* integers */
	{ "a = [+99, 42, 0, -17, +0, -0]", "{\"a\":[99,42,0,-17,0,0]}" },
	{ "a = [1_000, 5_3_4]", "{\"a\":[1000,534]}" },
	{ "a = [0xDEAD_beef, 0o7_55, 0b1101, 0x0, 0b00]",
	    "{\"a\":[3735928559,493,13,0,0]}" },
	{ "a = 9223372036854775807\nb = -9223372036854775808",
	    "{\"a\":9223372036854775807,\"b\":-9223372036854775808}" },
	{ "a = 9223372036854775808", NULL },
	{ "a = 0x8000000000000000", NULL },
	{ "a = 01", NULL },
	{ "a = -01", NULL },
	{ "a = +", NULL },
	{ "a = 1__0", NULL },
	{ "a = _1", NULL },
	{ "a = 1_", NULL },
	{ "a = 0x_1", NULL },
	{ "a = 0x", NULL },
	{ "a = 0b2", NULL },
	{ "a = 0o8", NULL },
	{ "a = 0X1", NULL },
	{ "a = +0x1", NULL },
	{ "a = ++1", NULL },
	{ "a = 1x", NULL },
	/* floats */
	{ "a = [+1.0, 3.1415, -0.01, 5e+22, 1e06, -2E-2, 6.626e-34]",
	    "{\"a\":[1.0,3.1415,-0.01,5e22,1000000.0,-0.02,6.626e-34]}" },
	{ "a = [224_617.445_991, 0e0, 1_0e1_0]",
	    "{\"a\":[224617.445991,0.0,100000000000.0]}" },
	{ "a = inf\nb = -inf\nc = +nan",
	    "{\"a\":" FLOAT("inf") ",\"b\":" FLOAT("-inf") ",\"c\":" FLOAT(
		"+nan") "}" },
	{ "a = .7", NULL },
	{ "a = 7.", NULL },
	{ "a = 3.e+20", NULL },
	{ "a = 1e", NULL },
	{ "a = 1._0", NULL },
	{ "a = 1_.0", NULL },
	{ "a = 1e_1", NULL },
	{ "a = 01.5", NULL },
	{ "a = 1.2.3", NULL },
	{ "a = 1e1.5", NULL },
	{ "a = Inf", NULL },
	{ "a = infinity", NULL },
	/* booleans */
	{ "a = true\nb = false", "{\"a\":true,\"b\":false}" },
	{ "a = True", NULL },
	{ "a = truer", NULL },
	/* dates */
	{ "a = 1979-05-27T07:32:00Z",
	    "{\"a\":" DATE("1979-05-27T07:32:00Z") "}" },
	{ "a = 1979-05-27 00:32:00.999999-07:00",
	    "{\"a\":" DATE("1979-05-27 00:32:00.999999-07:00") "}" },
	{ "a = 1979-05-27t07:32:00",
	    "{\"a\":" DATE("1979-05-27t07:32:00") "}" },
	{ "a = 1979-05-27 # day", "{\"a\":" DATE("1979-05-27") "}" },
	{ "a = [07:32:00,00:00:00.5]",
	    "{\"a\":[" DATE("07:32:00") "," DATE("00:00:00.5") "]}" },
	{ "a = 2024-02-29", "{\"a\":" DATE("2024-02-29") "}" },
	{ "a = 2023-02-29", NULL },
	{ "a = 1979-5-27", NULL },
	{ "a = 1979-13-01", NULL },
	{ "a = 1979-05-27T24:00:00Z", NULL },
	{ "a = 1979-05-27T07:60:00Z", NULL },
	{ "a = 1979-05-27T07:32Z", NULL },
	{ "a = 1979-05-27 07:32", NULL },
	{ "a = 1979-05-27T07:32:00+25:00", NULL },
	{ "a = 1979-05-27T07:32:00.Z", NULL },
	{ "a = 1979-05-27T", NULL },
	{ "a = 07:32:00Z", NULL },
	{ "a = 7:32:00", NULL },
	/* arrays */
	{ "a = []", "{\"a\":[]}" },
	{ "a = [ 1, \"b\", [2.5, [ ] ], { c = 3 } ]",
	    "{\"a\":[1,\"b\",[2.5,[]],{\"c\":3}]}" },
	{ "a = [ # one\n1 # two\n, # three\r\n 2,\n]", "{\"a\":[1,2]}" },
	{ "a = [,]", NULL },
	{ "a = [1,,2]", NULL },
	{ "a = [1 2]", NULL },
	{ "a = [1", NULL },
	{ "a = [1]]", NULL },
	{ "a = [1}", NULL },
	/* inline tables */
	{ "a = {}", "{\"a\":{}}" },
	{ "a = { b = 1, c.d = [\n], \"e f\" = {} }",
	    "{\"a\":{\"b\":1,\"c\":{\"d\":[]},\"e f\":{}}}" },
	{ "a = { b = 1, }", NULL },
	{ "a = { b = 1\n}", NULL },
	{ "a = { b = 1 c = 2 }", NULL },
	{ "a = { b = 1, b = 2 }", NULL },
	{ "a = { b.c = 1, b = 2 }", NULL },
	{ "a = { b = {}, b.c = 2 }", NULL },
	{ "a = { b", NULL },
	{ "a = {}\na.b = 1", NULL },
	{ "a = {}\n[a]", NULL },
	{ "a = {}\n[a.b]", NULL },
	{ "a = { b.c = 1 }\na.b.d = 2", NULL },
	/* tables */
	{ "[a]\nb = 1\n[c]\nb = 2", "{\"a\":{\"b\":1},\"c\":{\"b\":2}}" },
	{ "[ a . \"b.c\" ] # x\nd = 1", "{\"a\":{\"b.c\":{\"d\":1}}}" },
	{ "[a.b.c]\n[a]\nd = 1", "{\"a\":{\"b\":{\"c\":{}},\"d\":1}}" },
	{ "[a.b]\n[a]\n[a.c]", "{\"a\":{\"b\":{},\"c\":{}}}" },
	{ "[f]\na.c = 1\na.t.s = 2\n[f.a.x]\ny = 3",
	    "{\"f\":{\"a\":{\"c\":1,\"t\":{\"s\":2},\"x\":{\"y\":3}}}}" },
	{ "[a]\n[a]", NULL },
	{ "[a]\nb = 1\n[a.b]", NULL },
	{ "[f]\na.c = 1\n[f.a]", NULL },
	{ "[f]\na.t.s = 1\n[f.a.t]", NULL },
	{ "[a.b.c]\nz = 9\n[a]\nb.c.t = 1", NULL },
	{ "[a.b.c.d]\nz = 9\n[a]\nb.c.d.k.t = 1", NULL },
	{ "[a.b]\n[a]\nb = 1", NULL },
	{ "a.b = 1\n[a]", NULL },
	{ "a = 1\n[a]", NULL },
	{ "a = 1\n[a.b]", NULL },
	{ "[]", NULL },
	{ "[a.]", NULL },
	{ "[a..b]", NULL },
	{ "[a", NULL },
	{ "[a]]", NULL },
	{ "[a] b = 1", NULL },
	{ "[a b]", NULL },
	{ "[a\n]", NULL },
	/* arrays of tables */
	{ "[[a]]\nb = 1\n[[a]]\n[[a]]\nb = 2",
	    "{\"a\":[{\"b\":1},{},{\"b\":2}]}" },
	{ "[[f]]\nn = 1\n[f.p]\nx = 2\n[[f.v]]\ny = 3\n[[f.v]]\n[[f]]\n"
	  "[[f.v]]\nz = 4",
	    "{\"f\":[{\"n\":1,\"p\":{\"x\":2},\"v\":[{\"y\":3},{}]},"
	    "{\"v\":[{\"z\":4}]}]}" },
	{ "[[a.b]]\n[a]\nc = 1", "{\"a\":{\"b\":[{}],\"c\":1}}" },
	{ "a = []\n[[a]]", NULL },
	{ "a = [{}]\n[a.b]", NULL },
	{ "[a]\n[[a]]", NULL },
	{ "[[a]]\n[a]", NULL },
	{ "[[a]]\nb = 1\n[a.b]", NULL },
	{ "[a.b]\n[[a]]", NULL },
	{ "[[a]]\n[a.b]\n[[a.b]]", NULL },
	{ "[[a]]\n[[a.b]]\n[a.b]", NULL },
	{ "[[a]", NULL },
	{ "[[a] ]", NULL },
	{ "[ [a]]", NULL },
	{ "[[]]", NULL },
	{ "[[a]]\n[b]\na.c = 1\n[a]", NULL },
};

static json_t *
read_toml(const char *text, struct err *err)
{
	bool has_float;

	return toml_read(text, strlen(text), &has_float, err);
}

START_TEST(row)
{
	struct err err = { "" };
	struct str out = { 0 };
	json_t *value = read_toml(rows[_i].toml, &err);

	if (value != NULL)
		json_text_write(&out, value, false);
	if (rows[_i].json == NULL)
		ck_assert_msg(value == NULL && err.msg[0] != '\0',
		    "row %d: %s\n%s", _i, rows[_i].toml, str_c(&out));
	else
		ck_assert_msg(strcmp(str_c(&out), rows[_i].json) == 0,
		    "row %d: %s\n%s%s", _i, rows[_i].toml, str_c(&out),
		    err.msg);
	str_fini(&out);
	json_decref(value);
}
END_TEST

START_TEST(errors_name_the_place)
{
	struct err err = { "" };

	ck_assert_ptr_null(read_toml("a = 1\n\nb = 2x\n", &err));
	ck_assert_str_eq(
	    err.msg, "TOML parse error at line 3, column 5: no TOML value");
	ck_assert_ptr_null(read_toml("[a]\n[a]\n", &err));
	ck_assert_ptr_nonnull(strstr(err.msg, "line 2"));
}
END_TEST

START_TEST(nul)
{
	bool has_float;

	ck_assert_ptr_null(toml_read("a = 1\0", 6, &has_float, NULL));
	ck_assert_ptr_null(toml_read("\0", 1, &has_float, NULL));
}
END_TEST

/* n times before, n times behind. */
static char *
nested(const char *before, const char *middle, const char *behind, int n)
{
	struct str out = { 0 };

	str_adds(&out, "a = ");
	for (int i = 0; i < n; i++)
		str_adds(&out, before);
	str_adds(&out, middle);
	for (int i = 0; i < n; i++)
		str_adds(&out, behind);
	return str_take(&out);
}

START_TEST(depth)
{
	static const struct {
		const char *before, *behind;
		int most;
	} forms[] = {
		{ "[", "]", 100 },
		{ "{a=", "}", 100 },
		{ "{a.a.a.a=", "}", 25 },
	};

	for (size_t i = 0; i < UNIT_N(forms); i++)
		for (int n = forms[i].most / 2; n < 200000; n *= 10) {
			char *text =
			    nested(forms[i].before, "1", forms[i].behind, n);
			json_t *value = read_toml(text, NULL);

			ck_assert_int_eq(value != NULL, n <= forms[i].most);
			json_decref(value);
			free(text);
		}
}
END_TEST

/* Many tables, each with a flag of its own. */
START_TEST(many_tables)
{
	struct str text = { 0 };
	json_t *value;

	for (int i = 0; i < 20000; i++)
		str_addf(&text, "[t%d.u]\nk.l = {}\n", i);
	value = read_toml(str_c(&text), NULL);
	ck_assert_uint_eq(json_object_size(value), 20000);
	json_decref(value);
	str_adds(&text, "[t77.u.k]\n");
	ck_assert_ptr_null(read_toml(str_c(&text), NULL));
	str_fini(&text);
}
END_TEST

/* Any bytes: no crash, and what is read can be written and read again. */
START_TEST(any_bytes)
{
	static const char alphabet[] = "ab.=[]{},\"'\\\n# 019-:_+einfT";
	char text[60];
	unsigned seed = (unsigned)_i + 1;

	for (int round = 0; round < 100000; round++) {
		struct str again = { 0 };
		json_t *value;
		bool has_float;
		size_t n = (size_t)round % sizeof text;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			text[i] =
			    alphabet[(seed >> 16) % (sizeof alphabet - 1)];
		}
		value = toml_read(text, n, &has_float, NULL);
		if (value != NULL && !has_float) {
			json_t *second;

			ck_assert_int_eq(
			    toml_write(&again, value, TOML_PLAIN, NULL), 0);
			second = read_toml(str_c(&again), NULL);
			ck_assert_msg(json_equal(value, second), "%.*s\n%s",
			    (int)n, text, str_c(&again));
			json_decref(second);
		}
		str_fini(&again);
		json_decref(value);
	}
}
END_TEST

/* ---- writing ------------------------------------------------------------ */

static const struct {
	const char *json, *plain, *pretty, *compact; /* NULL: as plain */
} writes[] = {
	{ "{}", "", NULL, NULL },
	{ "{\"b\":1,\"a\":\"x\",\"c\":true,\"d\":1.5}",
	    "a = \"x\"\nb = 1\nc = true\nd = 1.5\n", NULL, NULL },
	{ "{\"a b\":1,\"\":2,\"\\u00fc\":3,\"x-1_\":4}",
	    "\"\" = 2\n\"a b\" = 1\nx-1_ = 4\n\"\xc3\xbc\" = 3\n", NULL, NULL },
	{ "{\"a\":\"q\\\"\\\\\\n\\u0001\\u007f\"}",
	    "a = \"q\\\"\\\\\\n\\u0001\\u007f\"\n", NULL, NULL },
	{ "{\"a\":[1,[2,3],[]],\"b\":[4]}", "a = [1, [2, 3], []]\nb = [4]\n",
	    "a = [\n    1,\n    [\n        2,\n        3,\n    ],\n    [],\n"
	    "]\nb = [4]\n",
	    NULL },
	{ "{\"t\":{\"x\":1},\"k\":2}", "k = 2\n\n[t]\nx = 1\n", NULL, NULL },
	{ "{\"a\":{\"b\":{\"c\":1}},\"d.e\":{\"f\":2}}",
	    "[a.b]\nc = 1\n\n[\"d.e\"]\nf = 2\n", NULL, NULL },
	{ "{\"a\":{},\"b\":{\"c\":{}}}", "[a]\n\n[b.c]\n", NULL,
	    "a = {}\n\n[b]\nc = {}\n" },
	{ "{\"a\":[{\"b\":1},{\"c\":{\"d\":2}}]}",
	    "[[a]]\nb = 1\n\n[[a]]\n\n[a.c]\nd = 2\n", NULL, NULL },
	{ "{\"a\":[{\"b\":[1,2]},3]}", "a = [{ b = [1, 2] }, 3]\n",
	    "a = [\n    { b = [1, 2] },\n    3,\n]\n", NULL },
	{ "{\"a\":" DATE("1979-05-27") ",\"b\":" DATE("x") "}",
	    "a = 1979-05-27\n\n[b]\n\"" TOML_DATETIME "\" = \"x\"\n", NULL,
	    NULL },
};

static void
writes_to(const json_t *value, enum toml_style style, const char *expected)
{
	struct str out = { 0 };
	json_t *again;

	ck_assert_int_eq(toml_write(&out, value, style, NULL), 0);
	ck_assert_str_eq(str_c(&out), expected);
	again = read_toml(str_c(&out), NULL);
	ck_assert(json_equal(value, again));
	json_decref(again);
	str_fini(&out);
}

START_TEST(write_row)
{
	json_t *value = json_loads(writes[_i].json, 0, NULL);
	const char *plain = writes[_i].plain;

	writes_to(value, TOML_PLAIN, plain);
	writes_to(value, TOML_PRETTY,
	    writes[_i].pretty != NULL ? writes[_i].pretty : plain);
	writes_to(value, TOML_COMPACT,
	    writes[_i].compact != NULL ? writes[_i].compact : plain);
	json_decref(value);
}
END_TEST

START_TEST(what_is_not_written)
{
	static const char *const no[] = { "[]", "1", "\"x\"", "null",
		"{\"a\":null}", "{\"a\":[null]}", "{\"a\":{\"b\":null}}" };
	struct str out = { 0 };
	struct err err;

	for (size_t i = 0; i < UNIT_N(no); i++) {
		json_t *value = json_loads(no[i], JSON_DECODE_ANY, NULL);

		ck_assert_int_eq(toml_write(&out, value, TOML_PLAIN, &err), -1);
		ck_assert_uint_eq(out.len, 0);
		json_decref(value);
	}
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("toml", &tcase);

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	tcase_add_test(tcase, errors_name_the_place);
	tcase_add_test(tcase, nul);
	tcase_add_test(tcase, depth);
	tcase_add_test(tcase, many_tables);
	tcase_add_loop_test(tcase, any_bytes, 0, 3);
	tcase_add_loop_test(tcase, write_row, 0, UNIT_N(writes));
	tcase_add_test(tcase, what_is_not_written);
	return s;
}

UNIT_MAIN(suite)
