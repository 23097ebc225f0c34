/*
 * reply.h - what the MTA is told, and so what the client sees
 *
 * The one place where a verdict's code and text become a milter reply, and the
 * only one that knows how Postfix and Sendmail differ about it.  Pure: the
 * same input gives the same reply; no Lua, no libmilter, no session.
 *
 * Every reply that leaves here is one that both MTAs pass on: the policy's
 * text verbatim wherever SMTP and the MTA permit; a leading enhanced status
 * code becomes xcode, with its class made to match the code's; '%' is doubled;
 * no CR, LF, NUL or other control character; 1 to 32 lines of at most 900
 * bytes and less than 16000 together; 4xx goes with TEMPFAIL, 5xx with REJECT;
 * for Sendmail ASCII only (it would strip bit 8).
 */
#ifndef KUMILTER_REPLY_H
#define KUMILTER_REPLY_H

#include "phase.h"
#include "str.h"
#include "verdict.h"

#include <stdbool.h>

enum mta { MTA_POSTFIX, MTA_SENDMAIL };

const char *mta_name(enum mta mta);
int mta_parse(const char *text, enum mta *mta, struct err *err);

enum reply_action {
	REPLY_CONTINUE,
	REPLY_ACCEPT,
	REPLY_DISCARD,
	REPLY_TEMPFAIL, /* with code, xcode and lines */
	REPLY_REJECT,   /* with code, xcode and lines */
};

#define REPLY_LINES 32
#define REPLY_LINE_MAX 900
#define REPLY_TEXT_MAX 16000

/* Strings are what smfi_setreply()/smfi_setmlreply() take: '%' doubled. */
struct reply {
	enum reply_action action;
	char code[4];
	char xcode[12]; /* "" where none is to be given */
	int nlines;
	char *line[REPLY_LINES]; /* owned; reply_fini() frees */
	bool closes;             /* the MTA hangs up right after it */
};

/* How refusals are treated; part of a policy's settings. */
enum stage_reject { STAGE_REJECT_MAIL, STAGE_REJECT_RCPT, STAGE_REJECT_NOW };
enum data_reject { DATA_REJECT_EOM, DATA_REJECT_NOW };
struct reply_rules {
	enum mta mta;
	bool force_drop; /* force_disconnect = 'drop' */
	enum stage_reject stage_reject;
	enum data_reject data_reject;
};

/*
 * What becomes of a refusal given in this phase.  until: the phase in which
 * the client is to get it; equal to the phase asked about when that is now.
 * code: what is said then (force_drop may have changed it).  closes: the MTA
 * closes on it.  condemns: once it is given, the session is condemned.
 */
struct reply_plan {
	enum phase until;
	int code;
	bool closes;
	bool condemns;
};

struct reply_plan reply_plan(const struct verdict *v, enum phase phase,
    const struct reply_rules *rules);

/* The reply for a verdict in a phase in which its plan says "now". */
void reply_for(struct reply *r, const struct verdict *v, enum phase phase,
    const struct reply_rules *rules);
/* 421 HOSTNAME disconnecting due to previous error */
void reply_condemned(struct reply *r, const char *hostname,
    const struct reply_rules *rules);
void reply_fini(struct reply *r);

/*
 * The lines that an SMTP client of this MTA reads for a reply given in this
 * phase, separated by '\n', without the final one; "" where it reads nothing
 * of it.  mta_host: the MTA's own name; rcpt: the address of the MAIL or RCPT
 * command, "<a@example.org>".
 */
void reply_as_seen(struct str *out, const struct reply *r, enum phase phase,
    enum mta mta, const char *mta_host, const char *address);

#endif
