#include "milter/auth_results_parse.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	const char *json; /* or a part of the error, behind '!' */
} rows[] = {
	{ "mx.example", "{\"results\":[],\"serv_id\":\"mx.example\"}" },
	{ "mx.example; none", "{\"results\":[],\"serv_id\":\"mx.example\"}" },
	{ "mx 1;", "{\"results\":[],\"serv_id\":\"mx\",\"version\":1}" },
	{ "(c) mx (d (e)) 1; (f)\r\n\tspf=pass (g)",
	    "{\"results\":[{\"method\":\"spf\",\"props\":{},\"result\":"
	    "\"pass\"}],\"serv_id\":\"mx\",\"version\":1}" },
	{ "mx; dkim/2 = fail reason=\"a \\\"b\\\"\" header.d=x.example "
	  "header.i = @x.example",
	    "{\"results\":[{\"method\":\"dkim\",\"method_version\":2,\"props\":"
	    "{\"header.d\":\"x.example\",\"header.i\":\"@x.example\"},"
	    "\"reason\":\"a \\\"b\\\"\",\"result\":\"fail\"}],"
	    "\"serv_id\":\"mx\"}" },
	{ "\"m x\"; a=b;c=d e.f=\"g h\"",
	    "{\"results\":[{\"method\":\"a\",\"props\":{},\"result\":\"b\"},"
	    "{\"method\":\"c\",\"props\":{\"e.f\":\"g h\"},\"result\":\"d\"}],"
	    "\"serv_id\":\"m x\"}" },
	{ "mx; none=x", "{\"results\":[{\"method\":\"none\",\"props\":{},"
			"\"result\":\"x\"}],"
			"\"serv_id\":\"mx\"}" },
	{ "", "!name of a server expected at byte 1" },
	{ "; spf=pass", "!name of a server" },
	{ "mx spf=pass", "!\";\" expected at byte 4" },
	{ "mx; spf", "!\"=\" expected" },
	{ "mx; spf=", "!a result expected" },
	{ "mx; spf=pass x", "!\"=\" expected" },
	{ "mx; spf=pass x=", "!a value expected" },
	{ "mx; spf=pass x=\"y", "!closing quote" },
	{ "\xff", "!not UTF-8" },
};

START_TEST(row)
{
	struct err err = { "" };
	json_t *got =
	    auth_results_parse(rows[_i].text, strlen(rows[_i].text), &err);
	char *text;

	if (rows[_i].json[0] == '!') {
		ck_assert_ptr_null(got);
		ck_assert_msg(strstr(err.msg, rows[_i].json + 1) != NULL,
		    "%s: %s", rows[_i].text, err.msg);
		return;
	}
	ck_assert_msg(got != NULL, "%s: %s", rows[_i].text, err.msg);
	text = json_dumps(got, JSON_COMPACT | JSON_SORT_KEYS);
	ck_assert_str_eq(text, rows[_i].json);
	free(text);
	json_decref(got);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("auth_results_parse", &tcase);

	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
