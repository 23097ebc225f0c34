#include "dkim_signing.h"
#include "milter/message.h"
#include "milter/signatures.h"

#ifdef HAVE_OPENSSL

static struct message *
message(void)
{
	static const char text[] = "From: a@example.org\r\n"
				   "Subject: hello\r\n"
				   "X-Other: x\r\n"
				   "\r\n"
				   "text\r\n";
	struct address sender;
	struct message *m;

	ck_assert_int_eq(address_parse(&sender, "a@example.org", 13, NULL), 0);
	m = message_new(&sender, "a@example.org");
	message_complete(m);
	ck_assert_int_eq(
	    message_set_data(m, text, sizeof text - 1, &signing_limits, NULL),
	    0);
	address_fini(&sender);
	return m;
}

static void
sign(struct message *m, const char *names)
{
	struct signature s = { .signer = signing_signer(names, false),
		.body = body_ref(m->body),
		.at = 1528637909 };
	bool has = signatures_body_hash(m, s.signer->body, s.body_hash);
	struct err err;

	ck_assert_int_eq(has, m->signatures != NULL);
	ck_assert_int_eq(signature_make(&s, &m->headers, has, &err), 0);
	signatures_add(m, &s);
	signature_fini(&s);
}

static void
set_body(struct message *m, const char *text)
{
	body_unref(m->body);
	m->body = body_from(text, strlen(text), &signing_limits, NULL);
}

/* What happens to a message that has two signatures, and how many of them
 * are made anew. */
static void
nothing(struct message *m)
{
	(void)m;
}

static void
other_field(struct message *m)
{
	headers_append(&m->headers, "X-New", 5, "x", 1);
	headers_remove(&m->headers, "X-Other");
}

static void
subject(struct message *m)
{
	headers_remove(&m->headers, "Subject");
	headers_append(&m->headers, "Subject", 7, "other", 5);
}

static void
same_subject(struct message *m)
{
	headers_remove(&m->headers, "Subject");
	headers_append(&m->headers, "Subject", 7, "hello", 5);
}

static void
from(struct message *m)
{
	headers_append(&m->headers, "From", 4, "b@example.org", 13);
}

static void
body(struct message *m)
{
	set_body(m, "other\r\n");
}

static void
one_removed(struct message *m)
{
	headers_remove_at(&m->headers, 0);
	set_body(m, "other\r\n");
}

static void
all_removed(struct message *m)
{
	headers_remove(&m->headers, "DKIM-Signature");
	set_body(m, "other\r\n");
}

static const struct {
	void (*change)(struct message *m);
	int renewed;
} rows[] = {
	{ nothing, 0 },
	{ other_field, 0 },
	{ subject, 1 },
	{ same_subject, 0 },
	{ from, 2 },
	{ body, 2 },
	{ one_removed, 1 },
	{ all_removed, 0 },
};

static bool
has_field(const struct message *m, const char *raw)
{
	for (size_t i = 0; i < m->headers.n; i++)
		if (strcmp(m->headers.field[i].raw, raw) == 0)
			return true;
	return false;
}

START_TEST(renewed)
{
	struct message *base = message(), *m;
	struct str was[2] = { { 0 }, { 0 } };
	struct err err;
	int changed = 0;

	sign(base, "From:Subject");
	sign(base, "From");
	ck_assert_str_eq(base->headers.field[0].name, "DKIM-Signature");
	m = message_copy(base); /* a batch's */
	message_free(base);
	for (int i = 0; i < 2; i++)
		str_adds(&was[i], m->headers.field[i].raw);
	rows[_i].change(m);
	for (int i = 0; i < 2; i++)
		changed -= has_field(m, str_c(&was[i]));
	ck_assert_int_eq(signatures_renew(m, false, &err), rows[_i].renewed);
	for (int i = 0; i < 2; i++) {
		changed += has_field(m, str_c(&was[i]));
		str_fini(&was[i]);
	}
	ck_assert_int_eq(changed, -rows[_i].renewed);
	ck_assert_int_eq(signatures_renew(m, false, &err), 0);
	message_free(m);
}
END_TEST

/* More than are looked after: the rest is there, too. */
START_TEST(many)
{
	struct message *m = message();
	struct err err;

	for (int i = 0; i < SIGNATURES_MAX + 3; i++)
		sign(m, "From");
	ck_assert_uint_eq(m->headers.n, 3 + SIGNATURES_MAX + 3);
	set_body(m, "other\r\n");
	ck_assert_int_eq(signatures_renew(m, false, &err), SIGNATURES_MAX);
	message_free(m);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("signatures", &t);

	tcase_add_loop_test(t, renewed, 0, UNIT_N(rows));
	tcase_add_test(t, many);
	return s;
}

#else

static Suite *
suite(void)
{
	return suite_create("signatures");
}

#endif

UNIT_MAIN(suite)
