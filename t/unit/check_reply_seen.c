#include "unit.h"

#include "milter/reply.h"

#include <string.h>

#define PF MTA_POSTFIX
#define SM MTA_SENDMAIL
#define HOST "mx.example.test"
#define TEXT(s) s, sizeof(s) - 1

/* Every line here was read from the MTA named (Postfix 3.7, Sendmail 8.17). */
static const struct {
	enum mta mta;
	enum phase phase;
	int code;
	const char *text;
	size_t len;
	const char *seen;
} rows[] = {
	{ PF, PHASE_CONNECT, 421, TEXT("4.7.1 no thank you"),
	    "421 " HOST " Service unavailable - try again later" },
	{ PF, PHASE_CONNECT, 450, TEXT("no thank you"), "" },
	{ PF, PHASE_CONNECT, 550, TEXT("no thank you"),
	    "554 " HOST " ESMTP not accepting connections" },
	{ PF, PHASE_CONNECT, 521, TEXT("no thank you"),
	    "554 " HOST " ESMTP not accepting connections" },
	{ SM, PHASE_CONNECT, 421, TEXT("no thank you"),
	    "421 4.7.0 " HOST " closing connection" },
	{ SM, PHASE_CONNECT, 451, TEXT("no thank you"), "" },
	{ SM, PHASE_CONNECT, 554, TEXT("no thank you"),
	    "554 " HOST " ESMTP not accepting messages" },

	{ PF, PHASE_HELO, 421, TEXT("no thank you"), "421 no thank you" },
	{ PF, PHASE_HELO, 421, TEXT("4.7.1 line one\nline two"),
	    "421-4.7.1 line one\n421 4.7.1 line two" },
	{ PF, PHASE_HELO, 550, TEXT("no thank you"), "" },
	{ PF, PHASE_HELO, 521, TEXT("no thank you"), "" },
	{ SM, PHASE_HELO, 421, TEXT("no thank you"), "421 4.0.0 no thank you" },
	{ SM, PHASE_HELO, 421, TEXT("4.7.1 no thank you"),
	    "421 4.7.1 no thank you" },
	{ SM, PHASE_HELO, 450, TEXT("no thank you"), "" },

	{ PF, PHASE_MAIL, 421, TEXT("no thank you"), "421 no thank you" },
	{ PF, PHASE_MAIL, 450, TEXT("4.7.1 no thank you"),
	    "450 4.7.1 no thank you" },
	{ PF, PHASE_RCPT, 521, TEXT("5.7.1 no thank you"),
	    "521 5.7.1 no thank you" },
	{ PF, PHASE_RCPT, 550, TEXT("no\ntwo"), "550-5.0.0 no\n550 5.0.0 two" },
	{ PF, PHASE_RCPT, 554, TEXT("5.7.1 one\n\nthree"),
	    "554-5.7.1 one\n554-5.7.1 \n554 5.7.1 three" },
	{ PF, PHASE_EOM, 451, TEXT("100% of %s"), "451 4.0.0 100% of %s" },
	{ PF, PHASE_DATA, 550, TEXT("\xc3\xa9%%"), "550 \xc3\xa9%%" },
	{ PF, PHASE_UNKNOWN, 554, TEXT("no thank you"), "554 no thank you" },

	{ SM, PHASE_MAIL, 421, TEXT("no thank you"), "421 4.0.0 no thank you" },
	{ SM, PHASE_MAIL, 450, TEXT("4.7.1 no thank you"),
	    "450 4.7.1 <a@example.org>... no thank you" },
	{ SM, PHASE_RCPT, 550, TEXT("no\ntwo"),
	    "550-5.0.0 <a@example.org>... no\n550 5.0.0 two" },
	{ SM, PHASE_RCPT, 553, TEXT("no"), "553 5.0.0 <a@example.org>... no" },
	{ SM, PHASE_RCPT, 451, TEXT("no thank you"), "451 4.0.0 no thank you" },
	{ SM, PHASE_RCPT, 554, TEXT("5.7.1 one\n4.7.1 two\n250-three"),
	    "554-5.7.1 one\n554-5.7.1 4.7.1 two\n554 5.7.1 250-three" },
	{ SM, PHASE_DATA, 550, TEXT("no thank you"), "550 5.0.0 no thank you" },
	{ SM, PHASE_EOM, 450, TEXT("4.7.1 no"), "450 4.7.1 no" },
	{ SM, PHASE_EOM, 550, TEXT("h\xc3\xa9llo 5%"), "550 5.0.0 h?llo 5%" },
	{ SM, PHASE_UNKNOWN, 450, TEXT("no thank you"),
	    "450 4.0.0 no thank you" },

	{ PF, PHASE_ABORT, 421, TEXT("no thank you"), "" },
	{ SM, PHASE_CLOSE, 421, TEXT("no thank you"), "" },
};

