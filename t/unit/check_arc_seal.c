/*
 * Sets that are added to a chain: what they look like, and that they verify.
 */
#include "arc_forge.h"

#include "milter/arc_seal.h"
#include "milter/dkim_key.h"

#include <stdio.h>

#define MAIL                                                                   \
	"From: Ann <ann@example.com>\nTo: bob@example.org\n"                   \
	"DKIM-Signature: v=1; b=x\nAuthentication-Results: mx; none\n"         \
	"Subject: a  subject\n\nHello \nBob\n\n"
#define NOW 1700000000

static struct forge keys;

static void
set_up(void)
{
	forge_init(&keys);
}

static void
tear_down(void)
{
	forge_fini(&keys);
}

static void
ask(void *arg, const char *name, struct dns_answer *out)
{
	(void)arg;
	*out = (struct dns_answer){ .status = DNS_NO_NAME };
	if (strcmp(name, "ed._domainkey.example.org") == 0)
		arc_answer_txt(out, keys.ed_record);
	if (strcmp(name, "rsa._domainkey.example.org") == 0)
		arc_answer_txt(out, keys.rsa_record);
}

static void
verify(const struct arc_message *m, struct arc_answer *a)
{
	struct arc_query q = {
		.headers = &m->headers, .body = m->body, .now = NOW, .ask = ask
	};

	arc_verify(&q, a);
}

static enum arc_status
status_of(const struct arc_message *m)
{
	struct arc_answer a;
	enum arc_status s;

	verify(m, &a);
	s = a.status;
	if (s == ARC_PASS)
		ck_assert_int_eq(a.oldest_pass, 0);
	arc_answer_fini(&a);
	return s;
}

/* A signer as rows describe it. */
static const struct {
	const char *name;
	bool rsa, over_sign;
	enum dkim_canon header, body;
	const char *h;
} signers[] = {
	{ "Ed25519", false, false, DKIM_RELAXED, DKIM_RELAXED,
	    "h=from:to:subject" },
	{ "RSA", true, false, DKIM_RELAXED, DKIM_RELAXED, "h=from:to:subject" },
	{ "simple", false, false, DKIM_SIMPLE, DKIM_SIMPLE,
	    "h=from:to:subject" },
	{ "simple header", true, false, DKIM_SIMPLE, DKIM_RELAXED,
	    "h=from:to:subject" },
	{ "over-signed", true, true, DKIM_RELAXED, DKIM_SIMPLE,
	    "h=from:from:to:to:subject:subject" },
};

static char from[] = "from", to[] = "to", subject[] = "subject",
	    domain[] = "example.org", ed[] = "ed", rsa[] = "rsa";
static char *names[] = { from, to, subject };

static struct dkim_signer
signer_of(size_t i)
{
	return (struct dkim_signer){ .domain = domain,
		.selector = signers[i].rsa ? rsa : ed,
		.name = names,
		.n = UNIT_N(names),
		.over_sign = signers[i].over_sign,
		.header = signers[i].header,
		.body = signers[i].body,
		.key = signers[i].rsa ? keys.rsa : keys.ed };
}

/* Seals it and prepends what came of it. */
static int
seal(struct arc_message *m, const struct dkim_signer *signer, bool quirks)
{
	struct arc_sealed out;
	struct arc_sealing s = { .signer = signer,
		.headers = &m->headers,
		.body = m->body,
		.status = status_of(m),
		.results = "mx.example.org;\n\tarc=none",
		.now = NOW,
		.kumomta_quirks = quirks };
	struct err err;
	int rc = arc_seal(&out, &s, &err);

	ck_assert_int_ge(rc, 0);
	for (int k = 0; rc == 1 && k < ARC_FIELDS; k++) {
		const char *name = arc_field_name((enum arc_field)k);

		ck_assert_int_eq(out.raw[k].data[0], ' ');
		ck_assert_int_eq(
		    headers_prepend(&m->headers, name, strlen(name),
			out.raw[k].data + 1, out.raw[k].len - 1),
		    0);
	}
	arc_sealed_fini(&out);
	return rc;
}

