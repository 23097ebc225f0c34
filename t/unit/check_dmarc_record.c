#include "unit.h"

#include "milter/dmarc_record.h"
#include "milter/str.h"

#include <string.h>

/*
 * A record as "p sp np dkim spf pct" and its tags that fit, or NULL: it is
 * none that anything can be done with.
 */
static const struct {
	const char *text, *read, *quirks;
} rows[] = {
	/* RFC 7489, appendix B */
	{ "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com",
	    "none none none r r 100 p=none "
	    "rua=mailto:dmarc-feedback@example.com",
	    "" },
	{ "v=DMARC1; p=quarantine; rua=mailto:a@example.com,"
	  "mailto:tld-test@thirdparty.example.net!10m; pct=25",
	    "quarantine quarantine quarantine r r 25 p=quarantine pct=25 "
	    "rua=mailto:a@example.com,"
	    "mailto:tld-test@thirdparty.example.net!10m",
	    "" },
	/* the version: first, in its letters, with white space about its "=" */
	{ "v=DMARC1", NULL, NULL },
	{ "v=DMARC1;", NULL, NULL },
	{ "v=DMARC1;p=reject", "reject reject reject r r 100 p=reject", "" },
	{ "v \t=  DMARC1 \t ; p=reject",
	    "reject reject reject r r 100 p=reject", NULL },
	{ " v=DMARC1; p=reject", NULL, NULL },
	{ "V=DMARC1; p=reject", NULL, NULL },
	{ "v=dmarc1; p=reject", NULL, NULL },
	{ "v=DMARC1.0; p=reject", NULL, NULL },
	{ "v=DMARC1 p=reject", NULL, NULL },
	{ "v=DMARC2; p=reject", NULL, NULL },
	{ "p=reject; v=DMARC1", NULL, NULL },
	{ "", NULL, NULL },
	{ ";", NULL, NULL },
	{ "v", NULL, NULL },
	{ "v=spf1 -all", NULL, NULL },
	/* letters and blanks */
	{ "v=DMARC1;P=Reject", "reject reject reject r r 100 p=Reject", NULL },
	{ "v=DMARC1;  p = reject  ;; ; aspf =s;",
	    "reject reject reject r s 100 p=reject aspf=s", "" },
	{ "v=DMARC1;p=reject;adkim=S;aspf=R",
	    "reject reject reject s r 100 p=reject adkim=S aspf=R", NULL },
	/* policies of subdomains, also of those that are not there */
	{ "v=DMARC1;p=reject;sp=none",
	    "reject none none r r 100 p=reject sp=none", "" },
	{ "v=DMARC1;sp=none;p=quarantine",
	    "quarantine none none r r 100 p=quarantine sp=none", "" },
	{ "v=DMARC1;p=none;np=reject",
	    "none none reject r r 100 p=none np=reject", NULL },
	{ "v=DMARC1;p=none;sp=quarantine;np=reject",
	    "none quarantine reject r r 100 p=none sp=quarantine np=reject",
	    NULL },
	{ "v=DMARC1;p=reject;np=maybe", "reject reject reject r r 100 p=reject",
	    NULL },
	/* what does not fit stands as if it were not there */
	{ "v=DMARC1;p=reject;adkim=x;aspf=;pct=101;ri=-1;fo=2;rf=iodef",
	    "reject reject reject r r 100 p=reject", NULL },
	{ "v=DMARC1;p=reject;pct=;rua=ann@example.com;ruf=!",
	    "reject reject reject r r 100 p=reject", NULL },
	{ "v=DMARC1;p=reject;pct=0",
	    "reject reject reject r r 0 p=reject pct=0", "" },
	{ "v=DMARC1;p=reject;pct=00000000000000000000000000100",
	    "reject reject reject r r 100 p=reject "
	    "pct=00000000000000000000000000100",
	    "" },
	{ "v=DMARC1;p=reject;pct=4294967297",
	    "reject reject reject r r 100 p=reject", NULL },
	{ "v=DMARC1;p=reject;pct=2 5", "reject reject reject r r 100 p=reject",
	    NULL },
	{ "v=DMARC1;p=reject;fo=1:d:s;rf=afrf:AFRF;ri=4294967295",
	    "reject reject reject r r 100 p=reject fo=1:d:s rf=afrf:AFRF "
	    "ri=4294967295",
	    NULL },
	{ "v=DMARC1;p=reject;fo=;ri=4294967296",
	    "reject reject reject r r 100 p=reject", NULL },
	/* unknown tags, and pieces that are none */
	{ "v=DMARC1;p=reject;tt=y;psd=n;x",
	    "reject reject reject r r 100 p=reject", NULL },
	/* of a later RFC */
	{ "v=DMARC1;p=reject;t=y",
	    "reject reject reject r r 100 testing p=reject t=y", NULL },
	{ "v=DMARC1;p=reject;t=N", "reject reject reject r r 100 p=reject t=N",
	    NULL },
	{ "v=DMARC1;p=reject;t=yes", "reject reject reject r r 100 p=reject",
	    NULL },
	{ "v=DMARC1;p=reject;=;=reject;p",
	    "reject reject reject r r 100 "
	    "p=reject",
	    NULL },
	/* without a policy: who wants reports asks for nothing */
	{ "v=DMARC1;p=all;rua=mailto:a@example.com",
	    "none none none r r 100 rua=mailto:a@example.com", NULL },
	{ "v=DMARC1;rua=mailto:a@example.com;pct=7",
	    "none none none r r 7 pct=7 rua=mailto:a@example.com", NULL },
	{ "v=DMARC1;p=reject;sp=all;rua=x,https://example.com/",
	    "none none none r r 100 rua=x,https://example.com/", NULL },
	{ "v=DMARC1;p=all;rua=ann@example.com", NULL, NULL },
	{ "v=DMARC1;p=reject;sp=all", NULL, NULL },
	{ "v=DMARC1;rua=:,mailto:,1x:y,mailto:!10m,m ail:x", NULL, NULL },
	/* twice: nobody knows which */
	{ "v=DMARC1;p=none;p=reject", NULL, "" },
	{ "v=DMARC1;p=reject;sp=none;sp=none;rua=mailto:a@example.com",
	    "none none none r r 100 rua=mailto:a@example.com", "" },
	{ "v=DMARC1;p=reject;pct=7;pct=0",
	    "reject reject reject r r 7 p=reject pct=7", "" },
	/* nothing of it reaches a header as a line of its own */
	{ "v=DMARC1;p=reject;rua=mailto:a@\xffz\r\n",
	    "reject reject reject r r 100 p=reject", NULL },
	{ "v=DMARC1;p=reject;rua=mailto:a@example.com,\x01\r\n x",
	    "reject reject reject r r 100 p=reject "
	    "rua=mailto:a@example.com,?   x",
	    NULL },
};

