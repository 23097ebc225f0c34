/*
 * SPF by cases: t/data/spf.yaml, whose form is that of the suites that others
 * have published for RFC 7208.  KUMILTER_SPF_CASES names another file.
 */
#include "unit.h"

#include "milter/plain_file.h"
#include "milter/spf.h"
#include "milter/xmalloc.h"
#include "milter/yaml_read.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One document: its zones, and how often they were asked. */
struct zones {
	json_t *zones;
	unsigned asked;
	struct str wrong; /* all that is not as it should be, a line each */
	size_t n;
};

static void
add_record(struct dns_answer *a, int preference, const char *text, size_t len)
{
	a->record = xrealloc(a->record, (a->n + 1) * sizeof *a->record);
	a->record[a->n++] =
	    (struct dns_record){ preference, xmemdup0(text, len), len };
	a->status = DNS_FOUND;
}

/* "one", ["one", "two"], or [10, "mx.example"] */
static void
add_value(struct dns_answer *a, enum dns_type type, const json_t *value)
{
	struct str text = { 0 };
	const json_t *piece;
	int preference = 0;
	size_t i;

	if (type == DNS_MX) {
		preference = (int)json_integer_value(json_array_get(value, 0));
		str_adds(&text, json_string_value(json_array_get(value, 1)));
		if (text.len == 0)
			str_addc(&text, '.');
	} else if (json_is_array(value)) {
		json_array_foreach (value, i, piece)
			str_add(&text, json_string_value(piece),
			    json_string_length(piece));
	} else if (json_is_string(value)) {
		str_add(
		    &text, json_string_value(value), json_string_length(value));
	}
	add_record(a, preference, str_c(&text), text.len);
	str_fini(&text);
}

/* What the zones have of the name, with its records of type key. */
static bool
add_records(struct dns_answer *a, const json_t *records, enum dns_type type,
    const char *key)
{
	bool given = false;
	const json_t *r, *value;
	size_t i;

	json_array_foreach (records, i, r) {
		value = json_object_get(r, key);
		if (value == NULL)
			continue;
		given = true;
		if (!json_is_string(value) ||
		    strcmp(json_string_value(value), "NONE") != 0)
			add_value(a, type, value);
	}
	return given;
}

static bool
times_out(const json_t *records)
{
	const json_t *r;
	size_t i;

	json_array_foreach (records, i, r)
		if (json_is_string(r) &&
		    strcmp(json_string_value(r), "TIMEOUT") == 0)
			return true;
	return false;
}

/* The name without what dns_name() escaped, in letters of any case. */
static const json_t *
find_name(json_t *zones, const char *name)
{
	struct str plain = { 0 };
	const char *key;
	json_t *value, *found = NULL;

	for (; *name != '\0'; name++) {
		if (*name != '\\') {
			str_addc(&plain, *name);
		} else if (name[1] >= '0' && name[1] <= '9') {
			str_addc(&plain,
			    (char)((name[1] - '0') * 100 +
				   (name[2] - '0') * 10 + (name[3] - '0')));
			name += 3;
		}
	}
	json_object_foreach (zones, key, value)
		if (strcasecmp(key, str_c(&plain)) == 0)
			found = value;
	str_fini(&plain);
	return found;
}

/* The records where CNAMEs lead to; those that go round have no end. */
static const json_t *
find_alias(json_t *zones, const char *name)
{
	const json_t *records = find_name(zones, name), *r;
	size_t i;

	for (int left = 8; left > 0; left--) {
		const char *to = NULL;

		json_array_foreach (records, i, r)
			if (json_object_get(r, "CNAME") != NULL)
				to = json_string_value(
				    json_object_get(r, "CNAME"));
		if (to == NULL)
			return records;
		records = find_name(zones, to);
	}
	return NULL;
}

static void
ask(void *arg, const char *name, enum dns_type type, struct dns_answer *out)
{
	struct zones *z = arg;
	const json_t *records = find_alias(z->zones, name);
	bool given;

	z->asked++;
	*out = (struct dns_answer){ .status = records == NULL ? DNS_NO_NAME
							      : DNS_NO_DATA };
	given = add_records(out, records, type, dns_type_text(type));
	/* a document's SPF is TXT, unless it gives that, too */
	if (type == DNS_TXT && !given)
		add_records(out, records, type, "SPF");
	if (out->n == 0 && times_out(records))
		out->status = DNS_TIMEOUT;
}

