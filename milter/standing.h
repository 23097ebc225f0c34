/*
 * standing.h - how a session stands with the policy
 *
 * Most sessions are free: each command is judged by itself.  A refusal may
 * last longer than the command that earned it:
 *   held       refused at connect or HELO; the MTA would hide the text there,
 *              so the client gets it at MAIL (or RCPT).  A refused HELO stays
 *              refused for every MAIL until a HELO is accepted; a refused
 *              connection, or a kumo.disconnect at HELO, is over: no handler
 *              runs any more, and once the reply is given the session is
 *              condemned.  A DISCARD there is held for every MAIL likewise.
 *   held data  refused at DATA; given at the end of the message, because
 *              libmilter stops answering for a transaction refused at DATA.
 *   condemned  to be disconnected: every further command gets
 *              421 HOSTNAME disconnecting due to previous error.
 *
 * The owner asks standing_answers() before running a handler for a phase; if
 * that says true, *reply is the answer and no handler runs.  Otherwise it runs
 * the handlers and passes their verdict to standing_take(), which fills *reply;
 * where there is no handler, it passes a CONTINUE (a HELO that nobody objects
 * to ends the refusal of the last one).  Either way reply_fini() is its job.
 * At abort and close handlers always run; nothing is said there.
 *
 * rules must be the same throughout a session.  No locks: a session is in one
 * thread at a time.
 */
#ifndef KUMILTER_STANDING_H
#define KUMILTER_STANDING_H

#include "reply.h"

enum standing_kind {
	STANDING_FREE,
	STANDING_HELD,      /* held.. below, until MAIL or RCPT */
	STANDING_HELD_DATA, /* until the end of this message */
	STANDING_CONDEMNED,
};

struct standing {
	enum standing_kind kind;
	enum phase held_from, held_until;
	struct verdict held;
};

void standing_init(struct standing *st);
void standing_fini(struct standing *st);

bool standing_answers(struct standing *st, enum phase phase,
    const struct reply_rules *rules, const char *hostname, struct reply *reply);

/* Takes what v holds; v is CONTINUE afterwards. */
void standing_take(struct standing *st, enum phase phase, struct verdict *v,
    const struct reply_rules *rules, struct reply *reply);

/* From now on every command gets the 421 of a condemned session. */
void standing_condemn(struct standing *st);

/*
 * The message ended or was aborted: what was held for it is forgotten; but if
 * it was a kumo.disconnect that nobody heard, the session is condemned.  To be
 * called after the answer at EOM, and at abort.
 */
void standing_message_over(struct standing *st);

#endif
