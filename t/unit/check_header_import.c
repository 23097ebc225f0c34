#include "unit.h"

#include "milter/header_import.h"
#include "milter/xmalloc.h"

#include <stdio.h>
#include <string.h>

#define RULES 4

/*
 * The headers ("X-A: 1|X-B: 2"), the rules, the metadata that comes of it and
 * the headers that are left (NULL: all).
 */
static const struct row {
	const char *headers;
	struct {
		const char *pattern;
		enum import_match match;
		enum import_style style;
		const char *target;
		bool remove;
	} rule[RULES];
	const char *meta, *left;
} rows[] = {
	{ "X-A: 1", { { NULL } }, "{}", NULL },
	{ "", { { .pattern = "X-A" } }, "{}", NULL },
	{ "X-A: 1|B: 2", { { .pattern = "X-A" } }, "{'x_a':'1'}", NULL },
	{ "x-a: 1", { { .pattern = "X-A" } }, "{'x_a':'1'}", NULL },
	{ "X-AB: 1", { { .pattern = "X-A" } }, "{}", NULL },
	{ "X-A: 1", { { .pattern = "X-AB" } }, "{}", NULL },
	{ "X-A: 1|X-B: 2|C: 3", { { .pattern = "X-*" } },
	    "{'x_a':'1','x_b':'2'}", NULL },
	/* a prefix may be all of the name */
	{ "X-: 1|X: 2", { { .pattern = "X-*" } }, "{'x_':'1'}", NULL },

	/* several */
	{ "A: 1|a: 2|A: 3", { { .pattern = "A" } }, "{'a':'3'}", NULL },
	{ "A: 1|A: 2|A: 3", { { .pattern = "A", .match = IMPORT_LAST } },
	    "{'a':'3'}", NULL },
	{ "A: 1|A: 2|A: 3", { { .pattern = "A", .match = IMPORT_FIRST } },
	    "{'a':'1'}", NULL },
	{ "A: 1|A: 2|A: 3", { { .pattern = "A", .match = IMPORT_ALL } },
	    "{'a':['1','2','3']}", NULL },
	{ "A: 1", { { .pattern = "A", .match = IMPORT_ALL } }, "{'a':['1']}",
	    NULL },
	{ "B: 1", { { .pattern = "A", .match = IMPORT_ALL } }, "{}", NULL },
	{ "X-A: 1|X-B: 2|X-A: 3", { { .pattern = "X-*", .match = IMPORT_ALL } },
	    "{'x_a':['1','3'],'x_b':['2']}", NULL },
	{ "X-A: 1|X-B: 2|X-A: 3",
	    { { .pattern = "X-*", .match = IMPORT_FIRST } },
	    "{'x_a':'1','x_b':'2'}", NULL },

	/* the key */
	{ "X-Mailer-Id: 1", { { .pattern = "X-*", .style = IMPORT_SNAKE } },
	    "{'x_mailer_id':'1'}", NULL },
	{ "X-Mailer-Id: 1", { { .pattern = "X-*", .style = IMPORT_KEBAB } },
	    "{'x-mailer-id':'1'}", NULL },
	{ "X-Mailer-Id: 1", { { .pattern = "X-*", .style = IMPORT_CAMEL } },
	    "{'xMailerId':'1'}", NULL },
	{ "X-MAILER-ID: 1", { { .pattern = "X-*", .style = IMPORT_PASCAL } },
	    "{'XMailerId':'1'}", NULL },
	{ "X-A: 1", { { .pattern = "X-A", .target = "My-Key" } },
	    "{'My-Key':'1'}", NULL },
	{ "X-A: 1",
	    { { .pattern = "X-A", .target = "k", .style = IMPORT_PASCAL } },
	    "{'k':'1'}", NULL },

	/* the first rule that names a field has it */
	{ "X-A: 1|X-B: 2",
	    { { .pattern = "X-A", .target = "a" },
		{ .pattern = "X-*", .match = IMPORT_ALL } },
	    "{'a':'1','x_b':['2']}", NULL },
	{ "X-A: 1",
	    { { .pattern = "X-*" }, { .pattern = "X-A", .target = "a" } },
	    "{'x_a':'1'}", NULL },

	/* removal */
	{ "X-A: 1|B: 2|X-A: 3", { { .pattern = "X-A", .remove = true } },
	    "{'x_a':'3'}", "B: 2" },
	{ "X-A: 1|B: 2|X-A: 3",
	    { { .pattern = "X-A", .match = IMPORT_FIRST, .remove = true } },
	    "{'x_a':'1'}", "B: 2" },
	{ "X-A: 1|X-B: 2|X-C: 3",
	    { { .pattern = "X-B" }, { .pattern = "X-*", .remove = true } },
	    "{'x_a':'1','x_b':'2','x_c':'3'}", "X-B: 2" },
	{ "X-A: 1|X-B: 2", { { .pattern = "X-*", .remove = true } },
	    "{'x_a':'1','x_b':'2'}", "" },

	/* values are read as a person would */
	{ "A: =?utf-8?q?caf=C3=A9?=", { { .pattern = "A" } },
	    "{'a':'caf\xc3\xa9'}", NULL },
	{ "A: one\n\ttwo", { { .pattern = "A" } }, "{'a':'one two'}", NULL },
	{ "A:", { { .pattern = "A" } }, "{'a':''}", NULL },

	/* what was there goes, what is not named stays */
	{ "Old: 1", { { .pattern = "Old" } }, "{'old':'1'}", NULL },
	{ "Old: 1", { { .pattern = "Old", .match = IMPORT_FIRST } },
	    "{'old':'1'}", NULL },
	{ "Old: 1", { { .pattern = "Old", .match = IMPORT_ALL } },
	    "{'old':['1']}", NULL },
};

