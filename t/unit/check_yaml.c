#include "milter/json_text.h"
#include "milter/yaml_read.h"
#include "milter/yaml_write.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* A document and what it says; NULL: it is none. */
static const struct {
	const char *yaml, *json;
} rows[] = {
	{ "", "null" },
	{ "---\n", "null" },
	{ "a", "\"a\"" },
	{ "- 1\n- -2\n- 0x1F\n- 0o17\n- 0b11\n- +3", "[1,-2,31,15,3,3]" },
	{ "[1.5, -1e3, .5, 1., 6e-1]", "[1.5,-1000.0,0.5,1.0,0.6]" },
	{ "[0777, 1_000, 12e, 1.2.3, 0x, 1-2, +, '1']",
	    "[\"0777\",\"1_000\",\"12e\",\"1.2.3\",\"0x\",\"1-2\",\"+\","
	    "\"1\"]" },
	{ "[~, null, Null, NULL, , nULL]",
	    NULL }, /* an empty entry of a flow */
	{ "[~, null, Null, NULL, nULL]", "[null,null,null,null,\"nULL\"]" },
	{ "[true, True, TRUE, false, False, FALSE]",
	    "[true,true,true,false,false,false]" },
	{ "[yes, no, on, off, tRUE]",
	    "[\"yes\",\"no\",\"on\",\"off\",\"tRUE\"]" },
	{ "[.inf, -.INF, .nan]", "[null,null,null]" },
	{ "99999999999999999999", "1e20" },
	{ "a: 1\nb:\n- x\n- y: z\nc: {d: [ ]}",
	    "{\"a\":1,\"b\":[\"x\",{\"y\":\"z\"}],\"c\":{\"d\":[]}}" },
	{ "a:\nb: ''", "{\"a\":null,\"b\":\"\"}" },
	{ "1: a\ntrue: b\n~: c", "{\"1\":\"a\",\"true\":\"b\",\"~\":\"c\"}" },
	{ "a: 1\na: 2", "{\"a\":2}" },
	{ "a: |\n  x\n   y\nb: >\n  x\n  y\n",
	    "{\"a\":\"x\\n y\\n\",\"b\":\"x y\\n\"}" },
	{ "\"\\u00fc\\n\"", "\"\xc3\xbc\\n\"" },
	{ "- &x [1, 2]\n- *x\n- &x b\n- *x", "[[1,2],[1,2],\"b\",\"b\"]" },
	{ "a: &x {b: 1}\n<<: *x", "{\"a\":{\"b\":1},\"<<\":{\"b\":1}}" },
	{ "[!!str 1, !!int 2, !!float 1.5, ! 3, !!bool true]",
	    "[\"1\",2,1.5,\"3\",true]" },
	{ "# just\n# comments", "null" },
	{ "*x", NULL },
	{ "&x [*x]", NULL },
	{ "!own x", NULL },
	{ "!!int x", NULL },
	{ "a: b: c", NULL },
	{ "[1", NULL },
	{ "{a", NULL },
	{ "? [a]\n: b", NULL },
	{ "a\n---\nb", NULL },
	{ "\t- a", NULL },
	{ "a: \xff", NULL },
	{ "\"\\q\"", NULL },
};

START_TEST(row)
{
	struct err err = { "" };
	struct str out = { 0 };
	json_t *value = yaml_read(rows[_i].yaml, strlen(rows[_i].yaml), &err);

	if (value != NULL)
		json_text_write(&out, value, false);
	if (rows[_i].json == NULL)
		ck_assert_msg(value == NULL && err.msg[0] != '\0', "%s\n%s",
		    rows[_i].yaml, str_c(&out));
	else
		ck_assert_msg(strcmp(str_c(&out), rows[_i].json) == 0,
		    "%s\n%s%s", rows[_i].yaml, str_c(&out), err.msg);
	str_fini(&out);
	json_decref(value);
}
END_TEST

static bool
reads(const struct str *text)
{
	json_t *value = yaml_read(str_c(text), text->len, NULL);
	bool fine = value != NULL;

	json_decref(value);
	return fine;
}

START_TEST(bounds)
{
	struct str text = { 0 };

	/* brackets */
	for (int n = 50; n < 100000; n *= 10) {
		str_clear(&text);
		for (int i = 0; i < n; i++)
			str_addc(&text, '[');
		for (int i = 0; i < n; i++)
			str_addc(&text, ']');
		ck_assert_int_eq(reads(&text), n <= 100);
	}
	/* each ten of the one before */
	for (int levels = 3; levels < 12; levels += 4) {
		str_clear(&text);
		str_adds(&text, "- &a0 x\n");
		for (int i = 1; i < levels; i++) {
			str_addf(&text, "- &a%d [*a%d", i, i - 1);
			for (int k = 1; k < 10; k++)
				str_addf(&text, ",*a%d", i - 1);
			str_adds(&text, "]\n");
		}
		ck_assert_int_eq(reads(&text), levels == 3);
	}
	/* each around the one before */
	for (int n = 50; n < 2000; n *= 6) {
		str_clear(&text);
		str_adds(&text, "- &a0 x\n");
		for (int i = 1; i < n; i++)
			str_addf(&text, "- &a%d [*a%d]\n", i, i - 1);
		ck_assert_int_eq(reads(&text), n == 50);
	}
	str_fini(&text);
}
END_TEST

