/*
 * dkim.c - DKIM signatures verified and made by a core: make bench-dkim
 *
 *	build/bench/dkim OTHER.so [ROUNDS]
 *
 * The same messages for dkim_verify() and dkim_sign(), and for libopendkim
 * (OTHER.so, dkim_other.h), with keys from memory.  In each round both do as
 * much as takes 100 ms of CPU time, one after the other; printed are the
 * medians and the ratio of one round, its smallest and its largest.
 */
#include "dkim_other.h"
#include "milter/clock.h"
#include "milter/dkim_sign.h"
#include "milter/dkim_verify.h"
#include "milter/encoding.h"
#include "milter/xmalloc.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS_MAX 101
#define SLICE (100 * CLOCK_MS)

static const struct body_limits limits = { 64 << 20, 256 << 20, "/tmp" };

/* One message, as it is and signed. */
struct mail {
	struct headers headers, signed_headers;
	struct body *body;
	struct str text;
	struct dkim_signer *signer;
	struct str pem, record;
	struct dkim_other_mail plain, with_signature; /* for the other */
};

static struct mail mail;
static const struct dkim_other *other;
static const char *name_of = "dkim";

static void
fail(const char *why)
{
	fprintf(stderr, "%s: %s\n", name_of, why);
	exit(1);
}

/* ---- what is done ------------------------------------------------------- */

static void
ask(void *arg, const char *name, struct dns_answer *out)
{
	(void)arg, (void)name;
	*out = (struct dns_answer){ .status = DNS_FOUND, .n = 1 };
	out->record = xcalloc(1, sizeof *out->record);
	out->record[0].text = xmemdup0(mail.record.data, mail.record.len);
	out->record[0].len = mail.record.len;
}

static int
verify(void)
{
	struct dkim_verify q = { .headers = &mail.signed_headers,
		.body = mail.body,
		.now = 1700000000,
		.ask = ask };
	struct dkim_verdicts v;
	int rc = dkim_verify(&q, &v, NULL);

	rc = rc == 0 && v.n == 1 && v.verdict[0].result == DKIM_PASS ? 0 : -1;
	dkim_verdicts_fini(&v);
	return rc;
}

static int
sign_into(struct str *out)
{
	unsigned char hash[DKIM_HASH_SIZE];
	struct dkim_signing s = { .signer = mail.signer,
		.field = "DKIM-Signature",
		.first = "v=1",
		.headers = &mail.headers,
		.body = hash,
		.now = 1700000000 };

	if (dkim_sign_body(hash, mail.signer->body, mail.body, NULL) != 0)
		return -1;
	return dkim_sign(out, NULL, &s, NULL);
}

static int
sign(void)
{
	struct str out = { 0 };
	int rc = sign_into(&out);

	str_fini(&out);
	return rc;
}

static int
other_verify(void)
{
	return other->verify(&mail.with_signature);
}

static int
other_sign(void)
{
	return other->sign(&mail.plain);
}

/* ---- the messages ------------------------------------------------------- */

static const char *const fields[][2] = {
	{ "Received",
	    " from mail.example.com (mail.example.com [192.0.2.1])\n"
	    "\tby mx.example.org (Postfix) with ESMTPS id 4XyZ\n"
	    "\tfor <bob@example.org>; Thu, 1 Jan 2026 00:00:00 +0000" },
	{ "Received", " from [198.51.100.7] (unknown [198.51.100.7])\n"
		      "\tby mail.example.com (Postfix) with ESMTPSA id 5AbC;\n"
		      "\tThu, 1 Jan 2026 00:00:00 +0000" },
	{ "From", " Ann Example <ann@example.com>" },
	{ "To", " Bob <bob@example.org>,\n\tCy <cy@example.org>" },
	{ "Subject", " the minutes of last week's meeting, with all names" },
	{ "Date", " Thu, 01 Jan 2026 00:00:00 +0000" },
	{ "Message-ID", " <0123456789abcdef.0123456789@mail.example.com>" },
	{ "MIME-Version", " 1.0" },
	{ "Content-Type", " multipart/alternative;\n\tboundary=\"=_0123456\"" },
	{ "User-Agent", " Example Mail 17.4 (an operating system)" },
	{ "List-Unsubscribe", " <https://example.com/unsubscribe/0123456789>" },
	{ "X-Mailer-Info",
	    " 0123456789abcdef0123456789abcdef0123456789abcdef" },
};

