/*
 * event_rewrite.h - smtp_server_rewrite_response, for replies of our own
 *
 * A milter sees and writes only the replies that it makes itself; the MTA's
 * stay as they are.  A handler that fails here is logged and ignored, as in
 * KumoMTA.
 */
#ifndef KUMILTER_EVENT_REWRITE_H
#define KUMILTER_EVENT_REWRITE_H

#include "reply.h"

struct session;
struct str;

/* The text as the policy would have given it: '%' single, lines by '\n'. */
void event_reply_text(struct str *out, const struct reply *reply);

void event_rewrite(struct session *s, enum phase phase,
    const struct event_command *command, const struct reply_rules *rules,
    struct reply *reply);

#endif
