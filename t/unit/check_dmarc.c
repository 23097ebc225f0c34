#include "unit.h"

#include "milter/dmarc.h"
#include "milter/public_suffix.h"
#include "milter/xmalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The DNS: "NAME TYPE DATA"; "!" as data: no answer. */
static const char *const zone[] = {
	"_dmarc.none.example TXT v=DMARC1; p=none",
	"_dmarc.quar.example TXT v=DMARC1; p=quarantine",
	"_dmarc.rej.example TXT v=DMARC1; p=reject",
	"_dmarc.strict.example TXT v=DMARC1; p=reject; adkim=s; aspf=s",
	"_dmarc.sp.example TXT v=DMARC1; p=reject; sp=none",
	"_dmarc.own.sp.example TXT v=DMARC1; p=quarantine; sp=reject",
	"_dmarc.np.example TXT v=DMARC1; p=none; sp=quarantine; np=reject",
	"there.np.example A 192.0.2.1",
	"mx.np.example MX mail.np.example",
	"text.np.example TXT hello",
	"slow.np.example A !",
	"_dmarc.half.example TXT v=DMARC1; p=reject; pct=50",
	"_dmarc.halfq.example TXT v=DMARC1; p=quarantine; pct=50",
	"_dmarc.zero.example TXT v=DMARC1; p=reject; pct=0",
	"_dmarc.two.example TXT v=DMARC1; p=reject",
	"_dmarc.two.example TXT v=DMARC1; p=reject",
	"_dmarc.mixed.example TXT v=spf1 -all",
	"_dmarc.mixed.example TXT v=DMARC1; p=reject",
	"_dmarc.mixed.example TXT google-site-verification=1",
	"_dmarc.two.rej.example TXT v=DMARC1; p=none",
	"_dmarc.two.rej.example TXT v=DMARC1; p=none",
	"_dmarc.other.rej.example TXT v=spf1 -all",
	"_dmarc.bad.example TXT v=DMARC1; p=maybe",
	"_dmarc.bad2.example TXT v=DMARC1; p=maybe; rua=mailto:a@example.com",
	"_dmarc.unknown.example TXT v=DMARC1; p=reject; x=y",
	"_dmarc.test.example TXT v=DMARC1; p=reject; sp=quarantine; t=y; "
	"pct=0",
	"_dmarc.dead.example TXT !",
	"_dmarc.dead.rej.example TXT !",
	"_dmarc.co.uk TXT v=DMARC1; p=reject",
	"_dmarc.site.co.uk TXT v=DMARC1; p=quarantine",
	"_dmarc.xn--bcher-kva.example TXT v=DMARC1; p=reject",
};

struct world {
	unsigned asked;
};

static void
add(struct dns_answer *out, const char *data)
{
	out->record = xrealloc(out->record, (out->n + 1) * sizeof *out->record);
	out->record[out->n++] =
	    (struct dns_record){ 0, xstrdup(data), strlen(data) };
	out->status = DNS_FOUND;
}

static void
ask(void *arg, const char *name, enum dns_type type, struct dns_answer *out)
{
	struct world *w = arg;
	size_t len = strlen(name);
	char kind[8];

	w->asked++;
	*out = (struct dns_answer){ .status = DNS_NO_NAME };
	for (size_t i = 0; i < UNIT_N(zone); i++) {
		if (strncasecmp(zone[i], name, len) != 0 || zone[i][len] != ' ')
			continue;
		if (out->status == DNS_NO_NAME)
			out->status = DNS_NO_DATA;
		snprintf(kind, sizeof kind, "%s ", dns_type_text(type));
		if (strncmp(zone[i] + len + 1, kind, strlen(kind)) != 0)
			continue;
		if (zone[i][len + 1 + strlen(kind)] == '!')
			out->status = DNS_TIMEOUT;
		else
			add(out, zone[i] + len + 1 + strlen(kind));
	}
}

/* Words with blanks between them. */
static size_t
split(char *text, const char *word[8])
{
	size_t n = 0;

	for (char *p = strtok(text, " "); p != NULL && n < 8;
	     p = strtok(NULL, " "))
		word[n++] = p;
	return n;
}

static void
play(struct world *w, const char *from, const char *dkim, const char *spf,
    unsigned chance, bool quirks, struct dmarc_answer *a)
{
	const char *from_word[8], *dkim_word[8];
	static char from_text[256], dkim_text[256];
	struct dmarc_query q = { .from = from_word,
		.dkim = dkim_word,
		.spf = spf,
		.chance = chance,
		.kumomta_quirks = quirks,
		.ask = ask,
		.arg = w };

	snprintf(from_text, sizeof from_text, "%s", from);
	snprintf(dkim_text, sizeof dkim_text, "%s", dkim);
	q.n_from = split(from_text, from_word);
	q.n_dkim = split(dkim_text, dkim_word);
	if (q.n_dkim > 0 && strcmp(dkim_word[q.n_dkim - 1], "-") == 0) {
		q.dkim_unnamed = true;
		q.n_dkim--;
	}
	w->asked = 0;
	dmarc_check(&q, a);
}

