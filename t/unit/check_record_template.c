#include "unit.h"

#include "milter/record_template.h"

static const struct {
	const char *template, *expected; /* NULL: refused */
} rows[] = {
	{ "", "" },
	{ "plain { } }} {x", "plain { } }} {x" },
	{ "{{ id }}", "x" },
	{ "{{id}}{{id}}", "xx" },
	{ "a {{ size }} b\n", "a 12 b\n" },
	{ "{{ response.code }}", "250" },
	{ "{{ log_record.response.code }}", "250" },
	{ "{{ response.command }}", "none" },
	{ "{{ no }}.{{ no.thing }}.{{ id.x }}", ".." },
	{ "{{ recipient }}", "[\"a\",\"b\"]" },
	{ "{{ response }}", "{\"code\":250,\"command\":null}" },
	{ "{{ meta.x_text }}", "two lines" },
	{ "{{ meta.log_record }}", "1" },
	{ "{{\tid\n}}", "x" },
	{ "{{ id", NULL },
	{ "{{ }}", NULL },
	{ "{{ .id }}", NULL },
	{ "{{ id. }}", NULL },
	{ "{{ id }", NULL },
	{ "{{ timestamp - created }}", NULL },
	{ "{{ id|upper }}", NULL },
	{ "{{- id -}}", NULL },
	{ "{{ meta['x'] }}", NULL },
	{ "{% if id %}", NULL },
	{ "{# note #}", NULL },
	{ "{{ id }} {%", NULL },
};

START_TEST(templates)
{
	json_t *record = json_loads(
	    "{\"id\": \"x\", \"size\": 12, \"response\": {\"code\": 250, "
	    "\"command\": null}, \"recipient\": [\"a\", \"b\"], \"meta\": "
	    "{\"x_text\": \"two\\nlines\", \"log_record\": 1}}",
	    0, NULL);
	const char *template = rows[_i].template;
	struct str out = { 0 };
	struct err err;
	int rc = record_template_check(template, &err);

	ck_assert_msg((rc == 0) == (rows[_i].expected != NULL), "%s", template);
	if (rc == 0) {
		record_template_write(&out, template, record);
		ck_assert_str_eq(str_c(&out), rows[_i].expected);
	}
	str_fini(&out);
	json_decref(record);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("record_template", &t);

	tcase_add_loop_test(t, templates, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
