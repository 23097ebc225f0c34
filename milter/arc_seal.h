/*
 * arc_seal.h - one more set for a chain of ARC (RFC 8617, 5.1)
 *
 * Makes the values of the three fields, for a message as the MTA will send it
 * (dkim_sign.h).  The body is read: call it where no Lua state is held.
 */
#ifndef KUMILTER_ARC_SEAL_H
#define KUMILTER_ARC_SEAL_H

#include "arc_chain.h"
#include "dkim_sign.h"

struct arc_sealing {
	const struct dkim_signer *signer;
	const struct headers *headers;
	const struct body *body;
	enum arc_status status; /* of the chain there is: arc_verify() */
	const char *results;    /* as auth_results_write() has them */
	int64_t now;            /* seconds since 1970 */
	bool kumomta_quirks;    /* a chain that failed gets no seal */
};

/* As header.h has values, to be prepended in this order. */
struct arc_sealed {
	struct str raw[ARC_FIELDS];
};

/*
 * 1: sealed.  0: there is nothing to seal: the newest seal says that the chain
 * failed, or there are as many sets as there may be.  -1 with *err.
 * arc_sealed_fini() in either case.
 *
 * A chain that failed gets a seal that says so and covers its own set alone
 * (RFC 8617, 5.1.2).
 */
int arc_seal(
    struct arc_sealed *out, const struct arc_sealing *what, struct err *err);
void arc_sealed_fini(struct arc_sealed *s);

#endif
