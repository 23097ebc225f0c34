#include "unit.h"

#include "milter/address.h"
#include "milter/dmarc_from.h"
#include "milter/str.h"

#include <string.h>

#define BUECHER                                                                \
	"b\xc3\xbc"                                                            \
	"cher.example"

/* Values of fields, a line each, "NAME:VALUE"; the domains, or why none. */
static const struct {
	const char *fields, *domains, *why, *quirks;
} rows[] = {
	{ "From: ann@example.com", "example.com", NULL, "example.com" },
	{ "from:ann@Example.COM", "example.com", NULL, "example.com" },
	{ "From: Ann <ann@a.example>", "a.example", NULL, "a.example" },
	{ "From: \"ann@b.example\" <ann@a.example>", "a.example", NULL,
	    "a.example" },
	{ "From: =?utf-8?q?ann=40b.example?= <ann@a.example>", "a.example",
	    NULL, "a.example" },
	{ "From: =?utf-8?q?\"ann=40b.example\"_<ann=40b.example>?= "
	  "<ann@a.example>",
	    "a.example", NULL, "a.example" },
	{ "From: \"a@b.example\"@a.example", "a.example", NULL, "a.example" },
	{ "From: ann@a.example (<bob@b.example>)", "a.example", NULL,
	    "a.example" },
	{ "From: (x) ann (y) @ (z) a.example", "a.example", NULL, "a.example" },
	{ "From:\n\tAnn\n <ann\n @a.example>", "a.example", NULL, "a.example" },
	{ "From: <@b.example:ann@a.example>", "a.example", NULL, "a.example" },
	/* IDN */
	{ "From: ann@" BUECHER, "xn--bcher-kva.example", NULL,
	    "xn--bcher-kva.example" },
	{ "From: ann@XN--bcher-KVA.example", "xn--bcher-kva.example", NULL,
	    "xn--bcher-kva.example" },
	{ "From: a@" BUECHER ", b@xn--bcher-kva.example",
	    "xn--bcher-kva.example", NULL, "" },
	/* several */
	{ "From: a@a.example, b@A.EXAMPLE", "a.example", NULL, "" },
	{ "From: a@a.example, b@b.example, c@a.example", "a.example b.example",
	    NULL, "" },
	{ "From: a@1.example, a@2.example, a@3.example, a@4.example",
	    "1.example 2.example 3.example 4.example", NULL, "" },
	{ "From: a@1.example, a@2.example, a@3.example, a@4.example, "
	  "a@5.example",
	    NULL, "!From: has too many domains", "" },
	{ "From: team: a@a.example, b@b.example;", "a.example b.example", NULL,
	    "" },
	/* no domain is claimed */
	{ "From: undisclosed:;", NULL, "From: has no domain", "" },
	{ "From: ann@[192.0.2.1]", NULL, "From: has no domain", NULL },
	{ "From: <>", NULL, "From: has no domain", "" },
	{ "From: Ann <>, b@b.example", "b.example", NULL, "" },
	{ "From: ", NULL, "From: has no domain", "" },
	{ "From: ,,", NULL, "From: has no domain", "" },
	/* what a message may not have */
	{ "To: ann@a.example", NULL, "!no From: field", "" },
	{ "From: ann@a.example\nFrom: ann@a.example", NULL,
	    "!several From: fields", "a.example" },
	{ "From: ann@a.example\nTo: x@a.example\nfROM: bob@b.example", NULL,
	    "!several From: fields", "a.example" },
	{ "From : ann@a.example\nFrom: bob@b.example", NULL,
	    "!several From: fields", "a.example" },
	{ "From : ann@a.example", "a.example", NULL, "a.example" },
	{ "From\t : ann@a.example", "a.example", NULL, "a.example" },
	{ "From: ann@a.example.", NULL, "!From: is no address", "" },
	{ "From: ann", NULL, "!From: is no address", "" },
	{ "From: Ann Example", NULL, "!From: is no address", "" },
	{ "From: ann@a.example bob@b.example", NULL, "!From: is no address",
	    "" },
	{ "From: ann@a.example; bob@b.example", NULL, "!From: is no address",
	    "" },
	{ "From: <ann@a.example", NULL, "!From: is no address", "" },
	{ "From: =?utf-8?q?ann=40a.example?=", NULL, "!From: is no address",
	    "" },
	{ "From: ann@a!b.example", NULL, "!From: has a domain that is none",
	    "" },
	{ "From: a@a.example, ann@a!b.example", NULL,
	    "!From: has a domain that is none", "" },
	{ "From: ann@\xff\xfe.example", NULL, "!From: is no address", "" },
	/* readers that see another address than checkers: all are looked at,
	 * or none is */
	{ "From: <x@evil.example>, <ann@a.example>", "evil.example a.example",
	    NULL, "" },
	{ "From: ann@a.example, <x@evil.example>", "a.example evil.example",
	    NULL, "" },
	{ "From: <@evil.example,@b.example:ann@a.example>", "a.example", NULL,
	    "a.example" },
	{ "From: <ann@a.example>\\, <x@evil.example>", NULL,
	    "!From: is no address", "" },
	{ "From: <ann@a.example>x@evil.example", NULL, "!From: is no address",
	    "" },
	{ "From: x@evil.example<ann@a.example>", NULL, "!From: is no address",
	    "" },
	{ "From: <ann@a.example>,c<x@evil.example>", "a.example evil.example",
	    NULL, "" },
	{ "From: <x@evil.example> <ann@a.example>", NULL,
	    "!From: is no address", "" },
	{ "From: =?utf-8?b?PGFubkBhLmV4YW1wbGU+?=, <x@evil.example>", NULL,
	    "!From: is no address", "" },
	{ "From: \"Ann <ann@a.example>\" <x@evil.example>", "evil.example",
	    NULL, "evil.example" },
	{ "From: ann@a.example(@evil.example)", "a.example", NULL,
	    "a.example" },
	{ "From: ann@(@evil.example)a.example", "a.example", NULL,
	    "a.example" },
	{ "From: ann@a.example,", "a.example", NULL, "a.example" },
	{ "From: ann@evil.example@a.example", NULL, "!From: is no address",
	    "" },
	{ "From: \"ann@a.example\"@evil.example", "evil.example", NULL,
	    "evil.example" },
	{ "From: ann @ a . example", "a.example", NULL, "a.example" },
	{ "From : x@evil.example\nFrom: ann@a.example", NULL,
	    "!several From: fields", "evil.example" },
	{ "FROM: x@evil.example\nfrom: ann@a.example", NULL,
	    "!several From: fields", "evil.example" },
	{ "Sender: x@evil.example\nFrom: ann@a.example", "a.example", NULL,
	    "a.example" },
};

