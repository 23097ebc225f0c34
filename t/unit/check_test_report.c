#include "unit.h"

#include "milter/test_report.h"

#include <string.h>

static const struct {
	const char *name, *result, *tap, *xml;
} rows[] = {
	{ "passes", "{\"ok\": true, \"ms\": 1.25}",
	    "ok 3 - a_test.lua: the file # 1.2 ms\n",
	    "  <testcase classname=\"a_test.lua\" name=\"the file\" "
	    "time=\"0.001250\"/>\n" },
	{ "fails",
	    "{\"ok\": false, \"ms\": 2, \"where\": \"a_test.lua:7\", "
	    "\"message\": \"a < b\\n\\\"c\\\" \\u0001\", \"transcript\": "
	    "\"C: x\\nS: y\\n\"}",
	    "not ok 3 - a_test.lua: the file # 2.0 ms\n  ---\n"
	    "  at: a_test.lua:7\n  message: |\n    a < b\n    \"c\" \\x01\n"
	    "  transcript: |\n    C: x\n    S: y\n  ...\n",
	    "  <testcase classname=\"a_test.lua\" name=\"the file\" "
	    "time=\"0.002000\">\n   <failure message=\"a &lt; b\n&quot;c&quot; "
	    "?\">a_test.lua:7\nC: x\nS: y\n</failure>\n  </testcase>\n" },
	{ "nothing is known", "{\"ok\": false}",
	    "not ok 3 - a_test.lua: the file # 0.0 ms\n  ---\n  ...\n",
	    "  <testcase classname=\"a_test.lua\" name=\"the file\" "
	    "time=\"0.000000\">\n   <failure message=\"\">\n</failure>\n"
	    "  </testcase>\n" },
};

START_TEST(a_result)
{
	struct test_job job = { .file = "a_test.lua",
		.result = json_loads(rows[_i].result, 0, NULL) };
	struct str out = { 0 };

	ck_assert_ptr_nonnull(job.result);
	test_report_tap(&out, &job, 3);
	ck_assert_str_eq(str_c(&out), rows[_i].tap);
	str_clear(&out);
	test_report_junit(&out, &job, 1);
	ck_assert_ptr_nonnull(strstr(str_c(&out), rows[_i].xml));
	str_fini(&out);
	json_decref(job.result);
}
END_TEST

START_TEST(coverage_adds_up)
{
	static const char *const results[] = {
		"{\"cover\": {\"a.lua\": {\"1\": 2, \"3\": 1}}}",
		"{\"ok\": true}",
		"{\"cover\": {\"a.lua\": {\"3\": 4}, \"b.lua\": {\"9\": 1}}}",
	};
	struct test_job jobs[UNIT_N(results)] = { { 0 } };
	json_t *sum, *expected;

	for (size_t i = 0; i < UNIT_N(results); i++)
		jobs[i].result = json_loads(results[i], 0, NULL);
	sum = test_report_merge(jobs, UNIT_N(results));
	expected = json_loads("{\"a.lua\": {\"1\": 2, \"3\": 5}, \"b.lua\": "
			      "{\"9\": 1}}",
	    0, NULL);
	ck_assert(json_equal(sum, expected));
	json_decref(sum);
	json_decref(expected);
	for (size_t i = 0; i < UNIT_N(results); i++)
		json_decref(jobs[i].result);
}
END_TEST

static Suite *
test_report_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("test_report", &tc);

	tcase_add_loop_test(tc, a_result, 0, (int)UNIT_N(rows));
	tcase_add_test(tc, coverage_adds_up);
	return s;
}

UNIT_MAIN(test_report_suite)
