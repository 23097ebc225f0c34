/*
 * Chains of ARC that are right, odd, and broken: made here, with keys of our
 * own, and verified.
 */
#include "arc_forge.h"

#include "milter/arc.h"

#include <stdio.h>

#define SIGNED "d=example.org; s=ed; t=12345"
#define AS(i, cv)                                                              \
	"ARC-Seal: i=" i "; a=ed25519-sha256; cv=" cv "; " SIGNED "; b=@\n"
#define AMS(i)                                                                 \
	"ARC-Message-Signature: i=" i "; a=ed25519-sha256; "                   \
	"c=relaxed/relaxed; " SIGNED "; h=from:to:subject; bh=@;\n\tb=@\n"
#define AAR(i) "ARC-Authentication-Results: i=" i "; mx.example.org; none\n"
#define ONE AS("1", "none") AMS("1") AAR("1")
#define TWO AS("2", "pass") AMS("2") AAR("2") ONE
#define THREE AS("3", "pass") AMS("3") AAR("3") TWO
#define MAIL                                                                   \
	"From: Ann <ann@example.com>\nTo: bob@example.org\n"                   \
	"Subject: a  subject\n\nHello \nBob\n\n"

#define NOT_VERIFIED ": signature did not verify"
#define AMS1 "ARC-Message-Signature of instance 1"
#define AMS2 "ARC-Message-Signature of instance 2"
#define AS1 "ARC-Seal of instance 1"

/*
 * from becomes to (NULL: nothing does), where it stands first, before all is
 * signed, and was becomes is afterwards.
 */