#define OK "Success"
#define NOT "No aligned DKIM or SPF"
#define SPF_R "DMARC: SPF relaxed check failed"
#define SPF_S "DMARC: SPF strict check failed"
#define DKIM_R "DMARC: DKIM relaxed check failed"
#define DKIM_S "DMARC: DKIM strict check failed"
#define NO(domain) "no DMARC records found for " domain

static const struct {
	const char *from, *dkim, *spf;
	unsigned chance;
	const char *answer; /* disposition result reason */
	const char *policy; /* published; where it fails */
	unsigned asked;     /* at the most */
} rows[] = {
	/* policies */
	{ "none.example", "", NULL, 0, "None fail " NOT, "none", 1 },
	{ "quar.example", "", NULL, 0, "Quarantine fail " NOT, "quarantine",
	    1 },
	{ "rej.example", "", NULL, 0, "Reject fail " NOT, "reject", 1 },
	{ "rej.example", "rej.example", NULL, 0, "Pass pass " OK, NULL, 1 },
	{ "rej.example", "", "rej.example", 0, "Pass pass " OK, NULL, 1 },
	{ "none.example", "none.example", NULL, 0, "Pass pass " OK, NULL, 1 },
	/* alignment */
	{ "rej.example", "mail.rej.example", NULL, 0, "Pass pass " OK, NULL,
	    1 },
	{ "rej.example", "", "bounce.rej.example", 0, "Pass pass " OK, NULL,
	    1 },
	{ "a.rej.example", "b.rej.example", NULL, 0, "Pass pass " OK, NULL, 2 },
	{ "rej.example", "notrej.example", NULL, 0, "Reject fail " DKIM_R,
	    "reject", 1 },
	{ "rej.example", "example", NULL, 0, "Reject fail " DKIM_R, "reject",
	    1 },
	{ "rej.example", "rej.example.other.example", NULL, 0,
	    "Reject fail " DKIM_R, "reject", 1 },
	{ "rej.example", "", "other.example", 0, "Reject fail " SPF_R, "reject",
	    1 },
	{ "rej.example", "-", NULL, 0,
	    "Reject fail DMARC: DKIM signature missing 'd=' tag", "reject", 1 },
	{ "strict.example", "strict.example", NULL, 0, "Pass pass " OK, NULL,
	    1 },
	{ "strict.example", "", "strict.example", 0, "Pass pass " OK, NULL, 1 },
	{ "strict.example", "a.strict.example", NULL, 0, "Reject fail " DKIM_S,
	    "reject", 1 },
	{ "strict.example", "", "a.strict.example", 0, "Reject fail " SPF_S,
	    "reject", 1 },
	{ "a.strict.example", "strict.example", NULL, 0, "Reject fail " DKIM_S,
	    "reject", 2 },
	/* the order of what was found is nothing to go by */
	{ "rej.example", "x.example rej.example", "y.example", 0,
	    "Pass pass " OK, NULL, 1 },
	{ "rej.example", "rej.example x.example", "y.example", 0,
	    "Pass pass " OK, NULL, 1 },
	{ "rej.example", "x.example y.example -", "rej.example", 0,
	    "Pass pass " OK, NULL, 1 },
	{ "rej.example", "x.example -", NULL, 0, "Reject fail " DKIM_R,
	    "reject", 1 },
	{ "rej.example", "x.example", "y.example", 0, "Reject fail " SPF_R,
	    "reject", 1 },
	/* subdomains */
	{ "a.rej.example", "", NULL, 0, "Reject fail " NOT, "reject", 2 },
	{ "a.b.c.rej.example", "", NULL, 0, "Reject fail " NOT, "reject", 2 },
	{ "sp.example", "", NULL, 0, "Reject fail " NOT, "reject", 1 },
	{ "a.sp.example", "", NULL, 0, "None fail " NOT, "none", 2 },
	{ "own.sp.example", "", NULL, 0, "Quarantine fail " NOT, "quarantine",
	    1 },
	{ "a.own.sp.example", "", NULL, 0, "None fail " NOT, "none", 2 },
	{ "other.rej.example", "", NULL, 0, "Reject fail " NOT, "reject", 2 },
	/* names that are not there */
	{ "np.example", "", NULL, 0, "None fail " NOT, "none", 1 },
	{ "there.np.example", "", NULL, 0, "Quarantine fail " NOT, "quarantine",
	    3 },
	{ "mx.np.example", "", NULL, 0, "Quarantine fail " NOT, "quarantine",
	    5 },
	{ "text.np.example", "", NULL, 0, "Reject fail " NOT, "reject", 5 },
	{ "no.np.example", "", NULL, 0, "Reject fail " NOT, "reject", 3 },
	{ "slow.np.example", "", NULL, 0,
	    "TempError temperror DNS records could not be resolved for "
	    "slow.np.example",
	    NULL, 3 },
	{ "slow.np.example", "np.example", NULL, 0, "Pass pass " OK, NULL, 2 },
	/* a share of it */
	{ "half.example", "", NULL, 49, "Reject fail " NOT, "reject", 1 },
	{ "half.example", "", NULL, 50,
	    "Quarantine fail sampled_out due to pct=50", "reject", 1 },
	{ "halfq.example", "", NULL, 99, "None fail sampled_out due to pct=50",
	    "quarantine", 1 },
	{ "zero.example", "", NULL, 0,
	    "Quarantine fail sampled_out due to pct=0", "reject", 1 },
	{ "zero.example", "zero.example", NULL, 99, "Pass pass " OK, NULL, 1 },
	{ "none.example", "", NULL, 99, "None fail " NOT, "none", 1 },
	{ "test.example", "", NULL, 99, "Quarantine fail test mode due to t=y",
	    "reject", 1 },
	{ "a.test.example", "", NULL, 0, "None fail test mode due to t=y",
	    "quarantine", 2 },
	{ "test.example", "test.example", NULL, 99, "Pass pass " OK, NULL, 1 },
	/* records: none, several, others beside it, broken ones */
	{ "nowhere.example", "", NULL, 0, "None none " NO("nowhere.example"),
	    NULL, 1 },
	{ "a.b.nowhere.example", "", NULL, 0,
	    "None none " NO("a.b.nowhere.example"), NULL, 2 },
	{ "two.example", "", NULL, 0,
	    "None none several DMARC records of two.example", NULL, 1 },
	{ "two.rej.example", "", NULL, 0,
	    "None none several DMARC records of two.rej.example", NULL, 1 },
	{ "a.two.example", "", NULL, 0,
	    "None none several DMARC records of two.example", NULL, 2 },
	{ "mixed.example", "", NULL, 0, "Reject fail " NOT, "reject", 1 },
	{ "bad.example", "", NULL, 0,
	    "PermError permerror the DMARC record of bad.example has no valid "
	    "policy",
	    NULL, 1 },
	{ "bad2.example", "", NULL, 0, "None fail " NOT, "none", 1 },
	{ "unknown.example", "", NULL, 0, "Reject fail " NOT, "reject", 1 },
	/* what cannot be known now */
	{ "dead.example", "dead.example", "dead.example", 0,
	    "TempError temperror DNS records could not be resolved for "
	    "_dmarc.dead.example",
	    NULL, 1 },
	{ "dead.rej.example", "", NULL, 0,
	    "TempError temperror DNS records could not be resolved for "
	    "_dmarc.dead.rej.example",
	    NULL, 1 },
	{ "a.dead.example", "", NULL, 0,
	    "TempError temperror DNS records could not be resolved for "
	    "_dmarc.dead.example",
	    NULL, 2 },
	/* public suffixes */
	{ "co.uk", "", NULL, 0, "Reject fail " NOT, "reject", 1 },
	{ "co.uk", "co.uk", NULL, 0, "Pass pass " OK, NULL, 1 },
	{ "co.uk", "site.co.uk", NULL, 0, "Reject fail " DKIM_R, "reject", 1 },
	{ "site.co.uk", "co.uk", NULL, 0, "Quarantine fail " DKIM_R,
	    "quarantine", 1 },
	{ "site.co.uk", "other.co.uk", NULL, 0, "Quarantine fail " DKIM_R,
	    "quarantine", 1 },
	{ "other.co.uk", "", NULL, 0, "None none " NO("other.co.uk"), NULL, 1 },
	{ "a.other.co.uk", "", NULL, 0, "None none " NO("a.other.co.uk"), NULL,
	    2 },
	{ "com", "", NULL, 0, "None none " NO("com"), NULL, 1 },
	{ "localhost", "", NULL, 0, "None none " NO("localhost"), NULL, 1 },
	/* IDN */
	{ "xn--bcher-kva.example", "mail.xn--bcher-kva.example", NULL, 0,
	    "Pass pass " OK, NULL, 1 },
	/* several in one From: */
	{ "rej.example quar.example", "rej.example quar.example", NULL, 0,
	    "Pass pass " OK, NULL, 2 },
	{ "rej.example quar.example", "rej.example", NULL, 0,
	    "Quarantine fail " DKIM_R, "quarantine", 2 },
	{ "quar.example rej.example", "quar.example", NULL, 0,
	    "Reject fail " DKIM_R, "reject", 2 },
	{ "rej.example quar.example", "", NULL, 0, "Reject fail " NOT, "reject",
	    1 },
	{ "nowhere.example rej.example", "rej.example", NULL, 0,
	    "None none " NO("nowhere.example"), NULL, 2 },
	{ "rej.example dead.example", "rej.example", NULL, 0,
	    "TempError temperror DNS records could not be resolved for "
	    "_dmarc.dead.example",
	    NULL, 2 },
	{ "dead.example rej.example", "", NULL, 0, "Reject fail " NOT, "reject",
	    2 },
};

