#include "dkim_mail.h"
#include "milter/hash.h"
#include "unit.h"

/* ---- all that a signature may say --------------------------------------- */

static const struct {
	const char *tags, *records, *result, *quirks; /* NULL: the same */
} rows[] = {
	{ ED H, RECORD, "pass", NULL },
	{ ED "c=simple; " H, RECORD, "pass", NULL },
	{ ED "c=simple/simple; " H, RECORD, "pass", NULL },
	{ ED "c=simple/relaxed; " H, RECORD, "pass", NULL },
	{ ED "c=relaxed; " H, RECORD, "pass", NULL },
	{ ED "c=relaxed/simple; " H, RECORD, "pass", NULL },
	{ ED "c=relaxed/relaxed; " H, RECORD, "pass", NULL },
	{ ED "c=plain; " H, RECORD,
	    "permerror (unsupported canonicalization: plain)", NULL },
	{ ED "c=relaxed/; " H, RECORD,
	    "permerror (unsupported canonicalization: relaxed/)", NULL },
	{ "v=1; a=ed25519-sha256; d=Example.COM; s=SEL; " H, RECORD, "pass",
	    NULL },
	/* the tags that must be there */
	{ "v=2; a=ed25519-sha256; d=example.com; s=sel; " H, RECORD,
	    "permerror (incompatible version)", NULL },
	{ "a=ed25519-sha256; d=example.com; s=sel; " H, RECORD,
	    "permerror (signature missing required tag (v))", NULL },
	{ "v=1; d=example.com; s=sel; " H, RECORD,
	    "permerror (signature missing required tag (a))", NULL },
	{ "v=1; a=ed25519-sha256; s=sel; " H, RECORD,
	    "permerror (signature missing required tag (d))", NULL },
	{ "v=1; a=ed25519-sha256; d=example.com; " H, RECORD,
	    "permerror (signature missing required tag (s))", NULL },
	{ "v=1; a=ed25519-sha256; d=example.com; s=sel", RECORD,
	    "permerror (signature missing required tag (h))", NULL },
	{ "v=1; a=ed25519-sha512; d=example.com; s=sel; " H, RECORD,
	    "permerror (unsupported hash algorithm: ed25519-sha512)", NULL },
	{ "v=1; a=rsa-sha1; d=example.com; s=sel; " H, RECORD,
	    "permerror (unsupported hash algorithm: rsa-sha1)", NULL },
	{ ED H "; d=example.com", RECORD,
	    "permerror (signature syntax error: tag 6 was there already)",
	    NULL },
	{ "v=1; a=ed25519-sha256; d=; s=sel; " H, RECORD,
	    "permerror (signature syntax error: d= is no domain name)", NULL },
	{ "v=1; a=ed25519-sha256; d=a..b; s=sel; " H, RECORD,
	    "permerror (signature syntax error: d= is no domain name)", NULL },
	{ "v=1; a=ed25519-sha256; d=example.com; s=\\; " H, RECORD,
	    "permerror (signature syntax error: s= is no selector)", NULL },
	{ ED "h=To:Subject", RECORD, "permerror (From field not signed)",
	    NULL },
	{ ED "h=Subject : fROM ", RECORD, "pass", NULL },
	/* whose it is */
	{ ED "i=@example.com; " H, RECORD, "pass", NULL },
	{ ED "i=a=20b@example.com; " H, RECORD, "pass", NULL },
	{ ED "i=@EXAMPLE.com; " H, RECORD, "pass", NULL },
	{ ED "i=x@sub.example.com; " H, RECORD, "pass", NULL },
	{ ED "i=x@subexample.com; " H, RECORD, "permerror (domain mismatch)",
	    NULL },
	{ ED "i=x@com; " H, RECORD, "permerror (domain mismatch)", NULL },
	{ ED "i=example.com; " H, RECORD, "permerror (domain mismatch)", NULL },
	{ ED "i=@; " H, RECORD, "permerror (domain mismatch)", NULL },
	/* how to ask for the key */
	{ ED "q=dns/txt; " H, RECORD, "pass", NULL },
	{ ED "q=web/rdf : dns/txt; " H, RECORD, "pass", NULL },
	{ ED "q=web/rdf; " H, RECORD, "permerror (unsupported query method)",
	    NULL },
	/* until when */
	{ ED "t=1; x=1700000001; " H, RECORD, "pass", NULL },
	{ ED "x=1699999100; " H, RECORD, "pass", NULL },
	{ ED "x=1699999099; " H, RECORD, "permerror (signature expired)",
	    NULL },
	{ ED "t=1700000100; x=1700000100; " H, RECORD,
	    "permerror (signature syntax error: x= is before t=)", NULL },
	{ ED "t=99999999999999999999; " H, RECORD, "pass", NULL },
	{ ED "x=99999999999999999999; " H, RECORD, "pass", NULL },
	{ ED "t=-1; " H, RECORD,
	    "permerror (signature syntax error: t= is no number)", NULL },
	{ ED "x=soon; " H, RECORD,
	    "permerror (signature syntax error: x= is no number)", NULL },
	{ ED "x=; " H, RECORD,
	    "permerror (signature syntax error: x= is no number)", NULL },
	/* how much of the body, which has 19 bytes */
	{ ED "" H "; l=19", RECORD, "pass", NULL },
	{ ED "" H "; l=0", RECORD, "pass", NULL },
	{ ED "" H "; l=7", RECORD, "pass", NULL },
	{ ED "" H "; l=20", RECORD,
	    "permerror (l= is more than there is of a body)", "pass" },
	{ ED "" H "; l=99999999999999999999", RECORD,
	    "permerror (l= is more than there is of a body)", "pass" },
	{ ED "" H "; l=x", RECORD,
	    "permerror (signature syntax error: l= is no number)", NULL },
};

