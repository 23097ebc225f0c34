/*
 * The first line is the record of a key, what follows a message.  What is
 * added to its chain verifies as the chain did.
 */
#include "fuzz.h"

#include "milter/arc.h"
#include "milter/arc_seal.h"
#include "milter/xmalloc.h"

#include <stdlib.h>
#include <string.h>

/* 100 of the sets, and one of our own */
#define ASKED_MAX (2 * ARC_SETS_MAX + 1)
#define NOW 1700000000

/* Ed25519, PKCS #8, and the public half. */
static const char private_key[] =
    "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"
    "kumilter seals what is tried out";
static const char public_key[] =
    "k=ed25519; p=qF46ELDkW12RNneuCl+c5J3yrj4r3rFr3IYRFC4DiFM=";

struct world {
	const char *record;
	size_t len;
	unsigned asked;
};

static void
ask(void *arg, const char *name, struct dns_answer *out)
{
	struct world *w = arg;
	bool own = strcmp(name, "own._domainkey.example.org") == 0;

	must(strlen(name) > 0 && strlen(name) <= 4 * 255);
	must(++w->asked <= ASKED_MAX);
	*out = (struct dns_answer){ .status = DNS_FOUND, .n = 1 };
	out->record = xcalloc(1, sizeof *out->record);
	out->record->len = own ? strlen(public_key) : w->len;
	out->record->text =
	    xmemdup0(own ? public_key : w->record, out->record->len);
}

static enum arc_status
verify(struct world *w, const struct headers *headers, const struct body *body,
    bool quirks)
{
	struct arc_query q = { .headers = headers,
		.body = body,
		.now = NOW,
		.kumomta_quirks = quirks,
		.ask = ask,
		.arg = w };
	struct arc_answer a;
	enum arc_status status;

	w->asked = 0;
	arc_verify(&q, &a);
	status = a.status;
	must((a.reason != NULL) == (status == ARC_FAIL));
	for (const char *c = a.reason; c != NULL && *c != '\0'; c++)
		must(*c >= ' ' && *c <= '~');
	must(a.oldest_pass >= -1 && a.oldest_pass <= ARC_SETS_MAX);
	must(status != ARC_PASS || a.oldest_pass >= 0);
	arc_answer_fini(&a);
	return status;
}

static const struct dkim_signer *
signer(void)
{
	static char domain[] = "example.org", selector[] = "own",
		    from[] = "from", subject[] = "subject";
	static char *name[] = { from, subject };
	static struct dkim_signer s = { .domain = domain,
		.selector = selector,
		.name = name,
		.n = 2,
		.over_sign = true,
		.header = DKIM_RELAXED,
		.body = DKIM_RELAXED };

	if (s.key == NULL)
		s.key = dkim_private_read(
		    private_key, sizeof private_key - 1, NULL);
	return &s;
}

static void
seal(struct world *w, struct headers *headers, const struct body *body,
    enum arc_status status)
{
	struct arc_sealing s = { .signer = signer(),
		.headers = headers,
		.body = body,
		.status = status,
		.results = "mx; none",
		.now = NOW };
	struct arc_sealed out;
	struct err err;
	int rc = arc_seal(&out, &s, &err);

	must(rc >= 0);
	for (int k = 0; rc == 1 && k < ARC_FIELDS; k++) {
		const char *name = arc_field_name((enum arc_field)k);

		must(headers_prepend(headers, name, strlen(name),
			 str_c(&out.raw[k]) + 1, out.raw[k].len - 1) == 0);
	}
	if (rc == 1)
		must(verify(w, headers, body, false) ==
		     (status == ARC_FAIL ? ARC_FAIL : ARC_PASS));
	arc_sealed_fini(&out);
}

/* As an MTA sends it, which is how it is sealed. */
static struct body *
body_of(const char *text, size_t size)
{
	static const struct body_limits limits = { 1 << 20, 1 << 20, "/tmp" };
	struct str lines = { 0 };
	struct body *body;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
			str_addc(&lines, '\r');
		str_addc(&lines, text[i]);
	}
	body = body_from(str_c(&lines), lines.len, &limits, NULL);
	must(body != NULL);
	str_fini(&lines);
	return body;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *end = size != 0 ? memchr(text, '\n', size) : NULL;
	struct headers headers = { 0 }, none = { 0 };
	struct world w = { .record = text };
	enum arc_status status;
	struct body *body;
	size_t head;

	if (end == NULL || signer()->key == NULL)
		return 0;
	w.len = (size_t)(end - text);
	text = end + 1;
	size -= w.len + 1;
	head = headers_replace(&headers, &none, text, size);
	body = body_of(text + head, size - head);
	verify(&w, &headers, body, true);
	status = verify(&w, &headers, body, false);
	seal(&w, &headers, body, status);
	body_unref(body);
	headers_fini(&headers);
	return 0;
}