/* Is the result, or one of a list, what was found? */
static bool
is_one_of(const json_t *expected, const char *text)
{
	const json_t *e;
	size_t i;

	if (json_is_string(expected))
		return strcmp(json_string_value(expected), text) == 0;
	json_array_foreach (expected, i, e)
		if (is_one_of(e, text))
			return true;
	return false;
}

static void
play(struct zones *z, const char *name, const json_t *t)
{
	const char *from = json_string_value(json_object_get(t, "mailfrom"));
	const char *helo = json_string_value(json_object_get(t, "helo"));
	const char *at = from != NULL ? strrchr(from, '@') : NULL;
	const char *why = json_string_value(json_object_get(t, "explanation"));
	const char *reason = json_string_value(json_object_get(t, "reason"));
	char *local = at != NULL ? xmemdup0(from, (size_t)(at - from)) : NULL;
	const json_t *asked = json_object_get(t, "asked");
	struct spf_query q = { .helo = helo,
		.local = local,
		.domain = at != NULL ? at + 1 : helo,
		.receiver = "mx.example.org",
		.now = 1700000000,
		.kumomta_quirks = json_is_true(json_object_get(t, "quirks")),
		.ask = ask,
		.arg = z };
	struct spf_answer a;
	struct err err;

	z->asked = 0;
	z->n++;
	if (ip_parse(&q.ip, json_string_value(json_object_get(t, "host")),
		&err) != 0)
		ck_abort_msg("%s: host: %s", name, err.msg);
	spf_check(&q, &a);
	if (!is_one_of(json_object_get(t, "result"), spf_result_text(a.result)))
		str_addf(&z->wrong, "%s: %s (%s)\n", name,
		    spf_result_text(a.result), a.reason);
	else if (why != NULL &&
		 (strcmp(why, "DEFAULT") == 0
			 ? a.explained
			 : !a.explained || strcasecmp(a.reason, why) != 0))
		str_addf(&z->wrong, "%s: %s: %s\n", name,
		    a.explained ? "explained" : "not explained", a.reason);
	if (reason != NULL && strcmp(reason, a.reason) != 0)
		str_addf(&z->wrong, "%s: reason: %s\n", name, a.reason);
	if (asked != NULL && z->asked > json_integer_value(asked))
		str_addf(&z->wrong, "%s: asked %u times\n", name, z->asked);
	spf_answer_fini(&a);
	free(local);
}

static void
play_document(struct zones *z, const char *text, size_t len)
{
	struct err err;
	json_t *doc = yaml_read(text, len, &err), *tests;
	const char *name;
	json_t *t;

	if (doc == NULL)
		ck_abort_msg("cases: %s", err.msg);
	z->zones = json_object_get(doc, "zonedata");
	tests = json_object_get(doc, "tests");
	json_object_foreach (tests, name, t)
		play(z, name, t);
	json_decref(doc);
}

START_TEST(cases)
{
	const char *path = getenv("KUMILTER_SPF_CASES");
	struct zones z = { 0 };
	struct str file = { 0 };
	const char *at, *end;
	struct err err;

	if (!yaml_is_built())
		return;
	if (path == NULL)
		path = "t/data/spf.yaml";
	if (plain_file_get(path, &file, &err) != 0)
		ck_abort_msg("%s: %s", path, err.msg);
	for (at = strstr(str_c(&file), "---\n"); at != NULL; at = end) {
		at += strlen("---\n");
		end = strstr(at, "\n---\n");
		play_document(
		    &z, at, end != NULL ? (size_t)(end - at) : strlen(at));
		if (end != NULL)
			end++;
	}
	ck_assert_uint_gt(z.n, 100);
	if (z.wrong.len != 0)
		ck_abort_msg("of %zu cases:\n%.3000s", z.n, str_c(&z.wrong));
	str_fini(&file);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("spf", &t);

	tcase_add_test(t, cases);
	return s;
}

UNIT_MAIN(suite)
