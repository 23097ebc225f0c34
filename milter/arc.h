/*
 * arc.h - is the chain of those who handled a message intact? (RFC 8617)
 *
 * arc_verify() asks the DNS through its caller and reads the whole body, so it
 * blocks: call it where no Lua state is held.  What a message may cost is
 * bounded: 50 sets, one lookup for each name and none after the first failure,
 * and the body is read twice.  The deadline is the caller's.
 *
 * All failures are final, those of the DNS, too (RFC 8617, 5.2.1).
 */
#ifndef KUMILTER_ARC_H
#define KUMILTER_ARC_H

#include "arc_chain.h"
#include "body.h"
#include "dkim_lookup.h"

#include <stdint.h>

struct arc_query {
	const struct headers *headers;
	const struct body *body;
	int64_t now; /* seconds since 1970 */
	/* KumoMTA's ways where they are not the RFC's: every
	 * ARC-Message-Signature must be right, not only the newest, a chain
	 * that fails tells how far it was right, and keys are taken as
	 * dkim_lookup.h says. */
	bool kumomta_quirks;
	dkim_ask *ask;
	void *arg;
};

struct arc_answer {
	enum arc_status status;
	char *reason; /* of a failure, one line of printable ASCII; or NULL */
	/* The oldest instance whose ARC-Message-Signature is still right, 0
	 * where all are; -1: not told. */
	int oldest_pass;
};

bool arc_is_built(void); /* with OpenSSL */

void arc_verify(const struct arc_query *q, struct arc_answer *out);
void arc_answer_fini(struct arc_answer *a);

#endif
