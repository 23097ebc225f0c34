/*
 * observe.h - who is told what happens in a session
 *
 * A session has any number of observers: the decision log, a simulator, those
 * of `kumilter trace`, a recorder.  Each is told of what the MTA says and is
 * answered, of each handler, of what became of a message and of the end; in
 * the thread of that callback, one call at a time for one session, without
 * the Lua state.  They are told in the order in which they came.  Nothing is
 * spent on a session that has none.
 *
 * An observer only looks.  What it is shown is good for the call; macros can
 * be asked for with session_macro().  It must not wait for anything: the
 * client waits for it.
 *
 * The order of a session:
 *	observe_sessions()'s functions: who wants to, joins
 *	for each command: command, its handlers, (at the end of a message:
 *	    message,) reply; headers and pieces of the body are told where the
 *	    MTA sends them, before that end
 *	over: behind each message and aborted transaction, and before HELO and
 *	    MAIL: there may be none, or it may have been told already
 *	command PHASE_CLOSE, its handlers, over, close
 */
#ifndef KUMILTER_OBSERVE_H
#define KUMILTER_OBSERVE_H

#include "phase.h"
#include "reply.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct session;
struct message;

/* One handler, from its call to its end. */
struct observed {
	const char *event;
	const char *where;    /* "init.lua:12", a module of Momentum's, or "" */
	const char *args;     /* but for conn_meta, as text for a person */
	int64_t took, waited; /* ns; waited is part of took */
	bool failed;
	bool dry; /* event_dry.h: it is not obeyed */
	/* What it decided, or what its failure became; NULL: nothing. */
	const struct verdict *verdict;
	const json_t *meta_before; /* conn_meta when it began; or NULL */
};

/* What is wanted; NULL where nothing is. */
struct observer_hooks {
	/*
	 * The MTA tells of a command, before any handler; also PHASE_ABORT,
	 * PHASE_CLOSE and, as DATA's own verb, PHASE_EOM.  ESMTP parameters
	 * are in s->esmtp.  The first is PHASE_CONNECT unless the MTA left
	 * that out.
	 */
	void (*command)(void *arg, const struct session *s, enum phase phase,
	    const struct event_command *command);
	/* As event.h has them; only what was negotiated comes. */
	void (*header)(void *arg, const struct session *s, const char *name,
	    const char *raw);
	void (*body)(
	    void *arg, const struct session *s, const void *data, size_t len);
	/* It has ended. */
	void (*handler)(
	    void *arg, const struct session *s, const struct observed *o);
	/*
	 * A dry run: what would have been of a handler, or of a message at its
	 * end, in words ("refused: 550 no", "changed: insert header X-A").
	 */
	void (*would)(void *arg, const struct session *s, const char *who,
	    const char *what);
	/*
	 * What the MTA is told, CONTINUE too.  None is given to abort, close,
	 * headers and the body; the one to CONNECT may not be waited for.
	 */
	void (*reply)(void *arg, const struct session *s, enum phase phase,
	    const struct event_command *command, const struct reply *reply);
	/*
	 * The end of a message: it passes as m, whose edits are edits_of(m);
	 * NULL: refused, dropped, or not looked at by any handler.  Which, and
	 * whether it does pass, the reply says that comes next.
	 */
	void (*message)(
	    void *arg, const struct session *s, const struct message *m);
	void (*over)(void *arg, const struct session *s);
	/* The last call: the observer may free itself and arg. */
	void (*close)(void *arg, const struct session *s);
};

struct observer {
	const struct observer_hooks *hooks;
	void *arg;
	bool details;          /* observed.args and meta_before are wanted */
	struct observer *next; /* observe_join()'s */
};

/* Once, before the session's first command; *o stays until close. */
void observe_join(struct session *s, struct observer *o);

/*
 * Ask this of each session that begins, in its thread: it may join.  For the
 * life of the process; the same one again changes nothing.  Any thread; at
 * most OBSERVE_SESSIONS.
 */
#define OBSERVE_SESSIONS 4
typedef void observe_session_fn(struct session *s);
void observe_sessions(observe_session_fn *begins);

/*
 * What those that will join need the MTA to tell even where the policy does
 * not: of sessions whose connection opens from now on (session.told has it).
 * Each need is counted.  Any thread.
 */
enum observe_need {
	OBSERVE_COMMANDS = 1 << 0, /* unknown ones, too */
	OBSERVE_HEADERS = 1 << 1,
	OBSERVE_BODY = 1 << 2,
};
void observe_need(unsigned needs);
void observe_need_no_more(unsigned needs);
unsigned observe_needs(void);

/* ---- for event.h: tell all of them -------------------------------------- */

void observe_begin(struct session *s);
bool observe_details(const struct session *s); /* does any want them? */
void observe_command(const struct session *s, enum phase phase,
    const struct event_command *command);
void observe_header(const struct session *s, const char *name, const char *raw);
void observe_body(const struct session *s, const void *data, size_t len);
void observe_handler(const struct session *s, const struct observed *o);
void observe_would(const struct session *s, const char *who, const char *what);
void observe_reply(const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply);
void observe_message(const struct session *s, const struct message *m);
void observe_over(const struct session *s);
void observe_close(struct session *s); /* has no observer then */

#endif
