/*
 * explain.h - what a refusal comes to, before any mail is at stake
 *
 * For a refusal given in one phase of a session in front of one MTA: when and
 * in which words the client gets it, whether the connection closes and what
 * comes after.  Asks reply.h and adds nothing of its own but remarks.
 */
#ifndef KUMILTER_EXPLAIN_H
#define KUMILTER_EXPLAIN_H

#include "reply.h"

#define EXPLAIN_REMARKS 32

struct explain {
	/* the question: the caller's, must outlive the answer */
	const struct verdict *verdict; /* REFUSE */
	enum phase stage;              /* connect to eom, or unknown */
	struct reply_rules rules;
	const char *host;    /* the MTA's name and conn_meta's hostname */
	const char *address; /* "<a@example.org>" */

	/* the answer */
	struct reply_plan plan;
	bool condemned;     /* and the MTA will ask again, so that it tells */
	struct reply reply; /* as given in plan.until */
	struct str seen;    /* what the client reads then */
	struct str at_mail; /* what MAIL reads where the MTA keeps the reply
			       to itself (stage_reject 'now'); else "" */
	struct str next;    /* what the next command reads if condemned */
	int nremarks;
	const char *remark[EXPLAIN_REMARKS];
};

void explain(struct explain *e);
void explain_fini(struct explain *e);

#endif
