#include "unit.h"

#include "milter/address.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text, *user, *domain, *email;
} good[] = {
	{ "a@b", "a", "b", "a@b" },
	{ "<a@b>", "a", "b", "a@b" },
	{ " <a@b>\r\n", "a", "b", "a@b" },
	{ "\ta@b ", "a", "b", "a@b" },
	{ "", "", "", "" },
	{ "<>", "", "", "" },
	{ " <> ", "", "", "" },
	{ "<postmaster>", "postmaster", "", "Postmaster" },
	{ "PostMASTER", "postmaster", "", "Postmaster" },
	{ "Postmaster@Example.ORG", "Postmaster", "example.org",
	    "Postmaster@example.org" },
	{ "John.Doe+tag@Example.COM", "John.Doe+tag", "example.com",
	    "John.Doe+tag@example.com" },
	{ "<@a.example,@b.example:c@d.example>", "c", "d.example",
	    "c@d.example" },
	{ "<@[IPv6:::1],@b:c@d>", "c", "d", "c@d" },
	{ "\"f\\oo\"@x", "foo", "x", "\"f\\oo\"@x" },
	{ "\"a@b\"@c", "a@b", "c", "\"a@b\"@c" },
	{ "\"a\\\"b\\\\\"@c", "a\"b\\", "c", "\"a\\\"b\\\\\"@c" },
	{ "\"with space\"@x", "with space", "x", "\"with space\"@x" },
	{ "\"\"@x", "", "x", "\"\"@x" },
	{ "\">\"@x", ">", "x", "\">\"@x" },
	{ "a@[192.0.2.1]", "a", "[192.0.2.1]", "a@[192.0.2.1]" },
	{ "<a@[IPv6:::1]>", "a", "[IPv6:::1]", "a@[IPv6:::1]" },
	{ "a@[tag:What:Ever]", "a", "[tag:What:Ever]", "a@[tag:What:Ever]" },
	{ "a@example.org.", "a", "example.org", "a@example.org" },
	{ "a@my_host.example", "a", "my_host.example", "a@my_host.example" },
	{ "a@-x-", "a", "-x-", "a@-x-" },
	{ "!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~", "x",
	    "!#$%&'*+-/=?^_`{|}~@x" },
	{ "b=c=d@x", "b=c=d", "x", "b=c=d@x" },
	{ "j\xc3\xbcrgen@x", "j\xc3\xbcrgen", "x", "j\xc3\xbcrgen@x" },
	{ "\xff\xfe@x", "\xff\xfe", "x", "\xff\xfe@x" },
	{ "\"\xc3\xbc \"@x", "\xc3\xbc ", "x", "\"\xc3\xbc \"@x" },
	{ "a@XN--MNCHEN-3YA.de", "a", "xn--mnchen-3ya.de",
	    "a@xn--mnchen-3ya.de" },
#ifdef HAVE_IDN2
	{ "a@m\xc3\xbcnchen.de", "a", "xn--mnchen-3ya.de",
	    "a@xn--mnchen-3ya.de" },
	{ "a@M\xc3\x9cNCHEN.De.", "a", "xn--mnchen-3ya.de",
	    "a@xn--mnchen-3ya.de" },
	{ "a@stra\xc3\x9f"
	  "e.example",
	    "a", "xn--strae-oqa.example", "a@xn--strae-oqa.example" },
	{ "a@\xef\xbd\x85xample.org", "a", "example.org", "a@example.org" },
#else
	{ "a@m\xc3\xbcnchen.DE", "a", "m\xc3\xbcnchen.de",
	    "a@m\xc3\xbcnchen.de" },
#endif
};

static void
expect(const struct address *a, const char *text, const char *user,
    const char *domain, const char *email)
{
	ck_assert_msg(
	    strcmp(a->user, user) == 0, "%s: user \"%s\"", text, a->user);
	ck_assert_msg(strcmp(a->domain, domain) == 0, "%s: domain \"%s\"", text,
	    a->domain);
	ck_assert_msg(
	    strcmp(a->email, email) == 0, "%s: email \"%s\"", text, a->email);
}