START_TEST(tags)
{
	struct dkim_mail m = { .body = NULL };

	if (!hash_is_built())
		return;
	dkim_mail_make(&m);
	dkim_mail_sign(&m, "DKIM-Signature", rows[_i].tags);
	for (int quirks = 0; quirks < 2; quirks++) {
		struct dkim_mail_dns dns = { .records = rows[_i].records,
			.status = DNS_NO_NAME };
		const char *expected = quirks != 0 && rows[_i].quirks != NULL
					   ? rows[_i].quirks
					   : rows[_i].result;
		struct dkim_verdicts v;
		struct str out = { 0 };

		dkim_mail_verify(&out, &m, &dns, quirks != 0, &v);
		ck_assert_msg(strcmp(str_c(&out), expected) == 0,
		    "row %d, %s: %s instead of %s", _i, rows[_i].tags,
		    str_c(&out), expected);
		ck_assert_uint_le(dns.asked, 1);
		dkim_verdicts_fini(&v);
		str_fini(&dns.names);
		str_fini(&out);
	}
	dkim_mail_fini(&m);
}
END_TEST

/* Names in UTF-8 are asked for as A-labels, and told as written (RFC 8616). */
START_TEST(idn)
{
	struct dkim_mail_dns dns = { .records = RECORD };
	struct dkim_mail m = { .body = NULL };
	struct dkim_verdicts v;
	struct str out = { 0 };

	if (!hash_is_built())
		return;
	dkim_mail_make(&m);
	dkim_mail_sign(&m, "DKIM-Signature",
	    "v=1; a=ed25519-sha256; d=b\xc3\xbc"
	    "cher.example; s=sel; i=ann@xn--bcher-kva.example; " H);
	dkim_mail_verify(&out, &m, &dns, false, &v);
	if (strstr(str_c(&dns.names), "xn--") != NULL) { /* with libidn2 */
		ck_assert_str_eq(str_c(&out), "pass");
		ck_assert_str_eq(str_c(&dns.names),
		    "sel._domainkey.xn--bcher-kva.example\n");
		dkim_mail_told(dkim_mail_prop(v.verdict, "header.d"),
		    "b\xc3\xbc"
		    "cher.example",
		    0);
	}
	dkim_verdicts_fini(&v);
	dkim_mail_fini(&m);
	str_fini(&dns.names);
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("dkim_signature", &tc);

	tcase_add_loop_test(tc, tags, 0, UNIT_N(rows));
	tcase_add_test(tc, idn);
	return s;
}
UNIT_MAIN(suite)
