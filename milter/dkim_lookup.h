/*
 * dkim_lookup.h - is this the signature of who published that key?
 *
 * SELECTOR._domainkey.DOMAIN is asked for its TXT records, and those that are
 * keys are tried one after the other (RFC 6376, 6.1.2), eight at the most.
 * The DNS is asked through the caller, so this blocks where that does.
 */
#ifndef KUMILTER_DKIM_LOOKUP_H
#define KUMILTER_DKIM_LOOKUP_H

#include "dkim_key.h"
#include "dns.h"
#include "err.h"
#include "str.h"

#include <stdbool.h>

#define DKIM_LOOKUP_KEYS_MAX 8

/* TXT of a name that can be asked for; *out is fresh. */
typedef void dkim_ask(void *arg, const char *name, struct dns_answer *out);

enum dkim_result {
	DKIM_PASS,
	DKIM_PERMERROR,
	DKIM_TEMPERROR,
};
/* As in Authentication-Results: "pass" */
const char *dkim_result_text(enum dkim_result result);

struct dkim_lookup {
	const char *domain, *selector; /* as struct dkim_signature has them */
	bool subdomain;                /* for keys with t=s */
	enum dkim_alg alg;
	const struct str *data, *sig;
	/* KumoMTA's ways where they are not the RFC's: a key that is not there
	 * or was revoked is an error for a while; h=, s= and t= of keys are
	 * nothing. */
	bool kumomta_quirks;
	dkim_ask *ask;
	void *arg;
	/* answers, of the key that was tried last: t=y, t=s, and its size */
	bool testing, strict;
	int bits;
};

/* Tell ask() the name, and take no answer: it need not wait for one. */
void dkim_lookup_begin(const struct dkim_lookup *l, dkim_ask *ask);

/* *err says why it is not DKIM_PASS: printable ASCII. */
enum dkim_result dkim_lookup_verify(struct dkim_lookup *l, struct err *err);

#endif