static const struct {
	const char *name, *text, *from, *to, *was, *is;
	const char *why; /* NULL: it passes, with */
	int oldest;
} rows[] = {
	{ "one set", ONE MAIL, NULL, NULL, NULL, NULL, NULL, 0 },
	{ "two sets", TWO MAIL, NULL, NULL, NULL, NULL, NULL, 0 },
	{ "three sets", THREE MAIL, NULL, NULL, NULL, NULL, NULL, 0 },
	{ "sets below the message's fields",
	    "From: a@x\nTo: b\nSubject: c\n" TWO "\nbody\n", NULL, NULL, NULL,
	    NULL, NULL, 0 },
	{ "in any order",
	    AMS("1") AAR("2") AS("1", "none") AMS("2") AS("2", "pass") AAR("1")
		MAIL,
	    NULL, NULL, NULL, NULL, NULL, 0 },
	{ "RSA", ONE MAIL, "a=ed25519-sha256; cv=none; d=example.org; s=ed",
	    "a=rsa-sha256; cv=none; d=example.org; s=rsa", NULL, NULL, NULL,
	    0 },

	/* what may travel differently */
	{ "white space in a seal", ONE MAIL, NULL, NULL, "ARC-Seal: i=1; a",
	    "arc-SEAL:  i=1;\n\t a", NULL, 0 },
	{ "white space in b=", ONE MAIL, NULL, NULL, "==", "=\n\t =", NULL, 0 },
	{ "white space in what is signed", ONE MAIL, NULL, NULL, "a  subject",
	    "a\n   subject ", NULL, 0 },
	{ "white space in the body", ONE MAIL, NULL, NULL, "Hello \nBob\n\n",
	    "Hello\nBob\n", NULL, 0 },
	{ "fields that are not signed", ONE MAIL, NULL, NULL,
	    "From:", "X: y\nFrom:", NULL, 0 },

	/* what may not */
	{ "another From", ONE MAIL, NULL, NULL, "Ann <", "Eve <",
	    AMS1 NOT_VERIFIED, -1 },
	{ "another body", ONE MAIL, NULL, NULL, "Bob", "Rob",
	    AMS1 ": body hash did not verify", -1 },
	{ "another t in the signature", ONE MAIL, NULL, NULL, "t=12345; h",
	    "t=12346; h", AMS1 NOT_VERIFIED, -1 },
	{ "another t in the seal", ONE MAIL, NULL, NULL, "t=12345; b",
	    "t=12346; b", AS1 NOT_VERIFIED, -1 },
	{ "other results", ONE MAIL, NULL, NULL, "mx.example.org; none",
	    "mx.example.org; spf=pass", AS1 NOT_VERIFIED, -1 },
	{ "other results of long ago", TWO MAIL, NULL, NULL,
	    "i=1; mx.example.org", "i=1; mx.example.net",
	    "ARC-Seal of instance 2" NOT_VERIFIED, -1 },
	{ "a second From", ONE MAIL, NULL, NULL, "\n\nHello",
	    "\nFrom: eve\n\nHello", AMS1 NOT_VERIFIED, -1 },
	{ "a field that had been missing", ONE MAIL, "h=from:to", "h=from:x:to",
	    "From:", "X: y\nFrom:", AMS1 NOT_VERIFIED, -1 },

	/* who changed the message signed anew */
	{ "only the newest signature is right", THREE MAIL,
	    "h=from:to:subject; bh=@;\n\tb=@\nARC-Auth",
	    "h=from:subject; bh=@;\n\tb=@\nARC-Auth", "To: bob", "To: list",
	    NULL, 3 },
	{ "so is that before", TWO MAIL, "h=from:to:subject", "h=from:subject",
	    "To: bob", "To: list", NULL, 2 },
	{ "an old signature that is no list", TWO MAIL,
	    "ARC-Message-Signature: i=1;", "ARC-Message-Signature: i=1; h;",
	    NULL, NULL, "ARC-Message-Signature without a valid instance", -1 },
	{ "an old signature of no algorithm", TWO MAIL,
	    "ARC-Message-Signature: i=1; a=ed25519-sha256",
	    "ARC-Message-Signature: i=1; a=rot13", NULL, NULL, NULL, 2 },

	/* tags */
	{ "an unknown tag", ONE MAIL, "; cv=", "; zz=top; cv=", NULL, NULL,
	    NULL, 0 },
	{ "v=1", ONE MAIL, "ARC-Message-Signature: ",
	    "ARC-Message-Signature: v=1; ", NULL, NULL, NULL, 0 },
	{ "a semicolon at the end", ONE MAIL, "b=@", "b=@;", NULL, NULL, NULL,
	    0 },
	{ "no t", ONE MAIL, "; t=12345; b", "; b", NULL, NULL, NULL, 0 },
	{ "an empty t", ONE MAIL, "; t=12345; b", "; t=; b", NULL, NULL,
	    AS1 ": signature syntax error: t= is no number", -1 },
	{ "t=-1", ONE MAIL, "; t=12345; h", "; t=-1; h", NULL, NULL,
	    AMS1 ": signature syntax error: t= is no number", -1 },
	{ "t with a space", ONE MAIL, "; t=12345; h", "; t=1 2; h", NULL, NULL,
	    AMS1 ": signature syntax error: t= is no number", -1 },
	{ "x to come", ONE MAIL, "; h=", "; x=1700000001; h=", NULL, NULL, NULL,
	    0 },
	{ "x that was", ONE MAIL, "; h=", "; x=1699990000; h=", NULL, NULL,
	    AMS1 ": signature expired", -1 },
	{ "x before t", ONE MAIL, "; h=", "; x=12344; h=", NULL, NULL,
	    AMS1 ": signature syntax error: x= is before t=", -1 },
	{ "rsa-sha1", ONE MAIL, "ed25519-sha256", "rsa-sha1", NULL, NULL,
	    AS1 ": unsupported hash algorithm: rsa-sha1", -1 },
	{ "no a", ONE MAIL, "a=ed25519-sha256; c=", "c=", NULL, NULL,
	    AMS1 ": signature missing required tag (a)", -1 },
	{ "another a", ONE MAIL, "a=ed25519-sha256; c=", "a=none; c=", NULL,
	    NULL, AMS1 ": unsupported hash algorithm: none", -1 },
	{ "an a of another key", ONE MAIL,
	    "a=ed25519-sha256; c=", "a=rsa-sha256; c=", NULL, NULL,
	    AMS1 ": inappropriate key algorithm", -1 },
	{ "no d", ONE MAIL, "; d=example.org;", ";", NULL, NULL,
	    AS1 ": signature missing required tag (d)", -1 },
	{ "an empty d", ONE MAIL, "; d=example.org;", "; d=;", NULL, NULL,
	    AS1 ": signature syntax error: d= is no domain name", -1 },
	{ "d is no domain", ONE MAIL, "d=example.org;", "d=example..org;", NULL,
	    NULL, AS1 ": signature syntax error: d= is no domain name", -1 },
	{ "no s", ONE MAIL, "; s=ed;", ";", NULL, NULL,
	    AS1 ": signature missing required tag (s)", -1 },
	{ "an empty s", ONE MAIL, "; s=ed;", "; s=;", NULL, NULL,
	    AS1 ": signature syntax error: s= is no selector", -1 },
	{ "no b", ONE MAIL, "; b=@", "", NULL, NULL,
	    AS1 ": signature missing required tag (b)", -1 },
	{ "an empty b", ONE MAIL, "b=@", "b=", NULL, NULL,
	    AS1 ": signature syntax error: b= is no signature", -1 },
	{ "b is not base64", ONE MAIL, "b=@", "b=!", NULL, NULL,
	    AS1 ": signature syntax error: b= is no signature", -1 },
	{ "b is of another", ONE MAIL, "b=@", "b=aGVsbG8=", NULL, NULL,
	    AS1 NOT_VERIFIED, -1 },
	{ "no bh", ONE MAIL, "bh=@;", "", NULL, NULL,
	    AMS1 ": signature missing required tag (bh)", -1 },
	{ "bh is no hash", ONE MAIL, "bh=@;", "bh=aGVsbG8=;", NULL, NULL,
	    AMS1 ": body hash did not verify", -1 },
	{ "no h", ONE MAIL, "h=from:to:subject;", "", NULL, NULL,
	    AMS1 ": signature missing required tag (h)", -1 },
	{ "an empty h", ONE MAIL, "h=from:to:subject;", "h=;", NULL, NULL,
	    AMS1 ": From field not signed", -1 },
	{ "h without From", ONE MAIL, "h=from:", "h=", NULL, NULL,
	    AMS1 ": From field not signed", -1 },
	{ "h with ARC-Seal", ONE MAIL, "h=from:", "h=from:Arc-seal:", NULL,
	    NULL, AMS1 ": h= names ARC-Seal", -1 },
	{ "h with other fields of ARC", TWO MAIL, "h=from:",
	    "h=from:arc-message-signature:arc-authentication-results:", NULL,
	    NULL, NULL, 0 },
	{ "h with white space and From twice", ONE MAIL, "h=from:to",
	    "h= From\n\t: TO :from", NULL, NULL, NULL, 0 },
	{ "simple", ONE MAIL, "c=relaxed/relaxed", "c=simple/simple", NULL,
	    NULL, NULL, 0 },
	{ "simple notes white space", ONE MAIL, "c=relaxed/relaxed",
	    "c=simple/simple", "a  subject", "a subject", AMS1 NOT_VERIFIED,
	    -1 },
	{ "simple body", ONE MAIL, "c=relaxed/relaxed", "c=relaxed/simple",
	    "Hello ", "Hello", AMS1 ": body hash did not verify", -1 },
	{ "relaxed header alone", ONE MAIL, "c=relaxed/relaxed", "c=relaxed",
	    NULL, NULL, NULL, 0 },
	{ "no c is simple", ONE MAIL, "c=relaxed/relaxed;", "", NULL, NULL,
	    NULL, 0 },
	{ "an empty c", ONE MAIL, "c=relaxed/relaxed", "c=", NULL, NULL,
	    AMS1 ": unsupported canonicalization: ", -1 },
	{ "another c", ONE MAIL, "c=relaxed/relaxed", "c=relaxed/loose", NULL,
	    NULL, AMS1 ": unsupported canonicalization: relaxed/loose", -1 },
	{ "q", ONE MAIL, "; h=", "; q=x : dns/txt; h=", NULL, NULL, NULL, 0 },
	{ "another q", ONE MAIL, "; h=", "; q=dns; h=", NULL, NULL,
	    AMS1 ": unsupported query method", -1 },
	{ "l", ONE MAIL, "; h=", "; l=5; h=", "Bob", "Rob", NULL, 0 },
	{ "l of nothing", ONE MAIL, "; h=", "; l=0; h=", "Bob", "Rob", NULL,
	    0 },
	{ "l past the end", ONE MAIL, "; h=", "; l=500; h=", NULL, NULL,
	    AMS1 ": l= is more than there is of a body", -1 },
	{ "l is no number", ONE MAIL, "; h=", "; l=1e1; h=", NULL, NULL,
	    AMS1 ": signature syntax error: l= is no number", -1 },
	{ "l is too long", ONE MAIL, "; h=", "; l=9999999999999999999; h=",
	    NULL, NULL, AMS1 ": l= is more than there is of a body", -1 },

	/* keys */
	{ "no key", ONE MAIL, "s=ed", "s=gone", NULL, NULL,
	    AS1 ": no key for signature", -1 },
	{ "no record of that type", ONE MAIL, "s=ed", "s=other", NULL, NULL,
	    AS1 ": no key for signature", -1 },
	{ "slow", ONE MAIL, "s=ed", "s=slow", NULL, NULL,
	    AS1 ": key unavailable: TXT of slow._domainkey.example.org: "
		"no answer in time",
	    -1 },
	{ "revoked", ONE MAIL, "s=ed", "s=revoked", NULL, NULL,
	    AS1 ": key revoked", -1 },
	{ "no key's record", ONE MAIL, "s=ed", "s=spf", NULL, NULL,
	    AS1 ": key syntax error", -1 },
	{ "not for SHA-256", ONE MAIL, "s=ed", "s=sha1", NULL, NULL,
	    AS1 ": inappropriate hash algorithm", -1 },
	{ "not for mail", ONE MAIL, "s=ed", "s=web", NULL, NULL,
	    AS1 ": key is not for mail", -1 },
	{ "too short", ONE MAIL,
	    "a=ed25519-sha256; cv=none; d=example.org; s=ed",
	    "a=rsa-sha256; cv=none; d=example.org; s=short", NULL, NULL,
	    AS1
	    ": key unavailable: RSA key of 512 bits, allowed are 1024 to 8192",
	    -1 },
	{ "the second of two", ONE MAIL, "s=ed", "s=two", NULL, NULL, NULL, 0 },
	{ "letters of any case in the name", ONE MAIL, "s=ed", "s=ED", NULL,
	    NULL, NULL, 0 },
};

