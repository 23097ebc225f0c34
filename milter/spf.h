/*
 * spf.h - may this client send for that domain? (RFC 7208)
 *
 * spf_check() asks the DNS through its caller, so it blocks where that does:
 * call it where no Lua state is held.  What a record may cost is bounded: 10
 * terms that look something up, 2 of them in vain, 10 names of each MX or PTR,
 * and nothing after the first error; the deadline is the caller's.
 */
#ifndef KUMILTER_SPF_H
#define KUMILTER_SPF_H

#include "dns.h"
#include "ip.h"

#include <stdbool.h>
#include <stdint.h>

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR
};

/* As in Received-SPF and Authentication-Results: "softfail" */
const char *spf_result_text(enum spf_result result);

/* name is one that can be asked for; *out is fresh. */
typedef void spf_ask(
    void *arg, const char *name, enum dns_type type, struct dns_answer *out);

struct spf_query {
	struct ip ip;
	const char *domain; /* to begin with; A-labels */
	const char *local;  /* of the sender; NULL or "": "postmaster" */
	const char *origin; /* the sender's domain; NULL: domain */
	const char *helo;
	const char *receiver; /* this host, or NULL */
	int64_t now;          /* seconds since 1970, for %{t} */
	/* KumoMTA's ways where they are not the RFC's: the first of several
	 * records counts, "v=spf1" alone is none, vain lookups are free. */
	bool kumomta_quirks;
	spf_ask *ask;
	void *arg;
};

struct spf_answer {
	enum spf_result result;
	/* Why: the domain's explanation of a fail where it gives one, else
	 * what matched or went wrong.  One line of printable ASCII. */
	char *reason;
	bool explained;   /* the reason is the domain's */
	unsigned lookups; /* terms that looked something up */
};

void spf_check(const struct spf_query *q, struct spf_answer *out);
void spf_answer_fini(struct spf_answer *a);

#endif
