#include "dkim_lookup.h"

#include <string.h>

const char *
dkim_result_text(enum dkim_result result)
{
	static const char *const texts[] = {
		[DKIM_PASS] = "pass",
		[DKIM_PERMERROR] = "permerror",
		[DKIM_TEMPERROR] = "temperror",
	};

	return texts[result];
}

static enum dkim_result
permerror(struct err *err, const char *why)
{
	err_set(err, "%s", why);
	return DKIM_PERMERROR;
}

static enum dkim_result
no_key(const struct dkim_lookup *l, struct err *err, const char *name)
{
	if (!l->kumomta_quirks)
		return permerror(err, "no key for signature");
	err_set(err, "key unavailable: failed to resolve %s", name);
	return DKIM_TEMPERROR;
}

/* May this key sign mail of this kind? NULL, or why not. */
static const char *
objection(const struct dkim_lookup *l, const struct dkim_key *k)
{
	if (k->ed25519 != (l->alg == DKIM_ED25519_SHA256))
		return "inappropriate key algorithm";
	if (l->kumomta_quirks)
		return NULL;
	if (!k->sha256)
		return "inappropriate hash algorithm";
	if (!k->mail)
		return "key is not for mail";
	if (k->strict && l->subdomain)
		return "domain mismatch";
	return NULL;
}

/* A record that cannot be used, in KumoMTA's words. */
static enum dkim_result
bad_record(const struct dkim_lookup *l, enum dkim_key_status status,
    const struct err *why, struct err *err)
{
	if (status == DKIM_KEY_NONE)
		return permerror(err, "key syntax error");
	if (status == DKIM_KEY_REVOKED && !l->kumomta_quirks)
		return permerror(err, "key revoked");
	err_set(err, "key unavailable: %.200s", why->msg);
	return l->kumomta_quirks ? DKIM_TEMPERROR : DKIM_PERMERROR;
}

static enum dkim_result
try_record(struct dkim_lookup *l, const struct dns_record *r,
    enum dkim_key_status *status, struct err *err)
{
	enum dkim_result result = DKIM_PERMERROR;
	const char *no;
	struct dkim_key k;
	struct err why = { "" };

	*status = dkim_key_read(&k, r->text, r->len, &why);
	l->testing = k.testing;
	l->strict = k.strict;
	l->bits = k.bits;
	no = *status == DKIM_KEY_OK ? objection(l, &k) : NULL;
	if (*status != DKIM_KEY_OK)
		result = bad_record(l, *status, &why, err);
	else if (no != NULL)
		permerror(err, no);
	else if (dkim_key_verify(&k, l->alg, str_c(l->data), l->data->len,
		     str_c(l->sig), l->sig->len, &why) == 1)
		result = DKIM_PASS;
	else
		permerror(err, "signature did not verify");
	dkim_key_fini(&k);
	return result;
}

/* What is told is of the last record that was about a key. */
static enum dkim_result
try_records(struct dkim_lookup *l, const struct dns_answer *a, struct err *err)
{
	enum dkim_result result = DKIM_PERMERROR;
	size_t keys = 0;

	permerror(err, "key syntax error");
	for (size_t i = 0; i < a->n && keys < DKIM_LOOKUP_KEYS_MAX; i++) {
		enum dkim_key_status status;
		struct err why;
		enum dkim_result r =
		    try_record(l, &a->record[i], &status, &why);

		if (r == DKIM_PASS)
			return r;
		if (status == DKIM_KEY_NONE)
			continue;
		keys++;
		result = r;
		*err = why;
	}
	return result;
}

/* false: it is too long for a name. */
static bool
key_name(struct str *out, const struct dkim_lookup *l)
{
	struct str wire = { 0 };
	int rc;

	str_addf(out, "%s._domainkey.%s", l->selector, l->domain);
	rc = dns_name(&wire, str_c(out), out->len, NULL);
	str_fini(&wire);
	return rc == 0;
}

void
dkim_lookup_begin(const struct dkim_lookup *l, dkim_ask *ask)
{
	struct dns_answer a = { .status = DNS_NO_NAME };
	struct str name = { 0 };

	if (key_name(&name, l))
		ask(l->arg, str_c(&name), &a);
	dns_answer_fini(&a);
	str_fini(&name);
}

enum dkim_result
dkim_lookup_verify(struct dkim_lookup *l, struct err *err)
{
	struct dns_answer a = { .status = DNS_NO_NAME };
	enum dkim_result result;
	struct str name = { 0 }, why = { 0 };
	bool fits = key_name(&name, l);

	l->testing = l->strict = false;
	l->bits = 0;
	if (fits)
		l->ask(l->arg, str_c(&name), &a);
	switch (a.status) {
	case DNS_FOUND:
		result = try_records(l, &a, err);
		break;
	case DNS_NO_DATA:
	case DNS_NO_NAME:
		result = no_key(l, err, str_c(&name));
		break;
	default:
		dns_explain(&why, &a, str_c(&name), DNS_TXT);
		err_set(err, "key unavailable: %s", str_c(&why));
		result = DKIM_TEMPERROR;
	}
	dns_answer_fini(&a);
	str_fini(&name);
	str_fini(&why);
	return result;
}