/* Of 32 bytes, as any that could be an Ed25519 key. */
#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static struct forge keys;
static unsigned asked;

static void
set_up(void)
{
	forge_init(&keys);
}

static void
ask_anew(void)
{
	asked = 0;
}

static void
tear_down(void)
{
	forge_fini(&keys);
}

static void
ask(void *arg, const char *name, struct dns_answer *out)
{
	size_t n = strcspn(name, ".");
	const struct {
		const char *selector, *text, *second;
	} records[] = {
		{ "ed", keys.ed_record, NULL },
		{ "rsa", keys.rsa_record, NULL },
		{ "short", keys.short_record, NULL },
		{ "two", "v=spf1 -all", keys.ed_record },
		{ "spf", "v=spf1 -all", NULL },
		{ "revoked", "v=DKIM1; p=", NULL },
		{ "sha1", "v=DKIM1; h=sha1; k=ed25519; p=" KEY, NULL },
		{ "web", "v=DKIM1; s=web; k=ed25519; p=" KEY, NULL },
	};

	(void)arg;
	asked++;
	*out = (struct dns_answer){ .status = DNS_NO_NAME };
	if (strncmp(name, "slow.", 5) == 0)
		out->status = DNS_TIMEOUT;
	if (strncmp(name, "other.", 6) == 0)
		out->status = DNS_NO_DATA;
	for (size_t i = 0; i < UNIT_N(records); i++) {
		if (strncasecmp(records[i].selector, name, n) != 0 ||
		    strlen(records[i].selector) != n ||
		    strcasecmp(name + n, "._domainkey.example.org") != 0)
			continue;
		arc_answer_txt(out, records[i].text);
		if (records[i].second != NULL)
			arc_answer_txt(out, records[i].second);
	}
	if (strncmp(name, "many", 4) == 0)
		arc_answer_txt(out, keys.ed_record);
}