/* The same questions, KumoMTA's answers where they are others. */
static const struct {
	const char *from, *dkim;
	unsigned chance;
	const char *answer;
} quirks[] = {
	{ "none.example", "", 0, "None none " NOT },
	{ "rej.example", "", 0, "Reject fail " NOT },
	{ "rej.example", "a.rej.example", 0, "Pass pass " OK },
	{ "half.example", "", 49, "Reject fail " NOT },
	{ "half.example", "", 50, "Pass pass sampled_out due to pct=50" },
	{ "half.example", "half.example", 50,
	    "Pass pass sampled_out due to pct=50" },
	{ "nowhere.example", "", 0,
	    "PermError permerror " NO("nowhere.example") },
	{ "a.nowhere.example", "", 0,
	    "PermError permerror " NO("_dmarc.nowhere.example") },
	{ "co.uk", "co.uk", 0, "Reject fail " DKIM_R },
	{ "com", "", 0, "None none " NO("com") },
	{ "two.example", "", 0, "Reject fail " NOT },
	{ "bad.example", "", 0, "PermError permerror " NO("bad.example") },
	{ "unknown.example", "", 0,
	    "PermError permerror " NO("unknown.example") },
	{ "dead.example", "", 0, "TempError temperror " NO("dead.example") },
	{ "dead.rej.example", "", 0, "Reject fail " NOT },
	{ "a.dead.example", "", 0,
	    "TempError temperror DNS records could not be resolved for "
	    "_dmarc.dead.example" },
};

