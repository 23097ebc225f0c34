#include "milter/json_read.h"
#include "milter/json_text.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *text, *json; /* NULL: it is none */
} rows[] = {
	{ "1", "1.0" },
	{ " {\"a\" : [1, 2.5e1, true, null]} ",
	    "{\"a\":[1.0,25.0,true,null]}" },
	{ "{\"a\":1,\"a\":2}", "{\"a\":2.0}" },
	{ "99999999999999999999", "1e20" },
	{ "\"a\\u0000b\"", "\"a\\u0000b\"" },
	{ "// one\n[1, # two\n2 /* three\n*/ ,3] // four", "[1.0,2.0,3.0]" },
	{ "\"// # /* */ \\\" //\"", "\"// # /* */ \\\" //\"" },
	{ "[\"\\\\\" // \"x\n]", "[\"\\\\\"]" },
	{ "[1/**/,2]", "[1.0,2.0]" },
	{ "", NULL },
	{ "# nothing", NULL },
	{ "/* open", NULL },
	{ "/*/ 1", NULL },
	{ "[1,]", NULL },
	{ "1 2", NULL },
	{ "nul", NULL },
	{ "'a'", NULL },
	{ "\"a", NULL },
	{ "\"a\\", NULL },
	{ "01", NULL },
	{ "\"\xff\"", NULL },
	{ "\"\\ud800\"", NULL },
	{ "/ 1", NULL },
};

START_TEST(row)
{
	struct str out = { 0 };
	struct err err = { "" };
	json_t *value = json_read(rows[_i].text, strlen(rows[_i].text), &err);

	if (value != NULL)
		json_text_write(&out, value, false);
	if (rows[_i].json == NULL)
		ck_assert_msg(value == NULL && err.msg[0] != '\0', "%s: %s",
		    rows[_i].text, str_c(&out));
	else
		ck_assert_msg(strcmp(str_c(&out), rows[_i].json) == 0,
		    "%s: %s%s", rows[_i].text, str_c(&out), err.msg);
	str_fini(&out);
	json_decref(value);
}
END_TEST

START_TEST(places_stay)
{
	struct err err;

	ck_assert_ptr_null(json_read("/* a\nb */ x", 11, &err));
	ck_assert_ptr_nonnull(strstr(err.msg, "line 2"));
}
END_TEST

START_TEST(deep)
{
	struct str text = { 0 };

	for (int i = 0; i < 1000000; i++)
		str_addc(&text, '[');
	ck_assert_ptr_null(json_read(str_c(&text), text.len, NULL));
	str_fini(&text);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("json_read", &tcase);

	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	tcase_add_test(tcase, places_stay);
	tcase_add_test(tcase, deep);
	return s;
}

UNIT_MAIN(suite)