/* The text with the first from as to. */
static char *
replaced(const char *text, const char *from, const char *to)
{
	const char *at = from != NULL ? strstr(text, from) : NULL;

	if (from == NULL)
		return xstrdup(text);
	ck_assert_msg(at != NULL, "no %s", from);
	return xasprintf(
	    "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* The message as text again. */
static char *
written(const struct arc_message *m)
{
	struct str out = { 0 }, body = { 0 };
	struct err err;

	for (size_t i = 0; i < m->headers.n; i++)
		str_addf(&out, "%s:%s\n", m->headers.field[i].name,
		    m->headers.field[i].raw);
	str_addc(&out, '\n');
	ck_assert_int_eq(body_read(m->body, &body, &err), 0);
	for (size_t i = 0; i < body.len; i++)
		if (body.data[i] != '\r')
			str_addc(&out, body.data[i]);
	str_fini(&body);
	return str_take(&out);
}

static void
verify(const struct arc_message *m, bool quirks, struct arc_answer *a)
{
	struct arc_query q = { .headers = &m->headers,
		.body = m->body,
		.now = 1700000000,
		.kumomta_quirks = quirks,
		.ask = ask };

	arc_verify(&q, a);
}

/* Seals the text, changes it, and verifies what becomes of it. */
static void
play(const char *given, const char *was, const char *is, bool quirks,
    struct arc_answer *a)
{
	struct arc_message m;
	char *text, *changed;

	arc_message_read(&m, given);
	forge_seal(&keys, &m);
	text = written(&m);
	arc_message_fini(&m);
	changed = replaced(text, was, is);
	arc_message_read(&m, changed);
	verify(&m, quirks, a);
	arc_message_fini(&m);
	free(text);
	free(changed);
}

START_TEST(row)
{
	const char *name = rows[_i].name, *why = rows[_i].why;
	char *text = replaced(rows[_i].text, rows[_i].from, rows[_i].to);
	struct arc_answer a;

	play(text, rows[_i].was, rows[_i].is, false, &a);
	ck_assert_msg(a.status == (why == NULL ? ARC_PASS : ARC_FAIL),
	    "%s: %s (%s)", name, arc_status_text(a.status),
	    a.reason != NULL ? a.reason : "");
	ck_assert_msg(
	    why == NULL ? a.reason == NULL : strcmp(why, a.reason) == 0,
	    "%s: %s", name, a.reason);
	ck_assert_msg(
	    a.oldest_pass == rows[_i].oldest, "%s: %d", name, a.oldest_pass);
	arc_answer_fini(&a);
	free(text);
}
END_TEST

START_TEST(no_chain)
{
	struct arc_answer a;

	play(MAIL, NULL, NULL, false, &a);
	ck_assert_int_eq(a.status, ARC_NONE);
	ck_assert_ptr_null(a.reason);
	ck_assert_int_eq(a.oldest_pass, -1);
	play("\n", NULL, NULL, true, &a);
	ck_assert_int_eq(a.status, ARC_NONE);
	ck_assert_uint_eq(asked, 0);
	arc_answer_fini(&a);
}
END_TEST

/* KumoMTA's answers where the RFC has others. */
static const struct {
	const char *name, *text, *was, *is;
	enum arc_status status;
	int oldest;
} quirks[] = {
	{ "right", TWO MAIL, NULL, NULL, ARC_PASS, 0 },
	{ "an old signature that was broken",
	    AS("2",
		"pass") "ARC-Message-Signature: i=2; a=ed25519-sha256; " SIGNED
			"; h=from; c=relaxed/relaxed; bh=@; b=@\n" AAR("2")
			    ONE MAIL,
	    "To: bob", "To: list", ARC_FAIL, 0 },
	{ "the newest broken", TWO MAIL, "i=2; mx", "i=2; mex", ARC_FAIL, 1 },
	{ "both broken", TWO MAIL, "To: bob", "To: list", ARC_FAIL, 0 },
	{ "a set that is not whole", AAR("2") ONE MAIL, NULL, NULL, ARC_FAIL,
	    1 },
	{ "wrong instance", AAR("x") ONE MAIL, NULL, NULL, ARC_FAIL, 1 },
};

START_TEST(quirk)
{
	struct arc_answer a;

	play(quirks[_i].text, quirks[_i].was, quirks[_i].is, true, &a);
	ck_assert_msg(a.status == quirks[_i].status, "%s: %s", quirks[_i].name,
	    arc_status_text(a.status));
	ck_assert_msg(a.oldest_pass == quirks[_i].oldest, "%s: %d",
	    quirks[_i].name, a.oldest_pass);
	ck_assert_int_eq(a.reason != NULL, a.status == ARC_FAIL);
	arc_answer_fini(&a);
}
END_TEST

/* ---- what it costs ------------------------------------------------------ */

/* n sets whose message signatures have keys of their own, the newest above. */
static char *
tower(unsigned n, const char *selector)
{
	struct str text = { 0 };

	for (unsigned i = n; i >= 1; i--)
		str_addf(&text,
		    "ARC-Seal: i=%u; a=ed25519-sha256; cv=%s; d=example.org; "
		    "s=%s-s%u; b=@\n"
		    "ARC-Message-Signature: i=%u; a=ed25519-sha256; "
		    "d=example.org; s=%s%u; h=from; bh=@; l=%u; b=@\n"
		    "ARC-Authentication-Results: i=%u; mx; none\n",
		    i, i == 1 ? "none" : "pass", selector, i, i, selector, i,
		    i % 12, i);
	str_adds(&text, MAIL);
	return str_take(&text);
}

/* 50 pass; each name is asked for once, and kinds of hashes are bounded. */
START_TEST(fifty)
{
	char *text = tower(50, "many");
	struct arc_answer a;

	play(text, NULL, NULL, false, &a);
	ck_assert_msg(a.status == ARC_PASS, "%s", a.reason);
	/* 50 seals, and signatures 50 to 43, whose l= are the first eight */
	ck_assert_int_eq(a.oldest_pass, 43);
	ck_assert_uint_eq(asked, 58);
	arc_answer_fini(&a);
	free(text);
}
END_TEST

/* Nothing is asked of too many, and no more where one does not answer. */
START_TEST(refused_early)
{
	char *text = tower(51, "many");
	struct arc_answer a;

	play(text, NULL, NULL, false, &a);
	ck_assert_str_eq(a.reason, "more than 50 ARC sets");
	arc_answer_fini(&a);
	play(text, NULL, NULL, true, &a);
	ck_assert_str_eq(a.reason, "more than 50 ARC sets");
	ck_assert_uint_eq(asked, 0);
	arc_answer_fini(&a);
	free(text);
	text = tower(50, "slow.");
	play(text, NULL, NULL, false, &a);
	ck_assert_int_eq(a.status, ARC_FAIL);
	ck_assert_uint_eq(asked, 1);
	arc_answer_fini(&a);
	free(text);
}
END_TEST

START_TEST(same_name_once)
{
	struct arc_answer a;

	play(THREE MAIL, NULL, NULL, false, &a);
	ck_assert_int_eq(a.status, ARC_PASS);
	ck_assert_uint_eq(asked, 1);
	arc_answer_fini(&a);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("arc", &t);

	if (!arc_is_built())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, set_up, tear_down);
	tcase_add_checked_fixture(t, ask_anew, NULL);
	tcase_add_loop_test(t, row, 0, UNIT_N(rows));
	tcase_add_test(t, no_chain);
	tcase_add_loop_test(t, quirk, 0, UNIT_N(quirks));
	tcase_add_test(t, fifty);
	tcase_add_test(t, refused_early);
	tcase_add_test(t, same_name_once);
	return s;
}

UNIT_MAIN(suite)
