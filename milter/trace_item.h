/*
 * trace_item.h - what happens in a real session, as JSON
 *
 * The items of trace_session.h but for the session's id and the time; each is
 * the caller's.  Of a refusal an item has what this MTA's client reads.
 */
#ifndef KUMILTER_TRACE_ITEM_H
#define KUMILTER_TRACE_ITEM_H

#include "session.h"

/* From PHASE_CONNECT to PHASE_ABORT. */
json_t *trace_item_command(const struct session *s, enum phase phase,
    const struct event_command *command);
/* took: ns since the command. */
json_t *trace_item_reply(const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply,
    int64_t took);
json_t *trace_item_message(const struct session *s, const struct message *m);

#endif