START_TEST(chain_of)
{
	struct dkim_signer signer = signer_of((size_t)_i);
	struct arc_message m;

	arc_message_read(&m, MAIL);
	for (unsigned i = 1; i <= 5; i++) {
		const struct header *h;

		ck_assert_int_eq(seal(&m, &signer, false), 1);
		ck_assert_msg(status_of(&m) == ARC_PASS, "%s: set %u",
		    signers[_i].name, i);
		h = &m.headers.field[1];
		ck_assert_str_eq(h->name, "ARC-Message-Signature");
		ck_assert_msg(strstr(h->raw, signers[_i].h) != NULL, "%s: %s",
		    signers[_i].name, h->raw);
		ck_assert_ptr_nonnull(strstr(h->raw, "t=1700000000"));
	}
	arc_message_fini(&m);
}
END_TEST

/* No line is longer than others like to see. */
static void
check_lines(const struct header *h)
{
	size_t column = h->name_len + 1;

	for (const char *c = h->raw; *c != '\0'; c++) {
		column = *c == '\n' ? 0 : column + 1;
		ck_assert_uint_le(column, 78);
	}
}

START_TEST(fields)
{
	struct dkim_signer signer = signer_of(1);
	struct arc_message m;

	arc_message_read(&m, MAIL);
	ck_assert_int_eq(seal(&m, &signer, false), 1);
	ck_assert_str_eq(m.headers.field[0].name, "ARC-Seal");
	ck_assert_msg(
	    strncmp(m.headers.field[0].raw,
		" i=1; a=rsa-sha256; cv=none; t=1700000000;\n\t"
		"d=example.org; s=rsa;\n\tb=",
		strlen(" i=1; a=rsa-sha256; cv=none; t=1700000000;\n\t"
		       "d=example.org; s=rsa;\n\tb=")) == 0,
	    "%s", m.headers.field[0].raw);
	ck_assert_str_eq(m.headers.field[2].name, "ARC-Authentication-Results");
	ck_assert_str_eq(
	    m.headers.field[2].raw, " i=1; mx.example.org;\n\tarc=none");
	for (size_t i = 0; i < 3; i++)
		check_lines(&m.headers.field[i]);
	ck_assert_int_eq(seal(&m, &signer, false), 1);
	ck_assert_ptr_nonnull(strstr(m.headers.field[0].raw, " i=2; "));
	ck_assert_ptr_nonnull(strstr(m.headers.field[0].raw, " cv=pass; "));
	arc_message_fini(&m);
}
END_TEST

/* What is never signed, whatever the policy says (RFC 8617, 4.1.2). */
START_TEST(left_out)
{
	static char as[] = "arc-seal", ar[] = "authentication-results",
		    dkim[] = "dkim-signature", ams[] = "arc-message-signature",
		    aar[] = "arc-authentication-results";
	char *given[] = { from, as, ar, dkim, ams, aar };
	struct dkim_signer signer = signer_of(0);
	struct arc_message m;

	signer.name = given;
	signer.n = UNIT_N(given);
	arc_message_read(&m, MAIL);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(seal(&m, &signer, i == 1), 1);
		ck_assert_ptr_nonnull(
		    strstr(m.headers.field[1].raw, "h=from:dkim-signature;"));
		ck_assert_int_eq(status_of(&m), ARC_PASS);
	}
	arc_message_fini(&m);
}
END_TEST

START_TEST(fifty)
{
	struct dkim_signer signer = signer_of(0);
	struct arc_message m;

	arc_message_read(&m, MAIL);
	for (unsigned i = 1; i <= ARC_SETS_MAX; i++)
		ck_assert_int_eq(seal(&m, &signer, false), 1);
	ck_assert_int_eq(status_of(&m), ARC_PASS);
	ck_assert_int_eq(seal(&m, &signer, false), 0);
	arc_message_fini(&m);
}
END_TEST

/* ---- chains that fail --------------------------------------------------- */