static struct message *
message_of(const char *headers)
{
	struct address sender = { 0 };
	struct message_limits limits = { 10000, 100, 10000,
		{ 10000, SIZE_MAX, "/" } };
	struct message *m;
	char *copy = xstrdup(headers), *save = NULL;

	address_parse_lenient(&sender, "<>", 2);
	m = message_new(&sender, "<>");
	for (char *w = strtok_r(copy, "|", &save); w != NULL;
	     w = strtok_r(NULL, "|", &save)) {
		char *colon = strchr(w, ':');

		*colon = '\0';
		message_add_header(m, w, colon + 1, &limits);
	}
	message_complete(m);
	address_fini(&sender);
	free(copy);
	return m;
}

static json_t *
json_of(const char *text)
{
	char *copy = xstrdup(text);
	json_t *json;

	for (char *p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	json = json_loads(copy, 0, NULL);
	ck_assert_msg(json != NULL, "no JSON: %s", text);
	free(copy);
	return json;
}

static const char *
headers_text(struct str *out, const struct headers *h)
{
	for (size_t i = 0; i < h->n; i++)
		str_addf(out, "%s%s:%s", i > 0 ? "|" : "", h->field[i].name,
		    h->field[i].raw);
	return str_c(out);
}

START_TEST(fields_become_metadata)
{
	const struct row *r = &rows[_i];
	struct message *m = message_of(r->headers);
	struct header_import rule[RULES];
	char name[RULES][32];
	struct str left = { 0 };
	json_t *want = json_of(r->meta);
	size_t n = 0;

	json_object_set_new(m->meta, "old", json_string("0"));
	if (json_object_get(want, "old") == NULL)
		json_object_set_new(want, "old", json_string("0"));
	for (; n < RULES && r->rule[n].pattern != NULL; n++) {
		rule[n] = (struct header_import){
			.match = r->rule[n].match,
			.style = r->rule[n].style,
			.target = r->rule[n].target,
			.remove = r->rule[n].remove,
		};
		ck_assert_int_eq(
		    header_import_name(&rule[n], r->rule[n].pattern, name[n],
			sizeof name[n], NULL),
		    0);
	}
	header_import(m, rule, n);
	if (!json_equal(m->meta, want))
		ck_abort_msg("row %d: %s", _i, json_dumps(m->meta, 0));
	ck_assert_msg(strcmp(headers_text(&left, &m->headers),
			  r->left != NULL ? r->left : r->headers) == 0,
	    "row %d: left \"%s\"", _i, str_c(&left));
	str_fini(&left);
	json_decref(want);
	message_free(m);
}
END_TEST

START_TEST(bytes_that_are_no_utf8_are_kept)
{
	struct message *m = message_of("A: caf\xe9");
	struct header_import rule = { .name = "A" };
	json_t *value;

	header_import(m, &rule, 1);
	value = json_object_get(m->meta, "a");
	ck_assert(json_is_string(value));
	ck_assert_ptr_nonnull(strstr(json_string_value(value), "caf\xe9"));
	message_free(m);
}
END_TEST

/* ---- what a policy writes ----------------------------------------------- */

static const struct {
	const char *pattern, *name; /* name NULL: an error */
	bool wildcard;
} patterns[] = {
	{ "X-A", "X-A", false },
	{ "X-*", "X-", true },
	{ "X*", "X", true },
	{ "1234567890123456789012345678901", "1234567890123456789012345678901",
	    false },
	{ "12345678901234567890123456789012", NULL, false }, /* too long */
	{ "", NULL, false },
	{ "*", NULL, false },
	{ "**", NULL, false },
	{ "*-A", NULL, false },
	{ "X-*-A", NULL, false },
	{ "X-**", NULL, false },
};

START_TEST(star_stands_at_the_end_alone)
{
	struct header_import rule = { .match = IMPORT_ALL };
	char storage[32];
	struct err err = { "" };
	int rc = header_import_name(
	    &rule, patterns[_i].pattern, storage, sizeof storage, &err);

	ck_assert_msg(rc == (patterns[_i].name != NULL ? 0 : -1), "\"%s\": %d",
	    patterns[_i].pattern, rc);
	if (rc == 0) {
		ck_assert_str_eq(rule.name, patterns[_i].name);
		ck_assert_int_eq(rule.wildcard, patterns[_i].wildcard);
	} else {
		ck_assert_ptr_nonnull(strstr(err.msg, patterns[_i].pattern));
	}
	ck_assert_int_eq(rule.match, IMPORT_ALL);
}
END_TEST

START_TEST(words_are_kumomtas)
{
	static const char *const matches[] = { "last", "first", "all" };
	static const char *const styles[] = { "snake_case", "kebab_case",
		"camel_case", "pascal_case" };
	static const char *const wrong[] = { "", "Last", "snake", "last ",
		"SNAKE_CASE", "any" };
	enum import_match match;
	enum import_style style;
	struct err err;

	for (size_t i = 0; i < UNIT_N(matches); i++) {
		ck_assert_int_eq(
		    header_import_match(matches[i], &match, &err), 0);
		ck_assert_int_eq(match, IMPORT_LAST + (int)i);
	}
	for (size_t i = 0; i < UNIT_N(styles); i++) {
		ck_assert_int_eq(
		    header_import_style(styles[i], &style, &err), 0);
		ck_assert_int_eq(style, IMPORT_SNAKE + (int)i);
	}
	for (size_t i = 0; i < UNIT_N(wrong); i++) {
		ck_assert_int_eq(
		    header_import_match(wrong[i], &match, &err), -1);
		ck_assert_ptr_nonnull(strstr(err.msg, "first, last, all"));
		ck_assert_int_eq(
		    header_import_style(wrong[i], &style, &err), -1);
		ck_assert_ptr_nonnull(strstr(err.msg, "pascal_case"));
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("header_import", &t);

	tcase_add_loop_test(t, fields_become_metadata, 0, UNIT_N(rows));
	tcase_add_test(t, bytes_that_are_no_utf8_are_kept);
	tcase_add_loop_test(
	    t, star_stands_at_the_end_alone, 0, UNIT_N(patterns));
	tcase_add_test(t, words_are_kumomtas);
	return s;
}

UNIT_MAIN(suite)