START_TEST(reads_addresses)
{
	struct address a, b;
	struct err err;

	ck_assert_msg(
	    address_parse(&a, good[_i].text, strlen(good[_i].text), &err) == 0,
	    "%s: %s", good[_i].text, err.msg);
	expect(
	    &a, good[_i].text, good[_i].user, good[_i].domain, good[_i].email);
	ck_assert_int_eq(address_is_null(&a), good[_i].email[0] == '\0');
	address_copy(&b, &a);
	address_fini(&a);
	expect(
	    &b, good[_i].text, good[_i].user, good[_i].domain, good[_i].email);
	address_fini(&b);
}
END_TEST

/* What was read and is written down reads as the same again. */
START_TEST(email_reads_as_itself)
{
	struct address a, b;

	ck_assert_int_eq(
	    address_parse(&a, good[_i].text, strlen(good[_i].text), NULL), 0);
	ck_assert_int_eq(address_parse(&b, a.email, strlen(a.email), NULL), 0);
	expect(&b, a.email, a.user, a.domain, a.email);
	address_fini(&a);
	address_fini(&b);
}
END_TEST

START_TEST(lenient_agrees_with_strict)
{
	struct address a;

	address_parse_lenient(&a, good[_i].text, strlen(good[_i].text));
	expect(
	    &a, good[_i].text, good[_i].user, good[_i].domain, good[_i].email);
	address_fini(&a);
}
END_TEST

static const struct {
	const char *text, *user, *domain, *email; /* of the lenient reading */
} odd[] = {
	{ "root", "root", "", "root" },
	{ "<root>", "root", "", "root" },
	{ "a..b@X", "a..b", "x", "a..b@x" },
	{ ".a@x", ".a", "x", ".a@x" },
	{ "a.@x", "a.", "x", "a.@x" },
	{ "a b@x", "a b", "x", "a b@x" },
	{ "a@b@c", "a@b", "c", "a@b@c" },
	{ "a@", "a", "", "a@" },
	{ "@x", "", "x", "@x" },
	{ "@", "", "", "@" },
	{ "<a@b", "a", "b", "a@b" },
	{ "a@b>", "a", "b", "a@b" },
	{ "<", "", "", "" },
	{ "\"a@b", "\"a", "b", "\"a@b" },
	{ "\"a\"b\"@c", "a\"b", "c", "\"a\"b\"@c" },
	{ "\"a\x01\"@c", "a\x01", "c", "\"a\x01\"@c" },
	{ "a@b..C", "a", "b..c", "a@b..c" },
	{ "a@b c", "a", "b c", "a@b c" },
	{ "a@x.example:2025", "a", "x.example:2025", "a@x.example:2025" },
	{ "a@[1.2.3.4", "a", "[1.2.3.4", "a@[1.2.3.4" },
	{ "a@.", "a", ".", "a@." },
	{ "<@a,@b:root>", "root", "", "root" },
#ifdef HAVE_IDN2
	{ "a@\xff.X", "a", "\xff.x", "a@\xff.x" },
	/* a full-width @, which would read as one of ours */
	{ "a@b\xef\xbc\xa0"
	  "c.de",
	    "a",
	    "b\xef\xbc\xa0"
	    "c.de",
	    "a@b\xef\xbc\xa0"
	    "c.de" },
#endif
};

START_TEST(refuses_what_lenient_takes)
{
	struct address a;
	struct err err = { "" };

	ck_assert_msg(
	    address_parse(&a, odd[_i].text, strlen(odd[_i].text), &err) == -1,
	    "%s", odd[_i].text);
	ck_assert_msg(err.msg[0] != '\0', "%s", odd[_i].text);
	ck_assert_ptr_null(a.email);
	address_parse_lenient(&a, odd[_i].text, strlen(odd[_i].text));
	expect(&a, odd[_i].text, odd[_i].user, odd[_i].domain, odd[_i].email);
	address_fini(&a);
}
END_TEST

static int
parse_sizes(size_t local, size_t domain)
{
	char *text = malloc(local + domain + 2);
	struct address a;
	struct err err;
	int rc;

	memset(text, 'a', local);
	text[local] = '@';
	memset(text + local + 1, 'b', domain);
	rc = address_parse(&a, text, local + 1 + domain, &err);
	if (rc == 0)
		ck_assert_uint_eq(strlen(a.email), local + 1 + domain);
	address_fini(&a);
	address_parse_lenient(&a, text, local + 1 + domain);
	ck_assert_uint_le(strlen(a.email), ADDRESS_MAX);
	address_fini(&a);
	free(text);
	return rc;
}

