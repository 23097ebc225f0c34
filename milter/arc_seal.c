#include "arc_seal.h"

#include "encoding.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS 76

/* ---- the message signature ---------------------------------------------- */

/* What others may delete, and what belongs to the seal (RFC 8617, 4.1.2). */
static bool
is_left_out(const char *name)
{
	return strcmp(name, "authentication-results") == 0 ||
	       arc_is_field(name);
}

static int
sign_message(struct str *out, const struct arc_sealing *w, unsigned instance,
    struct err *err)
{
	const struct dkim_signer *given = w->signer;
	struct dkim_signer signer = { .domain = given->domain,
		.selector = given->selector,
		.over_sign = given->over_sign,
		.header = given->header,
		.body = given->body,
		.expiration = given->expiration,
		.key = given->key,
		.name = xcalloc(given->n, sizeof *signer.name) };
	unsigned char body[DKIM_HASH_SIZE];
	struct str first = { 0 };
	struct dkim_signing s = { .signer = &signer,
		.field = arc_field_name(ARC_SIGNATURE),
		.headers = w->headers,
		.body = body,
		.now = w->now,
		.kumomta_quirks = w->kumomta_quirks };
	int rc = dkim_sign_body(body, signer.body, w->body, err);

	for (size_t i = 0; i < given->n; i++)
		if (!is_left_out(given->name[i]))
			signer.name[signer.n++] = given->name[i];
	str_addf(&first, "i=%u", instance);
	s.first = str_c(&first);
	if (rc == 0)
		rc = dkim_sign(out, NULL, &s, err);
	str_fini(&first);
	free(signer.name);
	return rc;
}

/* ---- the seal ----------------------------------------------------------- */

/* All tags as far as "b=", which has a line of its own. */
static void
seal_head(struct str *out, const struct arc_sealing *w, unsigned instance)
{
	const struct dkim_signer *s = w->signer;

	str_addf(out,
	    " i=%u; a=%s; cv=%s; t=%lld;\n\td=%s; s=%s;\n\tb=", instance,
	    dkim_private_algorithm(s->key), arc_status_text(w->status),
	    (long long)w->now, s->domain, s->selector);
}

static void
add_folded(struct str *out, const struct str *bytes)
{
	size_t room = COLUMNS - strlen("\tb="), at = 0, n;
	struct str text = { 0 };

	encoding_write(&text, ENCODING_BASE64, str_c(bytes), bytes->len);
	for (; at < text.len; at += n) {
		n = text.len - at < room ? text.len - at : room;
		if (at != 0)
			str_adds(out, "\n\t");
		str_add(out, text.data + at, n);
	}
	str_fini(&text);
}

static int
sign_seal(struct arc_sealed *out, const struct arc_sealing *w,
    const struct arc_chain *chain, unsigned instance, struct err *err)
{
	struct str *seal = &out->raw[ARC_SEAL], data = { 0 }, sig = { 0 };
	int rc;

	for (unsigned i = 0; w->status != ARC_FAIL && i < chain->n; i++)
		for (int k = 0; k < ARC_FIELDS; k++)
			dkim_canon_header(
			    &data, DKIM_RELAXED, chain->set[i].field[k]);
	for (int k = 0; k < ARC_SEAL; k++) {
		dkim_canon_field(&data, DKIM_RELAXED,
		    arc_field_name((enum arc_field)k), str_c(&out->raw[k]),
		    out->raw[k].len);
		str_adds(&data, "\r\n");
	}
	seal_head(seal, w, instance);
	dkim_canon_field(&data, DKIM_RELAXED, arc_field_name(ARC_SEAL),
	    str_c(seal), seal->len);
	rc = dkim_private_sign(
	    &sig, w->signer->key, str_c(&data), data.len, err);
	add_folded(seal, &sig);
	str_fini(&data);
	str_fini(&sig);
	return rc;
}

/* The instance of a further set, or 0. */
static unsigned
next_instance(const struct arc_chain *c, const struct arc_sealing *w)
{
	if (c->ended || c->cut_short || c->n == ARC_SETS_MAX ||
	    (w->status == ARC_FAIL && w->kumomta_quirks))
		return 0;
	return c->n + 1;
}

int
arc_seal(struct arc_sealed *out, const struct arc_sealing *w, struct err *err)
{
	struct arc_chain chain;
	unsigned instance;
	bool broken = arc_chain_collect(&chain, w->headers, NULL) != 0;

	*out = (struct arc_sealed){ 0 };
	must(!broken || w->status == ARC_FAIL);
	instance = next_instance(&chain, w);
	if (instance == 0)
		return 0;
	str_addf(&out->raw[ARC_RESULTS], " i=%u; %s", instance, w->results);
	if (sign_message(&out->raw[ARC_SIGNATURE], w, instance, err) != 0 ||
	    sign_seal(out, w, &chain, instance, err) != 0)
		return -1;
	return 1;
}

void
arc_sealed_fini(struct arc_sealed *s)
{
	for (int k = 0; k < ARC_FIELDS; k++)
		str_fini(&s->raw[k]);
}