START_TEST(client_reads_what_the_mta_makes_of_it)
{
	struct reply_rules rules = { .mta = rows[_i].mta };
	struct verdict v = { 0 };
	struct str seen = { 0 };
	struct reply r;

	verdict_refuse(
	    &v, rows[_i].code, DISCONNECT_IF421, rows[_i].text, rows[_i].len);
	reply_for(&r, &v, rows[_i].phase, &rules);
	reply_as_seen(
	    &seen, &r, rows[_i].phase, rules.mta, HOST, "<a@example.org>");
	ck_assert_msg(strcmp(str_c(&seen), rows[_i].seen) == 0,
	    "row %d: %s, %s, %d: \"%s\" instead of \"%s\"", _i,
	    mta_name(rules.mta), phase_name(rows[_i].phase), rows[_i].code,
	    str_c(&seen), rows[_i].seen);
	reply_fini(&r);
	str_fini(&seen);
	verdict_clear(&v);
}
END_TEST

/* The MAIL after a reply that the MTA took at connect or HELO. */
static const struct {
	enum mta mta;
	enum phase phase;
	int code;
	const char *seen;
} later[] = {
	{ PF, PHASE_CONNECT, 421, "" },
	{ PF, PHASE_CONNECT, 450, "450 no thank you" },
	{ PF, PHASE_CONNECT, 521, "521 no thank you" },
	{ PF, PHASE_HELO, 550, "550 no thank you" },
	{ SM, PHASE_CONNECT, 421, "" },
	{ SM, PHASE_CONNECT, 450, "451 4.3.2 Please try again later" },
	{ SM, PHASE_CONNECT, 521, "550 5.0.0 Command rejected" },
	{ SM, PHASE_CONNECT, 550, "550 5.0.0 Command rejected" },
	{ SM, PHASE_HELO, 550, "550 5.0.0 no thank you" },
};

START_TEST(mta_answers_mail_by_itself)
{
	struct reply_rules rules = { .mta = later[_i].mta };
	struct verdict v = { 0 };
	struct str seen = { 0 };
	struct reply r;

	verdict_refuse(
	    &v, later[_i].code, DISCONNECT_IF421, TEXT("no thank you"));
	reply_for(&r, &v, later[_i].phase, &rules);
	reply_as_seen_at_mail(&seen, &r, later[_i].phase, rules.mta);
	ck_assert_msg(strcmp(str_c(&seen), later[_i].seen) == 0,
	    "row %d: %s, %s, %d: \"%s\" instead of \"%s\"", _i,
	    mta_name(rules.mta), phase_name(later[_i].phase), later[_i].code,
	    str_c(&seen), later[_i].seen);
	reply_fini(&r);
	str_fini(&seen);
	verdict_clear(&v);
}
END_TEST

START_TEST(passing_answers_are_not_seen)
{
	struct reply r = { .action = REPLY_DISCARD };
	struct str seen = { 0 };

	reply_as_seen(&seen, &r, PHASE_MAIL, PF, HOST, "<a@example.org>");
	r.action = REPLY_CONTINUE;
	reply_as_seen(&seen, &r, PHASE_CONNECT, PF, HOST, NULL);
	reply_as_seen_at_mail(&seen, &r, PHASE_CONNECT, SM);
	ck_assert_uint_eq(seen.len, 0);
	str_fini(&seen);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("reply_seen", &t);

	tcase_add_loop_test(
	    t, client_reads_what_the_mta_makes_of_it, 0, UNIT_N(rows));
	tcase_add_loop_test(t, mta_answers_mail_by_itself, 0, UNIT_N(later));
	tcase_add_test(t, passing_answers_are_not_seen);
	return s;
}

UNIT_MAIN(suite)
