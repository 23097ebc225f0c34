/*
 * event_call.h - one handler, from its lookup to its verdict
 *
 * The one path into a policy:
 *	if (call_begin(&c, s, EVENT_X, deadline)) {
 *		push arguments on c.L;
 *		call_run(&c, nargs);
 *		look at results on c.L when c.result is RUN_OK;
 *	}
 *	call_end(&c, &verdict);
 * Every way in which a handler can end becomes a verdict in call_end() and
 * nowhere else: returned, refused, failed (one log line, one counter and the
 * policy's on_error).
 */
#ifndef KUMILTER_EVENT_CALL_H
#define KUMILTER_EVENT_CALL_H

#include "co.h"
#include "epoch.h"
#include "session.h"

struct session_lua {
	struct epoch *epoch;
	struct state *state;
	struct co co;
	bool touched;    /* Lua may hold objects of this session */
	json_t *domains; /* get_listener_domain's answers */
};

struct call {
	struct session *s;
	struct lua_State *L;
	struct run run;
	enum event_name event;
	const char *name; /* of the event, or of the policy's own */
	enum run_result result;
	int64_t began; /* clock_mono(); 0: it is not timed */
	bool locked;
	struct call_seen *seen; /* for the session's observers, or NULL */
	bool failed; /* after call_end(): not returned, not refused */
};

/* When a handler that begins now must have ended. */
int64_t call_deadline(const struct session *s, bool message);
bool call_has(const struct session *s, enum event_name event);
/* Is there a handler that can read the message's content? */
bool call_wants_content(const struct session *s);

/* Is a message that passes to be recorded? */
bool call_wants_records(const struct session *s);

/* The same, of Momentum's modules. */
bool call_wants_modules(const struct session *s);

/* true: the handler is on c->L; false: there is none, or no state. */
bool call_begin(
    struct call *c, struct session *s, enum event_name event, int64_t deadline);
/* The same for an event of the policy's own, whose name it gave. */
bool call_begin_named(
    struct call *c, struct session *s, const char *name, int64_t deadline);
void call_run(struct call *c, int nargs);

/*
 * The handler returned something that cannot be used: its failure, as if it
 * had raised.
 */
void call_fail(struct call *c, const char *why);

/* End a message that Lua may hold: under the state's lock.  NULL allowed. */
void call_release_message(struct session *s, struct message *m);

/* v NULL: failures are logged, a refusal has no effect. */
void call_end(struct call *c, struct verdict *v);

#endif
