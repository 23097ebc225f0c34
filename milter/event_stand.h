/*
 * event_stand.h - a session's standing, asked and told for one event
 *
 * standing.h with the session's policy applied: its rules, its counters and
 * its smtp_server_rewrite_response.
 */
#ifndef KUMILTER_EVENT_STAND_H
#define KUMILTER_EVENT_STAND_H

#include "event_rewrite.h"
#include "session.h"

/* true: *reply is the answer and no handler is to run. */
bool stand_answers(struct session *s, enum phase phase,
    const struct event_command *command, struct reply *reply);
/* What the handlers decided becomes the reply; takes what v holds. */
void stand_take(struct session *s, enum phase phase,
    const struct event_command *command, struct verdict *v,
    struct reply *reply);
void stand_condemn(struct session *s);

/*
 * The MTA is told this: counted, in metric.h and, where a policy asked for
 * that, in audit.h: each refusal that the client reads, each message that
 * passes.  stand_answers() and stand_take() call it themselves.
 */
void stand_replied(
    const struct session *s, enum phase phase, const struct reply *reply);
/* A session's begin and end, for audit.h. */
void stand_audit_opened(struct session *s);
void stand_audit_closed(struct session *s);

#endif
