/*
 * event_record.h - what kumo.configure_local_logs is told of a session
 *
 * A Rejection for each refusal that the client reads, a Reception for each
 * message that passes: of every batch, where the policy is asked for them,
 * else of all recipients together.  Nothing here waits for a disk.
 */
#ifndef KUMILTER_EVENT_RECORD_H
#define KUMILTER_EVENT_RECORD_H

#include "event_rewrite.h"
#include "session.h"

#include <stdint.h>

/* Receptions of a message that may yet be refused; all zero: none. */
struct receptions {
	struct reception *one;
	size_t n;
};

/* A batch as the policy left it; the filter has until the deadline. */
void event_record_message(struct session *s, struct message *m,
    int64_t deadline, struct receptions *r);
/* Log them if it passed; they are gone then. */
void event_record_receptions(struct receptions *r, bool passed);

/* The reply to a command. */
void event_record_reply(const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply);

#endif