static void
give(struct headers *h, const char *fields)
{
	while (*fields != '\0') {
		const char *end = fields;
		const char *colon = strchr(fields, ':');
		char name[32] = "";
		char *raw;

		do
			end += 1 + strcspn(end + 1, "\n");
		while (*end == '\n' && (end[1] == ' ' || end[1] == '\t'));
		memcpy(name, fields, (size_t)(colon - fields));
		raw = strndup(colon + 1, (size_t)(end - colon - 1));
		headers_received(h, name, raw);
		free(raw);
		fields = *end == '\n' ? end + 1 : end;
	}
}

static void
describe(struct str *out, const struct dmarc_from *f)
{
	for (size_t i = 0; i < f->n; i++)
		str_addf(out, "%s%s", i != 0 ? " " : "", f->domain[i]);
}

START_TEST(row)
{
	const char *fields = rows[_i].fields, *why = rows[_i].why;
	struct headers h = { 0 };
	struct dmarc_from f;
	struct str got = { 0 };

	if (!address_knows_idn() && strstr(fields, "\xc3") != NULL)
		return;
	give(&h, fields);
	dmarc_from_read(&f, &h, false);
	describe(&got, &f);
	ck_assert_msg(
	    strcmp(str_c(&got),
		rows[_i].domains != NULL ? rows[_i].domains : "") == 0,
	    "%s: got %s", fields, str_c(&got));
	ck_assert_msg((f.why != NULL) == (why != NULL), "%s: %s", fields,
	    f.why != NULL ? f.why : "no reason");
	if (why != NULL) {
		ck_assert_msg(f.broken == (why[0] == '!'), "%s", fields);
		ck_assert_str_eq(f.why, why + (why[0] == '!'));
	}
	dmarc_from_fini(&f);
	str_fini(&got);
	headers_fini(&h);
}
END_TEST

START_TEST(quirks_row)
{
	const char *quirks = rows[_i].quirks;
	struct headers h = { 0 };
	struct dmarc_from f;
	struct str got = { 0 };

	if (!address_knows_idn() && strstr(rows[_i].fields, "\xc3") != NULL)
		return;
	give(&h, rows[_i].fields);
	dmarc_from_read(&f, &h, true);
	describe(&got, &f);
	ck_assert_msg(strcmp(str_c(&got), quirks != NULL ? quirks : "") == 0,
	    "%s: got %s", rows[_i].fields, str_c(&got));
	/* the domain that is none is found only after KumoMTA's own look */
	ck_assert_msg(f.n != 0 || f.why != NULL, "%s", rows[_i].fields);
	dmarc_from_fini(&f);
	str_fini(&got);
	headers_fini(&h);
}
END_TEST

/* 10,000 of one domain are one; of as many domains, none. */
START_TEST(a_crowd)
{
	struct headers h = { 0 };
	struct dmarc_from f;
	struct str one = { 0 }, many = { 0 };

	for (int i = 0; i < 10000; i++) {
		str_addf(&one, " a%d@example.com,", i);
		str_addf(&many, " a@x%d.example,", i);
	}
	headers_received(&h, "From", str_c(&one));
	dmarc_from_read(&f, &h, false);
	ck_assert_uint_eq(f.n, 1);
	ck_assert_str_eq(f.domain[0], "example.com");
	dmarc_from_fini(&f);
	headers_fini(&h);
	headers_received(&h, "From", str_c(&many));
	dmarc_from_read(&f, &h, false);
	ck_assert_uint_eq(f.n, 0);
	ck_assert(f.broken);
	dmarc_from_fini(&f);
	headers_fini(&h);
	str_fini(&one);
	str_fini(&many);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dmarc_from", &t);

	tcase_add_loop_test(t, row, 0, UNIT_N(rows));
	tcase_add_loop_test(t, quirks_row, 0, UNIT_N(rows));
	tcase_add_test(t, a_crowd);
	return s;
}

UNIT_MAIN(suite)
