/*
 * What of a session is made unknown before it is recorded.
 */
#include "milter/hash.h"
#include "milter/redaction.h"
#include "unit.h"

#include <string.h>

/* Each "#" of what is expected stands for a hash. */
static const struct row {
	const char *name, *text, *expected;
} rows[] = {
	{ "an address", "<ann@a.example>", "<#@a.example>" },
	{ "the null sender", "<>", "<>" },
	{ "no address", "a @ b, x@ y", "a @ b, x@ y" },
	{ "a detail goes with its user", "ann+x=b@a.example", "#@a.example" },
	{ "in a field", " Ann <ann@a.example>, bob@b.example (Bob)",
	    " Ann <#@a.example>, #@b.example (Bob)" },
	{ "quoted", "<\"ann b\"@a.example>", "<#@a.example>" },
	{ "with a quote in it", "<\"a\\\"n\"@a.example>", "<#@a.example>" },
	{ "half a quote", "b\"@a.example", "b#@a.example" },
	{ "a route", "<@relay.example:ann@a.example>",
	    "<@relay.example:#@a.example>" },
	{ "a literal", "ann@[192.0.2.1]", "#@[192.0.2.1]" },
	{ "a postmaster", "PostMaster@a.example", "PostMaster@a.example" },
	{ "two signs", "a@b@c.example", "#@#@c.example" },
	{ "in a parameter", "rfc822;ann@a.example", "rfc822;#@a.example" },
	{ "UTF-8", "\xc3\xa4nn@a.example", "#@a.example" },
	{ "nothing", "", "" },
};

/* "u" and 16 digits become '#'. */
static void
hide(struct str *out, const char *p)
{
	while (*p != '\0')
		if (*p == 'u' && strspn(p + 1, "0123456789abcdef") == 16) {
			str_addc(out, '#');
			p += 17;
		} else {
			str_addc(out, *p++);
		}
}

START_TEST(addresses)
{
	const struct row *row = &rows[_i];
	struct str out = { 0 }, hidden = { 0 };
	struct redaction r;
	struct err err;

	if (!hash_is_built())
		return;
	ck_assert_int_eq(redaction_parse(&r, "addresses", &err), 0);
	redaction_text(&out, &r, row->text, strlen(row->text));
	hide(&hidden, str_c(&out));
	ck_assert_msg(strcmp(str_c(&hidden), row->expected) == 0,
	    "%s: expected %s, got %s", row->name, row->expected,
	    str_c(&hidden));
	str_fini(&hidden);
	str_fini(&out);
	redaction_fini(&r);
}
END_TEST

/* The same user is the same, in any case and place, with this key alone. */
START_TEST(equality_is_kept)
{
	struct str a = { 0 }, b = { 0 }, c = { 0 };
	struct redaction r, other;
	struct err err;

	if (!hash_is_built())
		return;
	ck_assert_int_eq(redaction_parse(&r, "addresses", &err), 0);
	ck_assert_int_eq(redaction_parse(&other, "addresses", &err), 0);
	redaction_user(&a, &r, "ann", 3);
	redaction_user(&b, &r, "ANN@a.example", 13);
	redaction_user(&c, &other, "ann", 3);
	ck_assert_uint_eq(a.len, 17);
	ck_assert_msg(strncmp(str_c(&a), str_c(&b), 17) == 0, "%s, %s",
	    str_c(&a), str_c(&b));
	ck_assert_str_ne(str_c(&a), str_c(&c));
	str_clear(&b);
	redaction_user(&b, &r, "bob", 3);
	ck_assert_str_ne(str_c(&a), str_c(&b));
	str_fini(&a);
	str_fini(&b);
	str_fini(&c);
	redaction_fini(&r);
	redaction_fini(&other);
}
END_TEST

START_TEST(fields_by_name)
{
	struct redaction r;
	struct str out = { 0 };
	struct err err;

	ck_assert_int_eq(redaction_parse(&r, "subject,header:X-User", &err), 0);
	ck_assert(redaction_is_any(&r));
	ck_assert(redaction_header(&r, "Subject"));
	ck_assert(redaction_header(&r, "x-user"));
	ck_assert(!redaction_header(&r, "From"));
	redaction_text(&out, &r, "ann@a.example", 13);
	ck_assert_str_eq(str_c(&out), "ann@a.example");
	str_fini(&out);
	redaction_fini(&r);
	ck_assert_int_eq(redaction_parse(&r, "none", &err), 0);
	ck_assert(!redaction_is_any(&r));
	redaction_fini(&r);
}
END_TEST

START_TEST(wrong_words)
{
	static const char *const lists[] = { "subjects", "header:", "a,b" };
	struct redaction r;
	struct err err;

	for (size_t i = 0; i < UNIT_N(lists); i++) {
		ck_assert_int_eq(redaction_parse(&r, lists[i], &err), -1);
		ck_assert_ptr_nonnull(strstr(err.msg, "expected"));
	}
}
END_TEST

static Suite *
redaction_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("redaction", &tc);

	tcase_add_loop_test(tc, addresses, 0, (int)UNIT_N(rows));
	tcase_add_test(tc, equality_is_kept);
	tcase_add_test(tc, fields_by_name);
	tcase_add_test(tc, wrong_words);
	return s;
}

UNIT_MAIN(redaction_suite)
