#include "milter/dkim_fields.h"
#include "unit.h"

#include <string.h>

/* "Name" and raw value, from the top. */
static const char *const mail[][2] = {
	{ "DKIM-Signature", " b=2" },
	{ "Received", " 2" },
	{ "DKIM-Signature", " b=1" },
	{ "Received", " 1" },
	{ "From ", " second" },
	{ "Subject", " s\n t" },
	{ "FROM", " first" },
	{ "Fro", " no" },
};

static void
make_mail(struct headers *h)
{
	for (size_t i = 0; i < UNIT_N(mail); i++)
		headers_received(h, mail[i][0], mail[i][1]);
}

#define NONE DKIM_FIELDS_NONE

static const struct {
	const char *h;
	size_t self;
	const char *signed_; /* relaxed */
	size_t from;         /* not signed */
} rows[] = {
	{ "From", NONE, "from:first\r\n", 1 },
	{ "from:FROM", NONE, "from:first\r\nfrom:second\r\n", 0 },
	{ "From:Subject:From:From:Subject", NONE,
	    "from:first\r\nsubject:s t\r\nfrom:second\r\n", 0 },
	{ "Received : Received\n :Received", NONE,
	    "received:1\r\nreceived:2\r\n", 2 },
	{ "To:Cc::", NONE, "", 2 },
	{ "", NONE, "", 2 },
	{ "DKIM-Signature", NONE, "dkim-signature:b=1\r\n", 2 },
	{ "DKIM-Signature:DKIM-Signature", 0, "dkim-signature:b=1\r\n", 2 },
	{ "DKIM-Signature:DKIM-Signature", 2, "dkim-signature:b=2\r\n", 2 },
	{ "Froma:Fro:Fr", NONE, "fro:no\r\n", 2 },
};

START_TEST(choose)
{
	struct dkim_tag h = { .value = rows[_i].h, .len = strlen(rows[_i].h) };
	struct headers headers = { 0 };
	struct dkim_fields f;
	struct str out = { 0 };

	make_mail(&headers);
	dkim_fields_init(&f, &headers);
	for (int again = 0; again < 2; again++) {
		str_clear(&out);
		dkim_fields_add(&f, &out, DKIM_RELAXED, &h, rows[_i].self);
		ck_assert_str_eq(str_c(&out), rows[_i].signed_);
		ck_assert_uint_eq(
		    dkim_fields_unsigned(&f, "From"), rows[_i].from);
	}
	ck_assert_uint_eq(dkim_fields_unsigned(&f, "To"), 0);
	dkim_fields_fini(&f);
	headers_fini(&headers);
	str_fini(&out);
}
END_TEST

START_TEST(of_nothing)
{
	struct dkim_tag h = { .value = "From", .len = 4 };
	struct headers headers = { 0 };
	struct dkim_fields f;
	struct str out = { 0 };

	dkim_fields_init(&f, &headers);
	dkim_fields_add(&f, &out, DKIM_SIMPLE, &h, NONE);
	ck_assert_uint_eq(out.len, 0);
	dkim_fields_fini(&f);
}
END_TEST

/* As many fields as names: what is signed is each once. */
START_TEST(many)
{
	enum { N = 20000 };
	struct headers headers = { 0 };
	struct str list = { 0 }, out = { 0 };
	struct dkim_fields f;
	struct dkim_tag h;

	for (int i = 0; i < N; i++) {
		headers_received(&headers, "a", "b");
		str_adds(&list, "a:A:x:");
	}
	h = (struct dkim_tag){ .value = str_c(&list), .len = list.len };
	dkim_fields_init(&f, &headers);
	dkim_fields_add(&f, &out, DKIM_SIMPLE, &h, NONE);
	ck_assert_uint_eq(out.len, N * strlen("a:b\r\n"));
	ck_assert_uint_eq(dkim_fields_unsigned(&f, "a"), 0);
	dkim_fields_fini(&f);
	headers_fini(&headers);
	str_fini(&list);
	str_fini(&out);
}
END_TEST

static const struct {
	const char *raw, *simple, *relaxed;
} signatures[] = {
	{ " v=1; b=abc; d=e", "S: v=1; b=; d=e", "s:v=1; b=; d=e" },
	{ " v=1; b=abc\n def=\n", "S: v=1; b=", "s:v=1; b=" },
	{ " v=1;b\n = abc\n ;bh=b=", "S: v=1;b\r\n =;bh=b=",
	    "s:v=1;b =;bh=b=" },
	{ "bh=b; b=", "S:bh=b; b=", "s:bh=b; b=" },
	{ "b= ", "S:b=", "s:b=" },
	{ "b=\n\t;", "S:b=;", "s:b=;" },
	{ " B=1;  bh=2", "S: B=1;  bh=2", "s:B=1; bh=2" },
	{ "no list", NULL, NULL },
};

START_TEST(signature)
{
	struct headers h = { 0 };
	struct str simple = { 0 }, relaxed = { 0 };
	int expected = signatures[_i].simple != NULL ? 0 : -1;

	headers_received(&h, "S", signatures[_i].raw);
	ck_assert_int_eq(
	    dkim_fields_signature(&simple, DKIM_SIMPLE, h.field, NULL),
	    expected);
	ck_assert_int_eq(
	    dkim_fields_signature(&relaxed, DKIM_RELAXED, h.field, NULL),
	    expected);
	if (expected == 0) {
		ck_assert_str_eq(str_c(&simple), signatures[_i].simple);
		ck_assert_str_eq(str_c(&relaxed), signatures[_i].relaxed);
	}
	str_fini(&simple);
	str_fini(&relaxed);
	headers_fini(&h);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("dkim_fields", &tc);

	tcase_add_loop_test(tc, choose, 0, UNIT_N(rows));
	tcase_add_test(tc, of_nothing);
	tcase_add_test(tc, many);
	tcase_add_loop_test(tc, signature, 0, UNIT_N(signatures));
	return s;
}
UNIT_MAIN(suite)
