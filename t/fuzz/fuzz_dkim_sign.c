#include "fuzz.h"

#include "milter/dkim_settle.h"
#include "milter/dkim_sign.h"

#include <string.h>

/* The key of RFC 8463, A.2. */
static const unsigned char key[] = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b"
				   "\x65\x70\x04\x22\x04\x20\x9d\x61\xb1\x9d"
				   "\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec"
				   "\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19"
				   "\x70\x3b\xac\x03\x1c\xae\x7f\x60";

static struct dkim_signer *
signer(enum dkim_canon canon, bool over_sign)
{
	static const char *const names[] = { "From", "To", "Cc", "Subject",
		"Date", "X-Long", "Received" };
	struct dkim_signer *s = dkim_signer_new();

	must(dkim_signer_domain(s, "example.org", 11, NULL) == 0);
	must(dkim_signer_selector(s, "s", 1, NULL) == 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		must(
		    dkim_signer_sign(s, names[i], strlen(names[i]), NULL) == 0);
	s->header = canon;
	s->over_sign = over_sign;
	(void)dkim_signer_complete(s, key, sizeof key - 1, NULL);
	return s;
}

/* Folds are followed by blanks, and what was settled is. */
static void
check_settled(
    const struct headers *h, const struct dkim_signer *s, bool sendmail)
{
	struct headers again;

	for (size_t i = 0; i < h->n; i++)
		for (const char *p = h->field[i].raw;
		     (p = strchr(p, '\n')) != NULL; p++)
			must(p[1] == ' ' || p[1] == '\t');
	headers_copy(&again, h);
	dkim_settle(&again, s, sendmail);
	must(headers_equal(&again, h));
	headers_fini(&again);
}

/* Without Sendmail it means the same: relaxed, nothing has changed. */
static void
check_same(const struct headers *a, const struct headers *b)
{
	struct str one = { 0 }, two = { 0 };

	must(a->n == b->n);
	for (size_t i = 0; i < a->n; i++) {
		dkim_canon_header(&one, DKIM_RELAXED, &a->field[i]);
		dkim_canon_header(&two, DKIM_RELAXED, &b->field[i]);
	}
	must(one.len == two.len &&
	     memcmp(str_c(&one), str_c(&two), one.len) == 0);
	str_fini(&one);
	str_fini(&two);
}

static void
check_lines(const char *raw)
{
	size_t column = strlen("DKIM-Signature:");

	for (; *raw != '\0'; raw++) {
		column = *raw == '\n' ? 0 : column + 1;
		must(column <= 78);
	}
}

/* Ours is in h; it covers what it was made of. */
static void
sign(struct headers *h, const struct dkim_signer *s)
{
	unsigned char body[DKIM_HASH_SIZE] = { 0 };
	unsigned char made[DKIM_HASH_SIZE], found[DKIM_HASH_SIZE];
	struct dkim_signing what = { .signer = s,
		.field = "DKIM-Signature",
		.first = "v=1",
		.headers = h,
		.body = body };
	struct str raw = { 0 };

	must(dkim_sign(&raw, made, &what, NULL) == 0);
	check_lines(str_c(&raw));
	must(headers_prepend(
		 h, "DKIM-Signature", 14, str_c(&raw) + 1, raw.len - 1) == 0);
	must(strcmp(h->field[0].raw, str_c(&raw)) == 0);
	must(dkim_sign_covers(found, s, h, 0, NULL) == 0);
	must(memcmp(made, found, sizeof made) == 0);
	str_fini(&raw);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct headers none = { 0 }, given = { 0 };

	(void)headers_replace(&given, &none, (const char *)data, size);
	for (int i = 0; i < 4; i++) {
		struct dkim_signer *s =
		    signer(i & 1 ? DKIM_SIMPLE : DKIM_RELAXED, i == 3);
		bool sendmail = i & 2;
		struct headers h;

		headers_copy(&h, &given);
		dkim_settle(&h, s, sendmail);
		check_settled(&h, s, sendmail);
		if (!sendmail)
			check_same(&given, &h);
		if (s->key != NULL) /* built with OpenSSL */
			sign(&h, s);
		headers_fini(&h);
		dkim_signer_unref(s);
	}
	headers_fini(&given);
	return 0;
}