static void
describe(struct str *out, const struct dmarc_record *r)
{
	str_addf(out, "%s %s %s %c %c %u%s", dmarc_policy_text(r->p),
	    dmarc_policy_text(r->sp), dmarc_policy_text(r->np),
	    r->adkim_strict ? 's' : 'r', r->aspf_strict ? 's' : 'r', r->pct,
	    r->testing ? " testing" : "");
	for (int t = 0; t < DMARC_TAGS; t++)
		if (r->value[t] != NULL)
			str_addf(out, " %s=%s",
			    dmarc_tag_text((enum dmarc_tag)t), r->value[t]);
}

START_TEST(row)
{
	const char *text = rows[_i].text;
	struct dmarc_record r;
	struct str got = { 0 };
	struct err err;
	int rc = dmarc_record_read(&r, text, strlen(text), false, &err);

	if (rows[_i].read == NULL) {
		ck_assert_msg(rc == -1, "%s: was read", text);
		return;
	}
	ck_assert_msg(rc == 0, "%s: %s", text, err.msg);
	ck_assert_msg(dmarc_is_record(text, strlen(text)), "%s", text);
	describe(&got, &r);
	ck_assert_msg(strcmp(str_c(&got), rows[_i].read) == 0, "%s: got %s",
	    text, str_c(&got));
	dmarc_record_fini(&r);
	str_fini(&got);
}
END_TEST

START_TEST(quirks_row)
{
	const char *text = rows[_i].text;
	struct dmarc_record r;
	int rc = dmarc_record_read(&r, text, strlen(text), true, NULL);

	ck_assert_msg(
	    (rc == 0) == (rows[_i].quirks != NULL), "%s: %d", text, rc);
	if (rc == 0)
		dmarc_record_fini(&r);
}
END_TEST

START_TEST(long_values_are_cut)
{
	struct str text = { 0 };
	struct dmarc_record r;

	str_adds(&text, "v=DMARC1;p=none;rua=mailto:");
	for (size_t i = 0; i < (size_t)1 << 20; i++)
		str_addc(&text, 'a');
	ck_assert_int_eq(
	    dmarc_record_read(&r, text.data, text.len, false, NULL), 0);
	ck_assert_uint_eq(strlen(r.value[DMARC_TAG_RUA]), 900);
	dmarc_record_fini(&r);
	str_clear(&text);
	str_adds(&text, "v=DMARC1");
	for (size_t i = 0; i < (size_t)1 << 19; i++)
		str_adds(&text, ";p");
	str_adds(&text, ";p=reject");
	ck_assert_int_eq(
	    dmarc_record_read(&r, text.data, text.len, false, NULL), 0);
	ck_assert_int_eq(r.p, DMARC_P_REJECT);
	dmarc_record_fini(&r);
	str_fini(&text);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dmarc_record", &t);

	tcase_add_loop_test(t, row, 0, UNIT_N(rows));
	tcase_add_loop_test(t, quirks_row, 0, UNIT_N(rows));
	tcase_add_test(t, long_values_are_cut);
	return s;
}

UNIT_MAIN(suite)
