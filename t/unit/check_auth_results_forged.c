#include "unit.h"

#include "milter/address.h"
#include "milter/auth_results_forged.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *value;
	bool claims; /* to be mx.example.com's */
} rows[] = {
	{ " mx.example.com; spf=pass", true },
	{ "mx.example.com;none", true },
	{ " mx.example.com", true }, /* nothing behind it */
	{ " MX.Example.COM; none", true },
	{ " mx.example.com.; none", true },
	{ " mx.example.com 1; none", true },
	{ " mx.example.com 1 ; none", true },
	{ "\n\tmx.example.com\n\t; none", true },
	{ " \"mx.example.com\"; none", true },
	{ " \"mx.\\example.com\"; none", true },
	{ " \"mx.example\n .com\"; none", true },
	{ " (a (nested) comment\\)) mx.example.com(x)2(y); none", true },
	{ " other.example; none", false },
	{ " other.example 1; mx.example.com=pass", false },
	{ " other.example; spf=pass smtp.helo=mx.example.com", false },
	{ " mx.example.com.other.example; none", false },
	{ " amx.example.com; none", false },
	{ " example.com; none", false },
	{ " \"mx.example.com \"; none", false },
	{ " (mx.example.com) other.example; none", false },
	{ " other.example; spf=pass reason=\"unfinished", false },
	{ " other/example@[192.0.2.1]:25; none", false },
	/* whose beginning says nothing, or several things */
	{ "", true },
	{ " ", true },
	{ " ; none", true },
	{ " spf=pass smtp.mailfrom=example.com; dkim=none", true },
	{ " other.example mx.example.com; none", true },
	{ " mx.example.com spf=pass", true },
	{ " other.example 1 2; none", true },
	{ " (unfinished mx.example.com; none", true },
	{ " \"unfinished; none", true },
	{ " \"other\".example; none", true },
	{ " other.example(unfinished; none", true },
	{ " =?utf-8?q?mx.example.com?=; none", true },
};

START_TEST(row)
{
	const char *v = rows[_i].value;

	ck_assert_msg(auth_results_claims(v, strlen(v), "mx.example.com") ==
			  rows[_i].claims,
	    "%s", v);
	/* whatever the policy calls itself */
	ck_assert_msg(auth_results_claims(v, strlen(v), "MX.example.com.") ==
			  rows[_i].claims,
	    "%s", v);
}
END_TEST

START_TEST(names_are_compared_as_the_dns_has_them)
{
	static const char ours[] = " xn--bcher-kva.example; none";
	static const char theirs[] = " b\xc3\xbc"
				     "cher.example; none";

	if (!address_knows_idn())
		return;
	ck_assert(auth_results_claims(ours, strlen(ours),
	    "b\xc3\xbc"
	    "cher.example"));
	ck_assert(auth_results_claims(
	    theirs, strlen(theirs), "xn--bcher-kva.example"));
	ck_assert(!auth_results_claims(theirs, strlen(theirs), "mx.example"));
	/* a name that is no domain */
	ck_assert(auth_results_claims(" my mx; none", 12, "my mx"));
	ck_assert(auth_results_claims(" \"my MX\"; none", 14, "my mx"));
}
END_TEST

START_TEST(all_of_them_go_and_no_other)
{
	struct headers h = { 0 };
	char subject[16];

	for (int i = 0; i < 10000; i++) {
		headers_received(&h,
		    i % 2 != 0 ? "Authentication-results"
			       : "AUTHENTICATION-RESULTS ",
		    i % 10 != 0 ? " mx.example.com; none"
				: " other.example; none");
		snprintf(subject, sizeof subject, " %d", i);
		headers_received(&h, "Subject", subject);
	}
	headers_received(&h, "X-Authentication-Results", " mx.example.com;");
	headers_received(&h, "ARC-Authentication-Results", " i=1; mx");
	ck_assert_uint_eq(
	    auth_results_forged_remove(&h, "mx.example.com"), 9000);
	ck_assert_uint_eq(h.n, 10000 + 1000 + 2);
	ck_assert_str_eq(h.field[0].raw, " other.example; none");
	ck_assert_str_eq(h.field[1].raw, " 0");
	ck_assert_str_eq(h.field[2].raw, " 1");
	ck_assert_uint_eq(auth_results_forged_remove(&h, "mx.example.com"), 0);
	headers_fini(&h);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("auth_results_forged", &t);

	tcase_add_loop_test(t, row, 0, UNIT_N(rows));
	tcase_add_test(t, names_are_compared_as_the_dns_has_them);
	tcase_add_test(t, all_of_them_go_and_no_other);
	return s;
}

UNIT_MAIN(suite)
