#include "dkim_mail.h"
#include "milter/hash.h"
#include "unit.h"

/* An RSA key, and both of a name that has two. */
#define RSA_RECORD                                                             \
	"v=DKIM1; "                                                            \
	"p=MIGJAoGBAOQeU5CgFPNZGIazlXo2k/"                                     \
	"eJ1jpaTTxrmqF1HrDLlt04pvaMtCJj8nXoliLRC/H9vJjMI1vdb3XLcW60AIN/"       \
	"PBD8EL97/y4GwJH7LPUvGP48vqUe+owqszesbiGy1PlCO8c70/"                   \
	"OjFnJVgvMF87YR4LcincZ76SvI5MgpP6X8rjDdAgMBAAE="

static const struct {
	const char *tags, *records, *result, *quirks; /* NULL: the same */
} rows[] = {
	/* the key */
	{ ED H, NULL, "permerror (no key for signature)",
	    "temperror (key unavailable: failed to resolve "
	    "sel._domainkey.example.com)" },
	{ ED H, "", "permerror (key syntax error)", NULL },
	{ ED H, "v=spf1 -all", "permerror (key syntax error)", NULL },
	{ ED H, "v=DKIM1; p=", "permerror (key revoked)",
	    "temperror (key unavailable: key revoked)" },
	{ ED H, "v=DKIM1; k=rsa; p=AAAA",
	    "permerror (key unavailable: p= is no RSA key)",
	    "temperror (key unavailable: p= is no RSA key)" },
	{ ED H, RSA_RECORD, "permerror (inappropriate key algorithm)", NULL },
	{ ED H, RECORD "; h=sha1", "permerror (inappropriate hash algorithm)",
	    "pass" },
	{ ED H, RECORD "; s=tlsrpt", "permerror (key is not for mail)",
	    "pass" },
	{ ED H, RECORD "; t=s", "pass", NULL },
	{ ED "i=@example.com; " H, RECORD "; t=s", "pass", NULL },
	{ ED "i=@sub.example.com; " H, RECORD "; t=s",
	    "permerror (domain mismatch)", "pass" },
	/* several records */
	{ ED H, RSA_RECORD "\n" RECORD, "pass", NULL },
	{ ED H, "v=spf1 -all\nnonsense\n" RECORD, "pass", NULL },
	{ ED H, "v=DKIM1; p=\n" RECORD, "pass", NULL },
	{ ED H, "1\n2\n3\n4\n5\n6\n7\n8\n9\n" RECORD, "pass", NULL },
	{ ED H, "p=\np=\np=\np=\np=\np=\np=\np=\n" RECORD,
	    "permerror (key revoked)",
	    "temperror (key unavailable: key revoked)" },
};

START_TEST(keys)
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

/* A megabyte of an answer, as one record and as many. */
START_TEST(giant_answers)
{
	struct str one = { 0 }, many = { 0 };

	if (!hash_is_built())
		return;
	str_adds(&one, RECORD "; n=");
	while (one.len < 1 << 20) {
		str_adds(&one, "0123456789abcdef");
		str_adds(&many, RECORD "; t=y\n");
	}
	for (int i = 0; i < 2; i++) {
		struct dkim_mail_dns dns = { .records =
						 str_c(i == 0 ? &one : &many) };
		struct dkim_mail m = { .body = NULL };
		struct dkim_verdicts v;
		struct str out = { 0 };

		dkim_mail_make(&m);
		dkim_mail_sign(&m, "DKIM-Signature", ED H);
		headers_append(&m.headers, "From", 4, "x", 1);
		dkim_mail_verify(&out, &m, &dns, false, &v);
		ck_assert_str_eq(str_c(&out),
		    i == 0 ? "permerror (key unavailable: record of more than "
			     "16384 bytes)"
			   : "permerror (signature did not verify)");
		dkim_verdicts_fini(&v);
		dkim_mail_fini(&m);
		str_fini(&dns.names);
		str_fini(&out);
	}
	str_fini(&one);
	str_fini(&many);
}
END_TEST

static const struct {
	enum dns_status status;
	const char *result;
} troubles[] = {
	{ DNS_NO_DATA, "permerror (no key for signature)" },
	{ DNS_SERVFAIL,
	    "temperror (key unavailable: TXT of sel._domainkey.example.com: "
	    "the DNS servers cannot tell)" },
	{ DNS_TIMEOUT,
	    "temperror (key unavailable: TXT of sel._domainkey.example.com: "
	    "no answer in time)" },
	{ DNS_FAILED,
	    "temperror (key unavailable: TXT of sel._domainkey.example.com: "
	    "cannot be asked)" },
};

START_TEST(no_answer)
{
	struct dkim_mail_dns dns = { .status = troubles[_i].status };
	struct dkim_mail m = { .body = NULL };
	struct dkim_verdicts v;
	struct str out = { 0 };

	if (!hash_is_built())
		return;
	dkim_mail_make(&m);
	dkim_mail_sign(&m, "DKIM-Signature", ED H);
	dkim_mail_verify(&out, &m, &dns, false, &v);
	ck_assert_str_eq(str_c(&out), troubles[_i].result);
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
	Suite *s = unit_suite("dkim_lookup", &tc);

	tcase_add_loop_test(tc, keys, 0, UNIT_N(rows));
	tcase_add_test(tc, giant_answers);
	tcase_add_loop_test(tc, no_answer, 0, UNIT_N(troubles));
	return s;
}
UNIT_MAIN(suite)