START_TEST(sizes_are_bounded)
{
	ck_assert_int_eq(parse_sizes(ADDRESS_LOCAL_MAX, 10), 0);
	ck_assert_int_eq(parse_sizes(ADDRESS_LOCAL_MAX + 1, 10), -1);
	ck_assert_int_eq(parse_sizes(10, ADDRESS_DOMAIN_MAX), 0);
	ck_assert_int_eq(parse_sizes(10, ADDRESS_DOMAIN_MAX + 1), -1);
	ck_assert_int_eq(parse_sizes(100000, 100000), -1);
}
END_TEST

START_TEST(a_nul_is_no_part_of_an_address)
{
	static const char text[] = "a@b.example\0.evil";
	struct address a;

	ck_assert_int_eq(address_parse(&a, text, sizeof text - 1, NULL), -1);
	ck_assert_int_eq(address_parse(&a, "a\0b@c", 5, NULL), -1);
	ck_assert_int_eq(address_parse(&a, "\"a\0b\"@c", 7, NULL), -1);
	ck_assert_int_eq(address_parse(&a, "a@\xc3\xbc\0x", 6, NULL), -1);
	address_parse_lenient(&a, text, sizeof text - 1);
	ck_assert_str_eq(a.domain, "b.example");
	address_fini(&a);
}
END_TEST

/* Bytes that steer the parser come often. */
static const char alphabet[] =
    "aB.@@<>\"\"\\[]:, \t\r\n-_\xc3\xbc\xff\xef\xbc\xa0";

START_TEST(any_bytes_are_survived)
{
	char text[64];
	struct address a;

	srand((unsigned)_i);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)rand() % sizeof text;

		for (size_t i = 0; i < n; i++)
			text[i] =
			    rand() % 4 == 0
				? (char)rand()
				: alphabet[(size_t)rand() % sizeof alphabet];
		if (address_parse(&a, text, n, NULL) == 0) {
			ck_assert_uint_le(strlen(a.user), n + 10);
			ck_assert_ptr_null(strchr(a.domain, '@'));
			ck_assert_ptr_null(strchr(a.domain, '\n'));
		}
		address_fini(&a);
		address_parse_lenient(&a, text, n);
		ck_assert_ptr_nonnull(a.email);
		address_fini(&a);
	}
}
END_TEST

static const struct {
	const char *in, *ascii, *utf8;
} idn[] = {
	{ "Example.COM.", "example.com", "example.com" },
	{ "gr\xc3\xbc\xc3\x9f.example", "xn--gr-hia9i.example",
	    "gr\xc3\xbc\xc3\x9f.example" },
	{ "xn--grn-8ma.example", "xn--grn-8ma.example", "gr\xc3\xb1n.example" },
	{ "xn--zzzz--.example", "xn--zzzz--.example", "xn--zzzz--.example" },
	{ "[192.0.2.1]", "[192.0.2.1]", "[192.0.2.1]" },
	{ "a b", NULL, NULL },
};

static void
check_name(char *got, const char *expected, const char *in)
{
	if (expected == NULL)
		ck_assert_msg(got == NULL, "%s: %s", in, got);
	else
		ck_assert_msg(got != NULL && strcmp(got, expected) == 0,
		    "%s: %s", in, got != NULL ? got : "NULL");
	free(got);
}

START_TEST(idn_row)
{
	const char *in = idn[_i].in;
	struct err err;

	if (!address_knows_idn())
		return;
	check_name(address_domain(in, strlen(in), &err), idn[_i].ascii, in);
	check_name(address_domain_utf8(in, strlen(in), &err), idn[_i].utf8, in);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("address", &t);

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, reads_addresses, 0, UNIT_N(good));
	tcase_add_loop_test(t, email_reads_as_itself, 0, UNIT_N(good));
	tcase_add_loop_test(t, lenient_agrees_with_strict, 0, UNIT_N(good));
	tcase_add_loop_test(t, refuses_what_lenient_takes, 0, UNIT_N(odd));
	tcase_add_test(t, sizes_are_bounded);
	tcase_add_test(t, a_nul_is_no_part_of_an_address);
	tcase_add_loop_test(t, any_bytes_are_survived, 1, 6);
	tcase_add_loop_test(t, idn_row, 0, UNIT_N(idn));
	return s;
}

UNIT_MAIN(suite)
