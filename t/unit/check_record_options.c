#include "unit.h"

#include "milter/record_options.h"
#include "milter/xmalloc.h"

#include <string.h>

/* A policy's table, less its log_dir, and what is wrong with it. */
static const struct {
	const char *more, *why;
} rows[] = {
	{ "", NULL },
	{ ", 'max_file_size': 1", NULL },
	{ ", 'max_file_size': 1000000000000", NULL },
	{ ", 'max_file_size': 0", "max_file_size: a number of bytes" },
	{ ", 'max_file_size': 1.5", "max_file_size: a number of bytes" },
	{ ", 'max_file_size': '1'", "max_file_size: a number of bytes" },
	{ ", 'back_pressure': 1", NULL },
	{ ", 'back_pressure': 0", "back_pressure: a number from 1" },
	{ ", 'back_pressure': 10000001", "back_pressure: a number from 1" },
	{ ", 'compression_level': 0", NULL },
	{ ", 'compression_level': 21", NULL },
	{ ", 'compression_level': 22", "compression_level: a number from 0" },
	{ ", 'compression_level': -1", "compression_level: a number from 0" },
	{ ", 'max_segment_duration': '5 min'", NULL },
	{ ", 'max_segment_duration': 2.5", NULL },
	{ ", 'max_segment_duration': 'soon'", "max_segment_duration: " },
	{ ", 'max_segment_duration': -1", "a duration expected" },
	{ ", 'max_segment_duration': []", "a duration expected" },
	{ ", 'meta': ['a', 'b*']", NULL },
	{ ", 'meta': {}", NULL },
	{ ", 'meta': {'a': 'b'}", "meta: an array of names" },
	{ ", 'meta': 'a'", "meta: an array of names" },
	{ ", 'headers': ['*']", NULL },
	{ ", 'headers': [1]", "headers: an array of names" },
	{ ", 'filter_event': 'x'", NULL },
	{ ", 'filter_event': 1", "filter_event: a string" },
	{ ", 'filter_event': 'x\\u0000'", "filter_event: a string" },
	{ ", 'min_free_space': '10%'", NULL },
	{ ", 'min_free_space': '1000'", NULL },
	{ ", 'min_free_space': 1000", NULL },
	{ ", 'min_free_space': '101%'", "min_free_space: a number or a" },
	{ ", 'min_free_space': '1x'", "min_free_space: a number or a" },
	{ ", 'min_free_space': '%'", "min_free_space: a number or a" },
	{ ", 'min_free_inodes': -1", "min_free_inodes: a number or a" },
	{ ", 'min_free_inodes': true", "min_free_inodes: a number or a" },
	{ ", 'per_record': {}", NULL },
	{ ", 'per_record': []", NULL },
	{ ", 'per_record': [1]", "per_record: a table" },
	{ ", 'per_record': {'Delivery': {}, 'Any': []}", NULL },
	{ ", 'per_record': {'Recepton': {}}", "unknown type \"Recepton\"" },
	{ ", 'per_record': {'Any': 1}", "per_record: Any: a table" },
	{ ", 'per_record': {'Any': {'on': true}}", "Any: unknown key \"on\"" },
	{ ", 'per_record': {'Any': {'enable': 1}}", "enable: true or false" },
	{ ", 'per_record': {'Any': {'suffix': 1}}", "suffix: a string" },
	{ ", 'per_record': {'Any': {'log_dir': 'x'}}", "no absolute path" },
	{ ", 'per_record': {'Any': {'template': 'x {{ id }}'}}", NULL },
	{ ", 'per_record': {'Any': {'template': '{{ id | upper }}'}}",
	    "Any: template: \"{{ id | upper }}\": only" },
	{ ", 'per_record': {'Reception': {'template': '{% if id %}'}}",
	    "template: \"{% if id %}\": only" },
	{ ", 'per_record': {'Bounce': {'template': '{{ a - b }}'}}", NULL },
	{ ", 'per_record': {'Bounce': {'template': 1}}", "template: a string" },
	{ ", 'logdir': '/'", "unknown key \"logdir\"" },
	{ ", '1': 1", "unknown key \"1\"" },
	{ ", 'log_dir': 'logs'", "\"logs\" is no absolute path" },
	{ ", 'log_dir': 1", "log_dir: a string" },
};

static json_t *
table(const char *more)
{
	char *text = xasprintf("{'log_dir': '/log'%s}", more);
	json_t *json;

	for (char *p = text; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	json = json_loads(text, JSON_ALLOW_NUL, NULL);
	ck_assert_msg(json != NULL, "%s", text);
	free(text);
	return json;
}

START_TEST(tables)
{
	struct record_options o;
	struct err err = { "" };
	json_t *given = table(rows[_i].more);
	int rc = record_options_read(&o, given, &err);

	ck_assert_msg((rc == 0) == (rows[_i].why == NULL), "%s: %s",
	    rows[_i].more, err.msg);
	if (rc == 0)
		record_options_fini(&o);
	else
		ck_assert_msg(strstr(err.msg, rows[_i].why) != NULL, "%s: %s",
		    rows[_i].more, err.msg);
	json_decref(given);
}
END_TEST

START_TEST(what_is_read)
{
	struct record_options o;
	json_t *given =
	    table(", 'max_segment_duration': 1.5, 'min_free_space': '7%', "
		  "'min_free_inodes': 9, 'per_record': {'Rejection': "
		  "{'suffix': '_no', 'segment_header': 'h'}, 'Any': {"
		  "'enable': false, 'log_dir': '/any'}}");

	ck_assert_int_eq(record_options_read(&o, given, NULL), 0);
	json_decref(given);
	ck_assert_int_eq(o.max_segment_duration, INT64_C(1500000000));
	ck_assert(o.space.percent && o.space.least == 7);
	ck_assert(!o.inodes.percent && o.inodes.least == 9);
	ck_assert_uint_eq(o.max_file_size, 1000000000);
	ck_assert_uint_eq(o.back_pressure, 128000);
	ck_assert(!o.kind[RECORD_RECEPTION].enable);
	ck_assert_str_eq(o.kind[RECORD_RECEPTION].log_dir, "/any");
	ck_assert_str_eq(o.kind[RECORD_RECEPTION].suffix, "");
	ck_assert(o.kind[RECORD_REJECTION].enable);
	ck_assert_str_eq(o.kind[RECORD_REJECTION].log_dir, "/log");
	ck_assert_str_eq(o.kind[RECORD_REJECTION].suffix, "_no");
	ck_assert_str_eq(o.kind[RECORD_REJECTION].segment_header, "h");
	record_options_fini(&o);
}
END_TEST

START_TEST(log_dir_is_needed)
{
	struct record_options o;
	struct err err;
	json_t *given = json_object();

	ck_assert_int_eq(record_options_read(&o, given, &err), -1);
	ck_assert_str_eq(err.msg, "missing key \"log_dir\"");
	json_decref(given);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("record_options", &t);

	tcase_add_loop_test(t, tables, 0, UNIT_N(rows));
	tcase_add_test(t, what_is_read);
	tcase_add_test(t, log_dir_is_needed);
	return s;
}

UNIT_MAIN(suite)