START_TEST(any_bytes)
{
	static const char alphabet[] = "ab:-[]{},&*!|>'\"\n ?#%@`\t01~\\";
	char text[50];
	unsigned seed = 3;

	for (int round = 0; round < 50000; round++) {
		size_t n = (size_t)round % sizeof text;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			text[i] =
			    alphabet[(seed >> 16) % (sizeof alphabet - 1)];
		}
		json_decref(yaml_read(text, n, NULL));
	}
}
END_TEST

START_TEST(not_built)
{
	struct err err;

	ck_assert_ptr_null(yaml_read("a", 1, &err));
	ck_assert_str_eq(err.msg, "built without libyaml");
}
END_TEST

/* ---- writing ------------------------------------------------------------ */

static const struct {
	const char *json, *yaml;
} writes[] = {
	{ "null", "null\n" },
	{ "12", "12\n" },
	{ "1.5", "1.5\n" },
	{ "[]", "[]\n" },
	{ "{}", "{}\n" },
	{ "[1,[2,[3]],{\"a\":4,\"b\":5}]",
	    "- 1\n- - 2\n  - - 3\n- a: 4\n  b: 5\n" },
	{ "{\"b\":[1,{\"x\":2}],\"a\":{\"c\":{\"d\":true}},\"e\":[],\"f\":{}}",
	    "a:\n  c:\n    d: true\nb:\n- 1\n- x: 2\ne: []\nf: {}\n" },
	{ "[\"plain\",\"two words\",\"/a/b.c\",\"a@b\",\"\",\" a\",\"a \"]",
	    "- plain\n- two words\n- /a/b.c\n- a@b\n- ''\n- ' a'\n- 'a '\n" },
	{ "[\"true\",\"No\",\"null\",\"~\",\"1\",\"0x1\",\"y\",\"-\",\".5\"]",
	    "- 'true'\n- 'No'\n- 'null'\n- '~'\n- '1'\n- '0x1'\n- 'y'\n"
	    "- '-'\n- '.5'\n" },
	{ "[\"a: b\",\"a #b\",\"it's\",\"\\u00fc\",\"&x\",\"!x\"]",
	    "- 'a: b'\n- 'a #b'\n- 'it''s'\n- '\xc3\xbc'\n- '&x'\n- '!x'\n" },
	{ "[\"a\\nb\\\"\\\\\",\"\\u0001\\u007f\\u0085\\u2028\\ufeff\"]",
	    "- \"a\\nb\\\"\\\\\"\n"
	    "- \"\\u0001\\u007f\\u0085\\u2028\\ufeff\"\n" },
	{ "{\"a b\":1,\"\":2,\"x: y\":3}", "'': 2\na b: 1\n'x: y': 3\n" },
};

START_TEST(write_row)
{
	json_t *value = json_loads(writes[_i].json, JSON_DECODE_ANY, NULL);
	struct str out = { 0 };

	yaml_write(&out, value);
	ck_assert_str_eq(str_c(&out), writes[_i].yaml);
	if (yaml_is_built()) {
		json_t *again = yaml_read(str_c(&out), out.len, NULL);

		ck_assert(json_equal(value, again));
		json_decref(again);
	}
	str_fini(&out);
	json_decref(value);
}
END_TEST

/* Every character, alone, in a text and as a key, comes back. */
START_TEST(every_character)
{
	for (unsigned c = 1; c < 0xfffe; c++) {
		char text[16];
		struct str out = { 0 };
		json_t *value, *again;
		struct err err = { "" };

		if (c == 0xd800)
			c = 0xe000;
		snprintf(text, sizeof text, "\"\\u%04x\"", c);
		value = json_loads(text, JSON_DECODE_ANY, NULL);
		value = json_pack("{s:o, s:s, s:i}", "k", value, "l",
		    json_string_value(value), json_string_value(value), 1);
		yaml_write(&out, value);
		again = yaml_read(str_c(&out), out.len, &err);
		ck_assert_msg(json_equal(value, again), "U+%04x: %s %s", c,
		    str_c(&out), err.msg);
		json_decref(again);
		json_decref(value);
		str_fini(&out);
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("yaml", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, write_row, 0, UNIT_N(writes));
	if (!yaml_is_built()) {
		tcase_add_test(tcase, not_built);
		return s;
	}
	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	tcase_add_test(tcase, bounds);
	tcase_add_test(tcase, any_bytes);
	tcase_add_test(tcase, every_character);
	return s;
}

UNIT_MAIN(suite)
