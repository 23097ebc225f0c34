/*
 * event.h - from a callback of the MTA to a reply
 *
 * One function for each phase: it asks the session's standing, runs the
 * policy's handlers for the phase, makes a verdict of how they ended and has
 * it turned into a reply.  *reply must be fresh and goes to reply_fini().
 *
 * Nothing here knows libmilter: tests, simulators and other transports call
 * the same functions.  Calls for one session come one at a time, in SMTP's
 * order, from any thread.
 */
#ifndef KUMILTER_EVENT_H
#define KUMILTER_EVENT_H

#include "session.h"

#include <stdbool.h>

/* What the policy in force wants to be told. */
struct event_needs {
	bool any;             /* connect, HELO, MAIL, RCPT and the end */
	bool connect_answers; /* else connect is told and not waited for */
	bool data, unknown;
	bool content;  /* headers */
	bool body;     /* and the body */
	bool edits;    /* and they may change */
	bool envelope; /* sender and recipients may change */
};

/*
 * A connection from the MTA opened: it is served by the policy in force now.
 * event_connect() does it where this was not called.
 */
void event_open(struct session *s);
struct event_needs event_needs(const struct session *s);

void event_connect(struct session *s, struct reply *reply);
void event_helo(struct session *s, const char *name, struct reply *reply);
void event_mail(struct session *s, const char *address, struct reply *reply);
void event_rcpt(struct session *s, const char *address, struct reply *reply);
void event_data(struct session *s, struct reply *reply);
void event_unknown(struct session *s, const char *command, struct reply *reply);

/* Content, between DATA and the end; nothing is answered. */
void event_header(struct session *s, const char *name, const char *raw);
void event_body(struct session *s, const void *data, size_t len);

/*
 * The end of a message.  Where the reply lets it pass, *m is what the policy
 * made of it: the caller carries out its edits and then calls
 * event_message_over(s, m).  NULL: nothing to carry out.
 */
void event_eom(struct session *s, struct reply *reply, struct message **m);
void event_message_over(struct session *s, struct message *m);

void event_abort(struct session *s);
/* The connection is gone: frees the session.  Does not wait for others. */
void event_close(struct session *s);

/* Sessions open now: CONNECT seen, not yet closed. */
long event_sessions(void);

#endif
