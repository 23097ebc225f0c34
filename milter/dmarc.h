/*
 * dmarc.h - what the domain of From: wants done with a message (RFC 7489)
 *
 * From what SPF and DKIM found: is one of the names that they vouch for that
 * of the From: field or, where its domain's record is content with that, of
 * the same organisation?  The order of what was found changes nothing.
 *
 * dmarc_check() asks the DNS through its caller, so it blocks where that does:
 * call it where no Lua state is held.  Two lookups for each domain of From:,
 * and three more where a record speaks of names that do not exist.
 */
#ifndef KUMILTER_DMARC_H
#define KUMILTER_DMARC_H

#include "dmarc_record.h"
#include "dns.h"

#include <stdbool.h>
#include <stddef.h>

/* The more severe, the higher; but PASS and NONE. */
enum dmarc_disposition {
	DMARC_PASS,
	DMARC_NONE, /* nothing is asked for: no record, or p=none */
	DMARC_PERMERROR,
	DMARC_TEMPERROR,
	DMARC_QUARANTINE,
	DMARC_REJECT
};

/* As KumoMTA has them: "Pass", "TempError" */
const char *dmarc_disposition_text(enum dmarc_disposition d);

/* name is one that can be asked for; *out is fresh. */
typedef void dmarc_ask(
    void *arg, const char *name, enum dns_type type, struct dns_answer *out);

/* Domains are lower case, A-labels, without a final dot: address_domain() */
struct dmarc_query {
	const char *const *from; /* of From: */
	size_t n_from;
	const char *const *dkim; /* d= of signatures that are good */
	size_t n_dkim;
	bool dkim_unnamed; /* one of those did not say its domain */
	const char *spf;   /* that SPF passed for, or NULL */
	unsigned chance;   /* 0 to 99: is this message one of pct=? */
	/* KumoMTA's ways where they are not the RFC's: see kumilter-auth(7) */
	bool kumomta_quirks;
	dmarc_ask *ask;
	void *arg;
};

struct dmarc_answer {
	enum dmarc_disposition disposition;
	const char *result; /* for Authentication-Results: "fail" */
	char *reason;       /* one line of printable ASCII */
	const char *from;   /* of the query's, the one that decided */
	bool has_record;
	struct dmarc_record record;
	/* What the record asks for, whatever pct= makes of it; where the
	 * result is "fail" */
	enum dmarc_policy policy;
};

void dmarc_check(const struct dmarc_query *q, struct dmarc_answer *out);
void dmarc_answer_fini(struct dmarc_answer *a);

#endif
