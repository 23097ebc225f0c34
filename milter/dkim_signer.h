/*
 * dkim_signer.h - for whom mail is signed, with what, and how
 *
 * A domain, a selector, a private key, the fields to sign and the two
 * canonicalizations, as a policy configured them.  It never changes; counted
 * references, from any thread.
 */
#ifndef KUMILTER_DKIM_SIGNER_H
#define KUMILTER_DKIM_SIGNER_H

#include "dkim_canon.h"
#include "dkim_private.h"

#include <stdatomic.h>

#define DKIM_SIGNER_NAMES_MAX 256

struct dkim_signer {
	atomic_uint refs;
	char *domain, *selector; /* fit for a list of tags and the DNS */
	char **name;             /* fields to sign, in small letters */
	size_t n;
	bool over_sign;
	enum dkim_canon header, body;
	int64_t expiration; /* seconds after the signature, or 0: none */
	struct dkim_private *key;
};

/* One that is being configured: all fields by hand, but not the key. */
struct dkim_signer *dkim_signer_new(void);

/* Give it a domain or a selector; -1 with *err where it is none. */
int dkim_signer_domain(
    struct dkim_signer *s, const char *name, size_t len, struct err *err);
int dkim_signer_selector(
    struct dkim_signer *s, const char *name, size_t len, struct err *err);
/* One more field to sign; -1 with *err: no name, or too many. */
int dkim_signer_sign(
    struct dkim_signer *s, const char *name, size_t len, struct err *err);
/* The last step: the key, and a look at the rest.  -1 with *err. */
int dkim_signer_complete(
    struct dkim_signer *s, const void *key, size_t len, struct err *err);

struct dkim_signer *dkim_signer_ref(struct dkim_signer *s);
void dkim_signer_unref(struct dkim_signer *s); /* NULL is allowed */

#endif
