/*
 * event_dry.h - handlers that decide and are not obeyed
 *
 * kumo.milter.configure{ dry_run, dry_run_share }: what a handler decided, or
 * what its failure would have become, is logged and counted, and the mail
 * goes on as if it had returned.  For the events of dry_run that is so in
 * every session; with dry_run = true, or in the share of the clients that
 * dry_run_share says, it is so for all events of the session, and what they
 * made of a message is dropped at its end.  The same client address, or IPv6
 * network of 64 bits, is always on the same side.
 */
#ifndef KUMILTER_EVENT_DRY_H
#define KUMILTER_EVENT_DRY_H

#include "event_name.h"
#include "session.h"

/* Say of a session that begins whether all of it runs dry. */
void dry_begin(struct session *s);

bool dry_is(const struct session *s, enum event_name event);

/* Of a handler that runs dry: log, count and tell observers what is in *v, and
 * clear it. */
void dry_verdict(
    const struct session *s, enum event_name event, struct verdict *v);

/*
 * The message for a handler of its own that runs dry: a copy, so that its
 * edits touch nobody else; else m itself.
 */
struct message *dry_message(
    const struct session *s, enum event_name event, struct message *m);
/*
 * Log and count what became of the copy but for what m has, too; m takes over
 * the copy's metadata.  The copy stays the caller's.
 */
void dry_message_over(const struct session *s, enum event_name event,
    struct message *m, struct message *copy);

/*
 * The end of a message of a session that runs dry: log and count what would
 * be done to it; *v is CONTINUE then.
 */
void dry_result(
    const struct session *s, const struct message *m, struct verdict *v);

#endif
