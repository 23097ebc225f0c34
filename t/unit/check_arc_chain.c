/*
 * ARC sets collected from headers.
 */
#include "unit.h"

#include "milter/arc_chain.h"
#include "milter/str.h"

#include <stdio.h>
#include <string.h>

#define AAR(i) "ARC-Authentication-Results: i=" i "; mx.example.org; none\n"
#define AMS(i) "ARC-Message-Signature: i=" i "; b=x\n"
#define AS(i, cv) "ARC-Seal: i=" i "; cv=" cv "; b=x\n"
#define FIRST AS("1", "none") AMS("1") AAR("1")
#define SECOND AS("2", "pass") AMS("2") AAR("2")
#define SUBJECT "Subject: i=7\n"

static const struct {
	const char *name, *block;
	unsigned n;
	const char *why; /* NULL: a chain */
} rows[] = {
	{ "nothing", "", 0, NULL },
	{ "others", SUBJECT "X-ARC-Seal: i=1\n", 0, NULL },
	{ "one set", FIRST SUBJECT, 1, NULL },
	{ "two sets", SECOND FIRST, 2, NULL },
	{ "any order",
	    AAR("1") SUBJECT AMS("2") SECOND AS("1", "none") AMS("1"), 2,
	    "several ARC-Message-Signature of instance 2" },
	{ "mixed order",
	    AAR("1") SUBJECT AMS("2") AS("1", "none") AAR("2") AMS("1")
		AS("2", "pass"),
	    2, NULL },
	{ "names of any case",
	    "arc-seal: i=1; cv=none\nARC-MESSAGE-SIGNATURE: i=1\n"
	    "arc-Authentication-results: i=1; x\n",
	    1, NULL },
	{ "folds",
	    "ARC-Seal:\n\ti\n =\n\t1\n ;\n\tcv\n\t=\n none\n" AMS("1")
		AAR("\n\t1\n\t"),
	    1, NULL },
	{ "cv of any case", AS("1", "None") AMS("1") AAR("1"), 1, NULL },
	{ "a zero before", AS("01", "none") AMS("1") AAR("01"), 1, NULL },
	{ "i not first", "ARC-Seal: cv=none; i=1\n" AMS("1") AAR("1"), 1,
	    NULL },
	{ "comments",
	    AS("1", "none") AMS(
		"1") "ARC-Authentication-Results: (a (b\\) c) d) i (=) = (1) 1 "
		     "(;) ; x\n",
	    1, NULL },
	{ "no seal", AMS("1") AAR("1"), 1, "no ARC-Seal of instance 1" },
	{ "no signature", AS("1", "none") AAR("1"), 1,
	    "no ARC-Message-Signature of instance 1" },
	{ "no results", AS("1", "none") AMS("1"), 1,
	    "no ARC-Authentication-Results of instance 1" },
	{ "two seals", AS("1", "none") FIRST, 1,
	    "several ARC-Seal of instance 1" },
	{ "two signatures", AMS("1") FIRST, 1,
	    "several ARC-Message-Signature of instance 1" },
	{ "two results", FIRST AAR("1"), 1,
	    "several ARC-Authentication-Results of instance 1" },
	{ "the same twice, one with a zero", FIRST AAR("01"), 1,
	    "several ARC-Authentication-Results of instance 1" },
	{ "a gap", AS("3", "pass") AMS("3") AAR("3") FIRST, 3,
	    "no ARC-Authentication-Results of instance 2" },
	{ "not from 1", SECOND, 2,
	    "no ARC-Authentication-Results of instance 1" },
	{ "1 says pass", AS("1", "pass") AMS("1") AAR("1"), 1,
	    "ARC-Seal of instance 1 without cv=none" },
	{ "2 says none", AS("2", "none") AMS("2") AAR("2") FIRST, 2,
	    "ARC-Seal of instance 2 without cv=pass" },
	{ "a seal with h", "ARC-Seal: i=1; h=from; cv=none\n" AMS("1") AAR("1"),
	    1, "ARC-Seal of instance 1 with h=" },
	{ "no cv", "ARC-Seal: i=1\n" AMS("1") AAR("1"), 1,
	    "ARC-Seal of instance 1 without cv=none" },
	{ "an empty cv", AS("1", "") AMS("1") AAR("1"), 1,
	    "ARC-Seal of instance 1 without cv=none" },
	{ "another cv", AS("1", "nonesuch") AMS("1") AAR("1"), 1,
	    "ARC-Seal of instance 1 without cv=none" },
	{ "an older one failed", SECOND AS("1", "fail") AMS("1") AAR("1"), 2,
	    "ARC-Seal of instance 1 without cv=none" },
	{ "the newest failed", AS("2", "fail") AMS("2") AAR("2"), 2,
	    "ARC-Seal of instance 2 says cv=fail" },
	{ "i=0", AS("0", "none") AMS("1") AAR("1"), 1,
	    "ARC-Seal without a valid instance" },
	{ "no i", "ARC-Seal: cv=none\n" AMS("1") AAR("1"), 1,
	    "ARC-Seal without a valid instance" },
	{ "an empty i", AS("", "none") AMS("1") AAR("1"), 1,
	    "ARC-Seal without a valid instance" },
	{ "i=1.0", AS("1", "none") AMS("1.0") AAR("1"), 1,
	    "ARC-Message-Signature without a valid instance" },
	{ "i=-1", AS("1", "none") AMS("-1") AAR("1"), 1,
	    "ARC-Message-Signature without a valid instance" },
	{ "i=51", AS("51", "none") AMS("51") AAR("51"), 0,
	    "ARC-Seal without a valid instance" },
	{ "i=001", AS("001", "none") AMS("1") AAR("1"), 1,
	    "ARC-Seal without a valid instance" },
	{ "i=4294967297", AS("4294967297", "none") AMS("1") AAR("1"), 1,
	    "ARC-Seal without a valid instance" },
	{ "two i", "ARC-Seal: i=1; i=1; cv=none\n" AMS("1") AAR("1"), 1,
	    "ARC-Seal without a valid instance" },
	{ "I", "ARC-Seal: I=1; cv=none\n" AMS("1") AAR("1"), 1,
	    "ARC-Seal without a valid instance" },
	{ "no list of tags", "ARC-Seal: i=1;; cv=none\n" AMS("1") AAR("1"), 1,
	    "ARC-Seal without a valid instance" },
	{ "results without i",
	    AS("1", "none") AMS("1") "ARC-Authentication-Results: mx; none\n",
	    1, "ARC-Authentication-Results without a valid instance" },
	{ "results whose i comes later",
	    AS("1", "none") AMS("1") "ARC-Authentication-Results: mx; i=1;\n",
	    1, "ARC-Authentication-Results without a valid instance" },
	{ "results without a semicolon",
	    AS("1", "none") AMS("1") "ARC-Authentication-Results: i=1 mx;\n", 1,
	    "ARC-Authentication-Results without a valid instance" },
	{ "results that end",
	    AS("1", "none") AMS("1") "ARC-Authentication-Results: i=1\n", 1,
	    "ARC-Authentication-Results without a valid instance" },
	{ "results with a comment without end",
	    AS("1", "none") AMS("1") "ARC-Authentication-Results: i=1 (;\n", 1,
	    "ARC-Authentication-Results without a valid instance" },
	{ "the first trouble is told", AAR("x") FIRST AMS("y"), 1,
	    "ARC-Authentication-Results without a valid instance" },
};