#define SIGNED "a=ed25519-sha256; d=example.org; s=ed; b=x\n"
#define AAR(i) "ARC-Authentication-Results: i=" i "; mx; none\n"
#define AMS(i) "ARC-Message-Signature: i=" i "; h=from; " SIGNED
#define AS(i, cv) "ARC-Seal: i=" i "; cv=" cv "; " SIGNED

static const struct {
	const char *name, *fields;
	const char *i; /* of the seal, or NULL: none */
} failed[] = {
	{ "not right", AS("1", "none") AMS("1") AAR("1"), "i=2;" },
	{ "not whole", AS("1", "none") AAR("1"), "i=2;" },
	{ "with a gap", AS("7", "pass"), "i=8;" },
	{ "without an instance", "ARC-Seal: x\n", "i=1;" },
	{ "as many as there may be", AAR("50"), NULL },
	{ "told before", AS("2", "fail") AMS("2") AAR("2"), NULL },
	{ "told before, of more", AS("2", "fail") AS("1", "none") AAR("1"),
	    NULL },
};

START_TEST(failed_chain)
{
	struct dkim_signer signer = signer_of(0);
	char *text = xasprintf("%s%s", failed[_i].fields, MAIL);
	const char *i = failed[_i].i, *raw;
	struct arc_message m;
	size_t n;

	arc_message_read(&m, text);
	n = m.headers.n;
	ck_assert_int_eq(seal(&m, &signer, true), 0);
	ck_assert_int_eq(seal(&m, &signer, false), i != NULL);
	ck_assert_uint_eq(m.headers.n, n + (i != NULL ? 3 : 0));
	if (i != NULL) {
		raw = m.headers.field[0].raw;
		ck_assert_msg(
		    strstr(raw, i) != NULL && strstr(raw, " cv=fail;") != NULL,
		    "%s: %s", failed[_i].name, raw);
		/* that is the end of it */
		ck_assert_int_eq(seal(&m, &signer, false), 0);
	}
	ck_assert_int_eq(status_of(&m), ARC_FAIL);
	arc_message_fini(&m);
	free(text);
}
END_TEST

/* The seal of a chain that failed is right, too: of its own set alone. */
START_TEST(own_set_alone)
{
	struct dkim_signer signer = signer_of(0);
	struct str data = { 0 }, sig = { 0 };
	const struct header *seal_field;
	struct dkim_tags tags;
	struct arc_message m;
	struct dkim_key k;
	struct err err;

	arc_message_read(&m, AS("1", "none") AMS("1") AAR("1") MAIL);
	ck_assert_int_eq(seal(&m, &signer, false), 1);
	seal_field = &m.headers.field[0];
	dkim_canon_header(&data, DKIM_RELAXED, &m.headers.field[2]);
	dkim_canon_header(&data, DKIM_RELAXED, &m.headers.field[1]);
	ck_assert_int_eq(
	    dkim_fields_signature(&data, DKIM_RELAXED, seal_field, &err), 0);
	ck_assert_int_eq(
	    dkim_tags_parse(&tags, seal_field->raw, seal_field->raw_len, &err),
	    0);
	ck_assert_int_eq(
	    dkim_tag_base64(&sig, dkim_tags_find(&tags, "b"), &err), 0);
	ck_assert_int_eq(
	    dkim_key_read(&k, keys.ed_record, strlen(keys.ed_record), &err),
	    DKIM_KEY_OK);
	ck_assert_int_eq(dkim_key_verify(&k, DKIM_ED25519_SHA256, data.data,
			     data.len, sig.data, sig.len, &err),
	    1);
	dkim_key_fini(&k);
	str_fini(&data);
	str_fini(&sig);
	arc_message_fini(&m);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("arc_seal", &t);

	if (!arc_is_built())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, chain_of, 0, UNIT_N(signers));
	tcase_add_test(t, fields);
	tcase_add_test(t, left_out);
	tcase_add_test(t, fifty);
	tcase_add_loop_test(t, failed_chain, 0, UNIT_N(failed));
	tcase_add_test(t, own_set_alone);
	return s;
}

UNIT_MAIN(suite)