static void
make_key(bool ed25519)
{
	EVP_PKEY *key =
	    ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
		    : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	char *pem;
	long size;
	int n = i2d_PUBKEY(key, &der);

	PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	str_clear(&mail.pem);
	size = BIO_get_mem_data(bio, &pem);
	str_add(&mail.pem, pem, (size_t)size);
	str_clear(&mail.record);
	str_addf(
	    &mail.record, "v=DKIM1; k=%s; p=", ed25519 ? "ed25519" : "rsa");
	encoding_write(&mail.record, ENCODING_BASE64,
	    ed25519 ? der + n - 32 : der, ed25519 ? 32 : (size_t)n);
	OPENSSL_free(der);
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static void
make_signer(bool relaxed)
{
	static const char *const names[] = { "From", "To", "Subject", "Date",
		"MIME-Version", "Content-Type" };
	struct dkim_signer *s = dkim_signer_new();
	int rc = dkim_signer_domain(s, "example.com", 11, NULL) |
		 dkim_signer_selector(s, "s", 1, NULL);

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		rc |= dkim_signer_sign(s, names[i], strlen(names[i]), NULL);
	s->header = s->body = relaxed ? DKIM_RELAXED : DKIM_SIMPLE;
	if (rc != 0 ||
	    dkim_signer_complete(s, mail.pem.data, mail.pem.len, NULL) != 0)
		fail("no signer");
	dkim_signer_unref(mail.signer);
	mail.signer = s;
}

static char **
as_lines(const struct headers *h)
{
	char **lines = xcalloc(h->n + 1, sizeof *lines);

	for (size_t i = 0; i < h->n; i++) {
		struct str line = { 0 };

		dkim_canon_field(&line, DKIM_SIMPLE, h->field[i].name,
		    h->field[i].raw, h->field[i].raw_len);
		lines[i] = str_take(&line);
	}
	return lines;
}

static void
make_mail(size_t size, bool relaxed, bool ed25519)
{
	struct str signature = { 0 };

	headers_fini(&mail.headers);
	headers_fini(&mail.signed_headers);
	str_clear(&mail.text);
	while (mail.text.len < size)
		str_adds(&mail.text, "The quick brown fox jumps over the lazy "
				     "dog and nobody knows  why.\r\n");
	body_unref(mail.body);
	mail.body = body_from(mail.text.data, mail.text.len, &limits, NULL);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		headers_received(&mail.headers, fields[i][0], fields[i][1]);
	make_key(ed25519);
	make_signer(relaxed);
	if (sign_into(&signature) != 0)
		fail("cannot sign");
	headers_received(
	    &mail.signed_headers, "DKIM-Signature", str_c(&signature));
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		headers_received(
		    &mail.signed_headers, fields[i][0], fields[i][1]);
	mail.plain = (struct dkim_other_mail){ as_lines(&mail.headers),
		mail.text.data, mail.text.len, relaxed, ed25519 };
	mail.with_signature = mail.plain;
	mail.with_signature.field = as_lines(&mail.signed_headers);
	if (other != NULL)
		other->keys(mail.pem.data, mail.record.data);
	str_fini(&signature);
}

/* ---- measuring ---------------------------------------------------------- */

static int64_t
cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * CLOCK_S + t.tv_nsec;
}

/* Times a second. */
static double
measure(int (*work)(void))
{
	int64_t begin = cpu(), now;
	long n = 0;

	do {
		if (work() != 0)
			fail("a signature is wrong");
		n++;
		now = cpu();
	} while (now - begin < SLICE);
	return (double)n * (double)CLOCK_S / (double)(now - begin);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
report(const char *what, int (*ours)(void), int (*theirs)(void), int rounds)
{
	double a[ROUNDS_MAX], b[ROUNDS_MAX] = { 0 }, ratio[ROUNDS_MAX];
	bool both = other != NULL && theirs() == 0;

	for (int i = 0; i < rounds; i++) {
		if (both && i % 2 == 1)
			b[i] = measure(theirs);
		a[i] = measure(ours);
		if (both && i % 2 == 0)
			b[i] = measure(theirs);
		ratio[i] = both ? a[i] / b[i] : 0;
	}
	qsort(a, (size_t)rounds, sizeof *a, compare);
	qsort(b, (size_t)rounds, sizeof *b, compare);
	qsort(ratio, (size_t)rounds, sizeof *ratio, compare);
	printf("%-34s %9.0f", what, a[rounds / 2]);
	if (both)
		printf(" %9.0f %7.2f (%.2f .. %.2f)", b[rounds / 2],
		    ratio[rounds / 2], ratio[0], ratio[rounds - 1]);
	else
		printf(" %9s", "-");
	putchar('\n');
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		size_t size;
		bool relaxed, ed25519;
	} rows[] = {
		{ "rsa-2048 relaxed    4 kB", 4000, true, false },
		{ "rsa-2048 simple     4 kB", 4000, false, false },
		{ "rsa-2048 relaxed  100 kB", 100000, true, false },
		{ "rsa-2048 simple   100 kB", 100000, false, false },
		{ "rsa-2048 relaxed    5 MB", 5000000, true, false },
		{ "ed25519  relaxed    4 kB", 4000, true, true },
	};
	int rounds = argc > 2 ? atoi(argv[2]) : 11;
	void *library = NULL;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		fail("ROUNDS is 1 to 101");
	if (argc > 1 && argv[1][0] != '\0')
		library =
		    dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	if (library != NULL)
		other = dlsym(library, "dkim_other");
	printf("%-34s %9s %9s %7s\n", "a second, of one core", "kumilter",
	    "opendkim", "ratio");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *what = xasprintf("verify %s", rows[i].name);

		make_mail(rows[i].size, rows[i].relaxed, rows[i].ed25519);
		report(what, verify, other_verify, rounds);
		memcpy(what, "sign  ", 6);
		report(what, sign, other_sign, rounds);
		free(what);
	}
	return 0;
}