/* The block's lines as the MTA gives them: "\n" before white space folds. */
static void
read_block(struct headers *h, const char *block)
{
	char *copy = strdup(block), *at = copy, *end;

	for (; *at != '\0'; at = end + 1) {
		char *colon = strchr(at, ':');

		for (end = strchr(at, '\n'); end[1] == '\t' || end[1] == ' ';)
			end = strchr(end + 1, '\n');
		*end = *colon = '\0';
		headers_received(h, at, colon + 1);
	}
	free(copy);
}

START_TEST(row)
{
	struct headers h = { 0 };
	struct arc_chain c;
	struct err err;
	int rc;

	read_block(&h, rows[_i].block);
	rc = arc_chain_collect(&c, &h, &err);
	ck_assert_msg(rc == (rows[_i].why == NULL ? 0 : -1), "%s: %s",
	    rows[_i].name, rc != 0 ? err.msg : "a chain");
	if (rc != 0)
		ck_assert_msg(strcmp(err.msg, rows[_i].why) == 0, "%s: %s",
		    rows[_i].name, err.msg);
	ck_assert_msg(c.n == rows[_i].n, "%s: %u", rows[_i].name, c.n);
	ck_assert_int_eq(c.any, strstr(rows[_i].block, "X-ARC") == NULL &&
				    rows[_i].block[0] != '\0');
	for (unsigned i = 0; rc == 0 && i < c.n; i++)
		ck_assert(arc_set_is_whole(&c.set[i]));
	headers_fini(&h);
}
END_TEST

static void
add_set(struct headers *h, unsigned i)
{
	char raw[40];

	snprintf(raw, sizeof raw, " i=%u; cv=%s", i, i == 1 ? "none" : "pass");
	for (int k = 0; k < ARC_FIELDS; k++)
		headers_received(h, arc_field_name((enum arc_field)k), raw);
}

/* As many as there may be, one more, and far too many. */
static const struct {
	unsigned sets, n;
	bool cut_short;
	const char *why;
} many[] = {
	{ 50, 50, false, NULL },
	{ 51, 50, true, "more than 50 ARC sets" },
	{ 3400, 50, true, "more than 50 ARC sets" },
};

START_TEST(many_sets)
{
	struct headers h = { 0 };
	struct arc_chain c;
	struct err err = { "" };
	int rc;

	for (unsigned i = 1; i <= many[_i].sets; i++)
		add_set(&h, i);
	rc = arc_chain_collect(&c, &h, &err);
	ck_assert_int_eq(rc, many[_i].why == NULL ? 0 : -1);
	ck_assert_str_eq(err.msg, many[_i].why != NULL ? many[_i].why : "");
	ck_assert_uint_eq(c.n, many[_i].n);
	ck_assert_int_eq(c.cut_short, many[_i].cut_short);
	headers_fini(&h);
}
END_TEST

START_TEST(names)
{
	ck_assert(arc_is_field("arc-seal"));
	ck_assert(arc_is_field("ARC-Message-Signature"));
	ck_assert(arc_is_field("ARC-AUTHENTICATION-RESULTS"));
	ck_assert(!arc_is_field("ARC-Seals"));
	ck_assert(!arc_is_field("Authentication-Results"));
	ck_assert_str_eq(arc_status_text(ARC_NONE), "none");
	ck_assert_str_eq(arc_status_text(ARC_PASS), "pass");
	ck_assert_str_eq(arc_status_text(ARC_FAIL), "fail");
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("arc_chain", &t);

	tcase_add_loop_test(t, row, 0, UNIT_N(rows));
	tcase_add_loop_test(t, many_sets, 0, UNIT_N(many));
	tcase_add_test(t, names);
	return s;
}

UNIT_MAIN(suite)
