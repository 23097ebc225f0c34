/*
 * reply.h - what the MTA is told, and so what the client sees
 *
 * The one place where a verdict's code and text become a milter reply, and the
 * only one that knows how Postfix and Sendmail differ about it.  Pure: the
 * same input gives the same reply; no Lua, no libmilter, no session.
 *
 * Every reply that leaves here is one that both MTAs pass on: the policy's
 * text verbatim wherever SMTP and the MTA permit (reply_text.h has the
 * rules); 4xx goes with TEMPFAIL, 5xx with REJECT; one line only for a 421 at
 * connect.
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

/* What had to be done to the policy's text; for a log line or a remark. */
enum reply_note {
	REPLY_NOTE_CONTROL = 1 << 0,     /* control character: space */
	REPLY_NOTE_NOT_UTF8 = 1 << 1,    /* stray byte: '?' */
	REPLY_NOTE_NOT_ASCII = 1 << 2,   /* character Sendmail spoils: '?' */
	REPLY_NOTE_LINE_CUT = 1 << 3,    /* a line was too long */
	REPLY_NOTE_LINES_CUT = 1 << 4,   /* too many lines, or too much text */
	REPLY_NOTE_NO_TEXT = 1 << 5,     /* nothing there: our own words */
	REPLY_NOTE_CLASS = 1 << 6,       /* enhanced code of another class */
	REPLY_NOTE_XCODE_ADDED = 1 << 7, /* c.0.0, where none was given */
};

/* Strings are what smfi_setreply()/smfi_setmlreply() take: '%' doubled. */
struct reply {
	enum reply_action action;
	char code[4];
	char xcode[12]; /* "" where none is to be given */
	int nlines;
	char *line[REPLY_LINES]; /* owned; reply_fini() frees */
	bool closes;             /* the MTA hangs up right after it */
	unsigned notes;          /* enum reply_note, or-ed */
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
 * What becomes of a verdict given in this phase.  until: the phase in which
 * the client is to get it; equal to the phase asked about when that is now.
 * code: what is said then (force_drop may have changed it; 0 unless REFUSE).
 * closes: the MTA closes on it.  condemns: once it is given, the session is
 * condemned.  A DISCARD at connect or HELO, which no MTA honours, waits for
 * MAIL as well; every other verdict is for now.
 */
struct reply_plan {
	enum phase until;
	int code;
	bool closes;
	bool condemns;
};

struct reply_plan reply_plan(
    const struct verdict *v, enum phase phase, const struct reply_rules *rules);

/*
 * The reply for a verdict in a phase in which its plan says "now", or in the
 * later one that its plan named.  Fills *r, whatever was in it.  CONTINUE
 * where the MTA does not heed such an answer: anything at abort and close,
 * ACCEPT and DISCARD at an unknown command.
 */
void reply_for(struct reply *r, const struct verdict *v, enum phase phase,
    const struct reply_rules *rules);
/* 421 HOSTNAME disconnecting due to previous error */
void reply_condemned(
    struct reply *r, const char *hostname, const struct reply_rules *rules);
void reply_fini(struct reply *r); /* is a CONTINUE afterwards */

/*
 * Adds the lines that an SMTP client of this MTA reads for a reply given in
 * this phase, separated by '\n', without the final one; nothing where the
 * client reads nothing of it: the greeting (220) or HELO (250) succeeds and
 * the MTA refuses what comes later.  mta_host: the MTA's own name; address:
 * that of the MAIL or RCPT command, "<a@example.org>", or NULL.
 */
void reply_as_seen(struct str *out, const struct reply *r, enum phase phase,
    enum mta mta, const char *mta_host, const char *address);

/*
 * The same for the MAIL that follows a reply given at connect or HELO which
 * did not close: the MTA answers that by itself and asks no filter.
 */
void reply_as_seen_at_mail(
    struct str *out, const struct reply *r, enum phase phase, enum mta mta);

#endif