static void
compare(const char *from, const struct dmarc_answer *a, const char *expected)
{
	char *got = xasprintf("%s %s %s",
	    dmarc_disposition_text(a->disposition), a->result, a->reason);

	ck_assert_msg(strcmp(got, expected) == 0, "%s: got %s, expected %s",
	    from, got, expected);
	free(got);
}

START_TEST(row)
{
	struct dmarc_answer a;
	struct world w;

	play(&w, rows[_i].from, rows[_i].dkim, rows[_i].spf, rows[_i].chance,
	    false, &a);
	compare(rows[_i].from, &a, rows[_i].answer);
	if (rows[_i].policy != NULL)
		ck_assert_str_eq(dmarc_policy_text(a.policy), rows[_i].policy);
	ck_assert_msg(w.asked <= rows[_i].asked, "%s: asked %u times",
	    rows[_i].from, w.asked);
	dmarc_answer_fini(&a);
}
END_TEST

START_TEST(quirks_row)
{
	struct dmarc_answer a;
	struct world w;

	play(&w, quirks[_i].from, quirks[_i].dkim, NULL, quirks[_i].chance,
	    true, &a);
	compare(quirks[_i].from, &a, quirks[_i].answer);
	dmarc_answer_fini(&a);
}
END_TEST

/* A name too long for the DNS has its organisation's record. */
START_TEST(long_names)
{
	const char *from[1];
	struct world w = { 0 };
	struct dmarc_query q = {
		.from = from, .n_from = 1, .ask = ask, .arg = &w
	};
	struct dmarc_answer a;
	struct str name = { 0 };

	for (int i = 0; i < 124; i++)
		str_adds(&name, "a.");
	str_adds(&name, "rej.example");
	from[0] = str_c(&name);
	dmarc_check(&q, &a);
	compare("a.a.a...", &a, "Reject fail " NOT);
	ck_assert_uint_eq(w.asked, 1);
	dmarc_answer_fini(&a);
	str_fini(&name);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dmarc", &t);

	if (!public_suffix_is_built())
		return s;
	tcase_add_loop_test(t, row, 0, UNIT_N(rows));
	tcase_add_loop_test(t, quirks_row, 0, UNIT_N(quirks));
	tcase_add_test(t, long_names);
	return s;
}

UNIT_MAIN(suite)
