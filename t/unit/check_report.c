#include "milter/report.h"
#include "milter/report_field.h"
#include "milter/transfer.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static const char *const files[] = {
	"postfix",
	"sendmail",
	"sendmail_crlf",
	"exchange",
	"one_group",
	"empty_status",
	"no_status",
	"arf",
	"arf_odd",
	"arf_no_feedback",
};

static struct str
read_file(const char *name, const char *ending)
{
	char *path = xasprintf("t/data/report/%s.%s", name, ending);
	FILE *f = fopen(path, "re");
	struct str s = { 0 };
	char buf[4096];
	size_t n;

	ck_assert_msg(f != NULL, "%s", path);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		str_add(&s, buf, n);
	fclose(f);
	free(path);
	return s;
}

static json_t *
or_null(json_t *value)
{
	return value != NULL ? value : json_null();
}

/* As both kinds of report. */
static json_t *
parse(const char *text, size_t len)
{
	struct mime_tree *tree = mime_parse(text, len);
	json_t *both = json_object();

	json_object_set_new(
	    both, "delivery", or_null(report_parse_delivery(tree->root)));
	json_object_set_new(
	    both, "feedback", or_null(report_parse_feedback(tree->root)));
	mime_free(tree);
	return both;
}

static void
expect(json_t *got, const char *expected, size_t len, const char *name)
{
	json_t *want = json_loadb(expected, len, 0, NULL);
	char *text = json_dumps(got, JSON_INDENT(1));

	ck_assert_msg(want != NULL, "%s: the expected is no JSON", name);
	ck_assert_msg(json_equal(got, want), "%s: got %s", name,
	    text != NULL ? text : "");
	free(text);
	json_decref(want);
	json_decref(got);
}

START_TEST(file)
{
	struct str text = read_file(files[_i], "eml");
	struct str expected = read_file(files[_i], "json");

	expect(
	    parse(text.data, text.len), expected.data, expected.len, files[_i]);
	str_fini(&text);
	str_fini(&expected);
}
END_TEST

/* Cut anywhere, and with any byte in the place of another. */
START_TEST(broken_file)
{
	struct str text = read_file(files[_i], "eml");

	for (size_t i = 0; i < text.len; i++) {
		char *part = xmemdup0(text.data, i);
		char was = text.data[i];

		json_decref(parse(part, i));
		free(part);
		text.data[i] = (char)(i * 37);
		json_decref(parse(text.data, text.len));
		text.data[i] = was;
	}
	str_fini(&text);
}
END_TEST

/* What a field becomes; ' stands for a double quote. */
static const struct {
	const char *field;
	enum report_kind kind;
	const char *value;
} kinds[] = {
	{ "f: a  b ", REPORT_TEXT, "'a b'" },
	{ "F:a\r\n b\n\tc\nd", REPORT_TEXT, "'a b c d'" },
	{ "f:a\n \n", REPORT_TEXT, "'a'" },
	{ "f : =?iso-8859-1?q?=E4?=", REPORT_TEXT, "'\xc3\xa4'" },
	{ "f: \xe4", REPORT_TEXT, "'\xc3\xa4'" },
	{ "f:", REPORT_TEXT, "''" },
	{ "f:dns ;mx", REPORT_MTA, "{'mta_type':'dns','name':'mx'}" },
	{ "f:a;b;c", REPORT_MTA, "{'mta_type':'a','name':'b;c'}" },
	{ "f:mx", REPORT_MTA, NULL },
	{ "f:;mx", REPORT_MTA, NULL },
	{ "f:dns; ", REPORT_MTA, NULL },
	{ "f:rfc822;<a@b>", REPORT_RECIPIENT,
	    "{'recipient_type':'rfc822','recipient':'a@b'}" },
	{ "f:RFC822; <>", REPORT_RECIPIENT,
	    "{'recipient_type':'RFC822','recipient':''}" },
	{ "f:x400;<a>", REPORT_RECIPIENT,
	    "{'recipient_type':'x400','recipient':'<a>'}" },
	{ "f:smtp; 550", REPORT_DIAGNOSTIC,
	    "{'diagnostic_type':'smtp','diagnostic':'550'}" },
	{ "f:expanded", REPORT_ACTION, "'expanded'" },
	{ "f:DELIVERED(to a file)", REPORT_ACTION, "'delivered'" },
	{ "f:fail", REPORT_ACTION, NULL },
	{ "f:failed2", REPORT_ACTION, NULL },
	{ "f:", REPORT_ACTION, NULL },
	{ "f:4.0.999", REPORT_STATUS, "{'class':4,'subject':0,'detail':999}" },
	{ "f:5.1.1(no)", REPORT_STATUS,
	    "{'class':5,'subject':1,'detail':1,'comment':'(no)'}" },
	{ "f:5.1.1 no user", REPORT_STATUS,
	    "{'class':5,'subject':1,'detail':1,'comment':'no user'}" },
	{ "f:5.1.1000", REPORT_STATUS, NULL },
	{ "f:5.1.1.1", REPORT_STATUS, NULL },
	{ "f:5..1", REPORT_STATUS, NULL },
	{ "f:5.1.", REPORT_STATUS, NULL },
	{ "f:5.1.99999999999999999999", REPORT_STATUS, NULL },
	{ "f:7 Jul 94 17:15 -0400", REPORT_DATE, "'1994-07-07T21:15:00Z'" },
	{ "f:then", REPORT_DATE, NULL },
	{ "f:31 Dec 9999 23:59 -0100", REPORT_DATE, NULL },
	{ "f:007", REPORT_COUNT, "7" },
	{ "f:-1", REPORT_COUNT, NULL },
	{ "f:1x", REPORT_COUNT, NULL },
	{ "f:9999999999", REPORT_COUNT, NULL },
	{ "f:<a@b>", REPORT_ADDRESS, "'a@b'" },
	{ "f:<", REPORT_ADDRESS, "'<'" },
};

