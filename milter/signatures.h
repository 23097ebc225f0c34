/*
 * signatures.h - the DKIM signatures that a policy has put on a message
 *
 * A signature is made when the policy asks for it, of the message as it
 * stands.  What the policy changes afterwards may be what was signed: at the
 * end of the message signatures_renew() looks, and makes such a signature
 * anew, in its place, so that what the MTA sends verifies.  One that the
 * policy has removed stays removed.
 *
 * Belongs to its message: no locks.
 */
#ifndef KUMILTER_SIGNATURES_H
#define KUMILTER_SIGNATURES_H

#include "dkim_sign.h"

struct message;
struct signatures;

/* Signatures of one message; more are not looked after. */
#define SIGNATURES_MAX 32

void signatures_free(struct signatures *s); /* NULL is allowed */
struct signatures *signatures_copy(const struct signatures *s); /* the same */

/* What a signature was made of, and its value. */
struct signature {
	struct dkim_signer *signer;
	struct body *body;
	unsigned char body_hash[DKIM_HASH_SIZE];
	unsigned char covers[DKIM_HASH_SIZE];
	struct str raw;
	int64_t at; /* t=, seconds since 1970 */
	bool kumomta_quirks;
};

void signature_fini(struct signature *s);
/* The body's hash, where an earlier signature has it already. */
bool signatures_body_hash(const struct message *m, enum dkim_canon canon,
    unsigned char hash[DKIM_HASH_SIZE]);
/* Hash the body where it is not done, and sign.  Any thread; -1 with *err. */
int signature_make(struct signature *s, const struct headers *headers,
    bool has_body_hash, struct err *err);
/* Prepend the field and keep a copy of *s. */
void signatures_add(struct message *m, const struct signature *s);

/*
 * Settle the headers (dkim_settle.h) and make anew what no longer fits the
 * message.  How many were; -1 with *err: one could not be, and stays as it is.
 */
int signatures_renew(struct message *m, bool sendmail, struct err *err);

#endif
