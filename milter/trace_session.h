/*
 * trace_session.h - a session, told to those who watch it
 *
 * An observer of the daemon's sessions (observe.h): what happens in one that
 * a watcher wants becomes the items of transcript.h, and some more, each with
 * the session's id and the milliseconds since it began:
 *   {"type": "connect", "time", "client", "name", "host", "mta", "epoch",
 *    "dry_run": true}
 *   {"type": "client", "line", "auth", "tls"} or {"type": "client",
 *    "content": bytes, "queue_id"}
 *   {"type": "handler", ...}
 *   {"type": "message", "sender", "recipients", "edits", "meta", ...}
 *   {"type": "server", "code", "lines", "by": "policy", "closes": true, "ms"}
 *   {"type": "server", "by": "mta", "action": "continue", "accept" or
 *    "discard", "ms"}: what the client reads is the MTA's own
 *   {"type": "server", "held": lines, ...}: it reads that for MAIL
 *   {"type": "log", ...}
 *   {"type": "abort"}
 *   {"type": "skipped", "items": number}: could not be kept, see below
 *   {"type": "close", "cut": true}: the last one; not all was told
 * An item of more than TRACE_ITEM bytes is {"type", "session", "too_long":
 * bytes} instead.
 *
 * A watcher that asked for senders or recipients is told of a transaction
 * from its MAIL on, once both fit, and of what the session did between
 * transactions before that.  Until then it is kept, at most TRACE_HELD bytes.
 */
#ifndef KUMILTER_TRACE_SESSION_H
#define KUMILTER_TRACE_SESSION_H

#define TRACE_ITEM 65536
#define TRACE_HELD 65536

/* Before the first session; any number of times. */
void trace_sessions(void);

#endif
