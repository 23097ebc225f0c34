#include "unit.h"

#include "milter/auth_results.h"
#include "milter/xmalloc.h"

#include <string.h>

/* The results as JSON with ' for ", and the value; or the error, after '!'. */
static const struct row {
	const char *serv_id, *results, *want;
} rows[] = {
	{ "mx.example", "[]", "mx.example; none" },
	{ "mx.example", "{}", "mx.example; none" }, /* what {} of Lua is */
	{ "mx.example", "[{'method':'spf','result':'pass'}]",
	    "mx.example;\n\tspf=pass" },
	{ "mx.example",
	    "[{'method':'spf','result':'pass'},{'method':'dkim','result':"
	    "'permerror'}]",
	    "mx.example;\n\tspf=pass;\n\tdkim=permerror" },
	{ "mx.example", "[{'method':'spf','result':'fail','reason':'because'}]",
	    "mx.example;\n\tspf=fail reason=because" },
	{ "mx.example",
	    "[{'method':'spf','result':'fail','reason':'not sent \\\"here\\\" "
	    "\\\\o'}]",
	    "mx.example;\n\tspf=fail reason=\"not sent \\\"here\\\" \\\\o\"" },

	/* properties in the order of their bytes */
	{ "mx.example",
	    "[{'method':'dkim','result':'pass','props':{'header.s':'sel',"
	    "'header.d':'a.example','Header.x':'1','header.a':'rsa-sha256'}}]",
	    "mx.example;\n\tdkim=pass\n\tHeader.x=1\n\theader.a=rsa-sha256\n\t"
	    "header.d=a.example\n\theader.s=sel" },
	{ "mx.example",
	    "[{'method':'spf','result':'pass','reason':'r','props':{"
	    "'smtp.mailfrom':'joe@a.example'}}]",
	    "mx.example;\n\tspf=pass reason=r\n\tsmtp.mailfrom=joe@a.example" },
	{ "mx.example", "[{'method':'spf','result':'pass','props':{}}]",
	    "mx.example;\n\tspf=pass" },
	{ "mx.example", "[{'method':'spf','result':'pass','props':[]}]",
	    "mx.example;\n\tspf=pass" },
	{ "mx.example",
	    "[{'method':'a','result':'pass','props':{'x.y':'1'}},{'method':"
	    "'b','result':'fail','props':{'x.z':'2'}}]",
	    "mx.example;\n\ta=pass\n\tx.y=1;\n\tb=fail\n\tx.z=2" },

	/* a version is known and not written */
	{ "mx.example", "[{'method':'spf','result':'pass','method_version':1}]",
	    "mx.example;\n\tspf=pass" },

	/* what is no token is quoted */
	{ "", "[]", "\"\"; none" },
	{ "mx example", "[]", "\"mx example\"; none" },
	{ "a/b", "[]", "\"a/b\"; none" },
	{ "joe@a.example", "[]", "joe@a.example; none" },
	{ "a!#$%&'*+-.^_`{|}~09AZ", "[]", "a!#$%&'*+-.^_`{|}~09AZ; none" },
	{ "\xc3\xa9", "[]", "\"\xc3\xa9\"; none" },
	{ "a;b", "[]", "\"a;b\"; none" },
	{ "mx", "[{'method':'m n','result':'','props':{'a.b':'1=2'}}]",
	    "mx;\n\t\"m n\"=\"\"\n\ta.b=\"1=2\"" },
	{ "mx", "[{'method':'m','result':'r','props':{'h.i':'@a.example'}}]",
	    "mx;\n\tm=r\n\th.i=@a.example" },
	/* nothing begins a line of its own */
	{ "a\r\nX: y", "[]", "\"a  X: y\"; none" },
	{ "mx",
	    "[{'method':'m','result':'r','reason':'no\\r\\nX: y\\u0001\\t'}]",
	    "mx;\n\tm=r reason=\"no  X: y  \"" },

	/* mistakes */
	{ "mx", "{'method':'spf','result':'pass'}", "!an array of results" },
	{ "mx", "'pass'", "!an array of results" },
	{ "mx", "['pass']", "!result 1 is no table" },
	{ "mx", "[{'method':'a','result':'b'},7]", "!result 2 is no table" },
	{ "mx", "[{'result':'pass'}]", "!result 1: method: a string" },
	{ "mx", "[{'method':'spf'}]", "!result 1: result: a string" },
	{ "mx", "[{'method':1,'result':'x'}]", "!result 1: method: a string" },
	{ "mx",
	    "[{'method':'a','result':'b'},{'method':'a','result':'b',"
	    "'reason':{}}]",
	    "!result 2: reason: a string" },
	{ "mx", "[{'method':'a','result':'b','why':'c'}]",
	    "!result 1: unknown key \"why\"" },
	{ "mx", "[{'method':'a','result':'b','props':{'x.y':1}}]",
	    "!result 1: props: x.y: a string" },
	{ "mx", "[{'method':'a','result':'b','props':'x.y=1'}]",
	    "!result 1: props: a table" },
	{ "mx", "[{'method':'a','result':'b','props':['x.y=1']}]",
	    "!result 1: props: a table" },
	{ "mx", "[{'method':'a','result':'b','method_version':'1'}]",
	    "!result 1: method_version: a number" },
};

static json_t *
json_of(const char *text)
{
	char *copy = xstrdup(text);
	json_t *json;

	for (char *p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	json = json_loads(copy, JSON_DECODE_ANY, NULL);
	ck_assert_msg(json != NULL, "no JSON: %s", text);
	free(copy);
	return json;
}

START_TEST(header_is_written_as_kumomta_does)
{
	const struct row *r = &rows[_i];
	json_t *results = json_of(r->results);
	struct str out = { 0 };
	struct err err = { "" };
	int rc = auth_results_write(&out, r->serv_id, results, &err);

	if (r->want[0] == '!') {
		ck_assert_msg(rc == -1, "row %d: taken", _i);
		ck_assert_msg(strstr(err.msg, r->want + 1) != NULL,
		    "row %d: \"%s\"", _i, err.msg);
		ck_assert_uint_eq(out.len, 0);
	} else {
		ck_assert_msg(rc == 0, "row %d: \"%s\"", _i, err.msg);
		ck_assert_msg(strcmp(str_c(&out), r->want) == 0,
		    "row %d: \"%s\"", _i, str_c(&out));
	}
	str_fini(&out);
	json_decref(results);
}
END_TEST

START_TEST(nul_in_a_value_is_a_space)
{
	json_t *results =
	    json_pack("[{s:s, s:s#}]", "method", "m", "result", "a\0b", 3);
	struct str out = { 0 };

	ck_assert_int_eq(auth_results_write(&out, "mx", results, NULL), 0);
	ck_assert_str_eq(str_c(&out), "mx;\n\tm=\"a b\"");
	ck_assert_uint_eq(out.len, strlen(out.data));
	str_fini(&out);
	json_decref(results);
}
END_TEST

START_TEST(value_is_appended)
{
	json_t *results = json_array();
	struct str out = { 0 };

	str_adds(&out, "before ");
	ck_assert_int_eq(auth_results_write(&out, "mx", results, NULL), 0);
	ck_assert_str_eq(str_c(&out), "before mx; none");
	str_fini(&out);
	json_decref(results);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("auth_results", &t);

	tcase_add_loop_test(
	    t, header_is_written_as_kumomta_does, 0, UNIT_N(rows));
	tcase_add_test(t, nul_in_a_value_is_a_space);
	tcase_add_test(t, value_is_appended);
	return s;
}

UNIT_MAIN(suite)
