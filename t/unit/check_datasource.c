#include "unit.h"

#include "milter/datasource.h"

#include <string.h>

static const struct {
	const char *json, *word; /* NULL: it fits */
} tables[] = {
	{ "{}", NULL },
	{ "[]", NULL },
	{ "{\"a\": \"sqlite:/x\"}", NULL },
	{ "{\"a\": [\"sqlite:/x\", \"sqlite::memory:\"]}", NULL },
	{ "{\"a\": \"pgsql:host=h\", \"b\": \"ldap://h\"}", NULL },
	{ "[\"sqlite:/x\"]", "a table of names and URIs" },
	{ "7", "a table of names and URIs" },
	{ "{\"a\": \"/x\"}", "a: \"/x\" is no URI such as" },
	{ "{\"a\": \"sqlite:\"}", "a: \"sqlite:\" is no URI" },
	{ "{\"a\": \"sqlite:/x\\u0000y\"}", "a: a URI with a NUL" },
	{ "{\"a\": 7}", "a: a URI such as" },
	{ "{\"a\": []}", "a: no URI" },
	{ "{\"a\": [[\"sqlite:/x\"]]}", "a: a URI such as" },
	{ "{\"a\": {\"uri\": \"sqlite:/x\"}}", "a: a URI such as" },
};

START_TEST(table_row)
{
	json_t *all =
	    json_loads(tables[_i].json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	struct err err = { "" };
	int rc;

	ck_assert_ptr_nonnull(all);
	rc = datasource_check(all, &err);
	if (tables[_i].word == NULL)
		ck_assert_msg(rc == 0, "%s: %s", tables[_i].json, err.msg);
	else
		ck_assert_msg(
		    rc == -1 && strstr(err.msg, tables[_i].word) == err.msg,
		    "%s: %s", tables[_i].json, err.msg);
	json_decref(all);
}
END_TEST

static const struct {
	const char *name;
	size_t i;
	const char *uri;
} uris[] = {
	{ "one", 0, "sqlite:/x" },
	{ "one", 1, NULL },
	{ "two", 0, "sqlite:/a" },
	{ "two", 1, "mysql:b" },
	{ "two", 2, NULL },
	{ "none", 0, NULL },
};

START_TEST(uri_row)
{
	json_t *all = json_loads("{\"one\": \"sqlite:/x\", \"two\": "
				 "[\"sqlite:/a\", \"mysql:b\"]}",
	    0, NULL);
	const char *got = datasource_uri(all, uris[_i].name, uris[_i].i);

	ck_assert_pstr_eq(got, uris[_i].uri);
	ck_assert_ptr_null(datasource_uri(NULL, "one", 0));
	json_decref(all);
}
END_TEST

START_TEST(paths)
{
	ck_assert_str_eq(datasource_sqlite("sqlite:/x/y"), "/x/y");
	ck_assert_str_eq(datasource_sqlite("sqlite:///x/y"), "/x/y");
	ck_assert_str_eq(datasource_sqlite("sqlite::memory:"), ":memory:");
	ck_assert_str_eq(
	    datasource_sqlite("sqlite:file:/x?mode=ro"), "file:/x?mode=ro");
	ck_assert_ptr_null(datasource_sqlite("mysql:/x"));
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("datasource", &tcase);

	tcase_add_loop_test(tcase, table_row, 0, UNIT_N(tables));
	tcase_add_loop_test(tcase, uri_row, 0, UNIT_N(uris));
	tcase_add_test(tcase, paths);
	return s;
}

UNIT_MAIN(suite)