START_TEST(kind)
{
	const struct report_row row = { "f", "k", kinds[_i].kind, false };
	const char *field = kinds[_i].field;
	struct report_text t = { field, field + strlen(field), 0 };
	json_t *group = report_fields_next(&t), *got = json_object();
	char *want = kinds[_i].value != NULL
			 ? xasprintf("{'k':%s}", kinds[_i].value)
			 : xstrdup("{}");

	for (char *p = want; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	ck_assert_msg(group != NULL, "%s: no field", field);
	report_fields_take(got, group, &row, 1);
	/* what is not moved stays */
	ck_assert_uint_eq(
	    json_object_size(group), kinds[_i].value != NULL ? 0 : 1);
	expect(got, want, strlen(want), field);
	json_decref(group);
	free(want);
}
END_TEST

START_TEST(groups)
{
	static const char text[] = "\r\n  \nlost\n\nA: 1\r\na: 2\r\n"
				   " \t\r\n\n\nB: 3\n\n \n";
	struct report_text t = { text, text + sizeof text - 1, 0 };
	static const char *const wanted[] = { "{\"a\":[\"1\",\"2\"]}",
		"{\"b\":[\"3\"]}" };

	for (size_t i = 0; i < UNIT_N(wanted); i++)
		expect(report_fields_next(&t), wanted[i], strlen(wanted[i]),
		    wanted[i]);
	ck_assert_ptr_null(report_fields_next(&t));
	ck_assert_uint_eq(t.n_fields, 3);
}
END_TEST

START_TEST(fields_have_an_end)
{
	struct str text = { 0 };
	struct report_text t = { 0 };
	json_t *group;

	for (int i = 0; i < REPORT_FIELDS_MAX + 10; i++)
		str_adds(&text, "a:\n");
	t.p = text.data;
	t.end = text.data + text.len;
	group = report_fields_next(&t);
	ck_assert_uint_eq(
	    json_array_size(json_object_get(group, "a")), REPORT_FIELDS_MAX);
	json_decref(group);
	ck_assert_ptr_null(report_fields_next(&t));
	str_fini(&text);
}
END_TEST

/* {"_@_":"\\_/","a":[[...]]} */
static json_t *
parse_trace(int depth)
{
	struct str json = { 0 }, text = { 0 };
	json_t *both;

	str_adds(&json, "{\"_@_\":\"\\\\_/\",\"a\":");
	for (int i = 0; i < depth; i++)
		str_addc(&json, '[');
	for (int i = 0; i < depth; i++)
		str_addc(&json, ']');
	str_addc(&json, '}');
	str_adds(&text,
	    "Content-Type: multipart/report; report-type=feedback-report; "
	    "boundary=b\n\n--b\nContent-Type: message/feedback-report\n\n"
	    "Version: 1\n--b\nContent-Type: message/rfc822\n\nx-a: ");
	for (size_t i = 0; i < json.len; i += 30) {
		transfer_base64(&text, json.data + i,
		    json.len - i < 30 ? json.len - i : 30);
		str_addc(&text, ' ');
	}
	both = parse(text.data, text.len);
	str_fini(&json);
	str_fini(&text);
	return both;
}

START_TEST(trace_is_not_deep)
{
	json_t *few = parse_trace(10), *many = parse_trace(100);

	ck_assert_ptr_nonnull(json_object_get(
	    json_object_get(few, "feedback"), "supplemental_trace"));
	ck_assert_ptr_nonnull(json_object_get(
	    json_object_get(many, "feedback"), "original_message"));
	ck_assert_ptr_null(json_object_get(
	    json_object_get(many, "feedback"), "supplemental_trace"));
	json_decref(few);
	json_decref(many);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("report", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, file, 0, UNIT_N(files));
	tcase_add_loop_test(tcase, broken_file, 0, UNIT_N(files));
	tcase_add_loop_test(tcase, kind, 0, UNIT_N(kinds));
	tcase_add_test(tcase, groups);
	tcase_add_test(tcase, fields_have_an_end);
	tcase_add_test(tcase, trace_is_not_deep);
	return s;
}

UNIT_MAIN(suite)
