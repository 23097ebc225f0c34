#include "event_call.h"

#include "clock.h"
#include "event_dry.h"
#include "event_seen.h"
#include "failure.h"
#include "log.h"
#include "metric.h"
#include "str.h"
#include "xmalloc.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t
call_deadline(const struct session *s, bool message)
{
	const struct settings *set = &s->lua->epoch->settings;

	return clock_mono() +
	       (message ? set->message_timeout : set->event_timeout);
}

bool
call_has(const struct session *s, enum event_name event)
{
	return s->lua != NULL && s->lua->epoch->has_handler[event];
}

bool
call_wants_content(const struct session *s)
{
	return call_has(s, EVENT_SMTP_DATA) ||
	       call_has(s, EVENT_SPLIT_TRANSACTION) ||
	       call_has(s, EVENT_MESSAGE_RECEIVED) || call_wants_modules(s);
}

bool
call_wants_records(const struct session *s)
{
	return s->lua != NULL && s->lua->epoch->wants_receptions;
}

bool
call_wants_modules(const struct session *s)
{
	return call_has(s, EVENT_VALIDATE_DATA) ||
	       call_has(s, EVENT_VALIDATE_EACH_RCPT);
}

/* true: it has the state. */
static bool
lock(struct call *c, struct session *s, int64_t deadline)
{
	c->s = s;
	c->result = RUN_OK;
	c->locked = state_lock(s->lua->state, deadline);
	if (!c->locked)
		c->result = RUN_BUSY;
	return c->locked;
}

/* The function that ref stands for is to be run. */
static bool
enter(struct call *c, int ref, int64_t deadline)
{
	struct session_lua *lua = c->s->lua;

	if (ref == LUA_NOREF)
		return false;
	lua->touched = true;
	co_make(lua->state, &lua->co);
	c->L = lua->co.L;
	c->run = (struct run){ .session = c->s,
		.event = c->name,
		.deadline = deadline,
		.may_wait = c->event != EVENT_MILTER_CLOSE &&
			    c->event != EVENT_VALIDATE_DEALLOC };
	lua_rawgeti(c->L, LUA_REGISTRYINDEX, ref);
	return true;
}

bool
call_begin(
    struct call *c, struct session *s, enum event_name event, int64_t deadline)
{
	*c = (struct call){ .s = s,
		.event = event,
		.name = event_name(event),
		.result = RUN_OK };
	if (!call_has(s, event))
		return false;
	c->began = clock_mono();
	if (!lock(c, s, deadline) ||
	    !enter(c, s->lua->state->handler[event], deadline))
		return false;
	if (s->observer != NULL)
		seen_begin(c);
	return true;
}

bool
call_begin_named(
    struct call *c, struct session *s, const char *name, int64_t deadline)
{
	bool begun;
	int ref;

	*c = (struct call){ .event = EVENT_MESSAGE_RECEIVED, .name = name };
	if (!lock(c, s, deadline))
		return false;
	ref = bindings_handler(s->lua->state->L, name);
	begun = enter(c, ref, deadline);
	luaL_unref(s->lua->state->L, LUA_REGISTRYINDEX, ref);
	return begun;
}

void
call_run(struct call *c, int nargs)
{
	struct session_lua *lua = c->s->lua;

	if (c->seen != NULL)
		seen_args(c, nargs);
	c->result = co_run(lua->state, &lua->co, nargs, &c->run);
	if (c->result == RUN_BUSY) {
		c->locked = false;
		c->L = NULL;
	}
}

void
call_fail(struct call *c, const char *why)
{
	lua_settop(c->L, 0);
	lua_pushstring(c->L, why);
	c->result = RUN_ERROR;
}

/* Of a failed module, Momentum's two lines: the callout's and the module's. */
static void
log_text(const struct call *c, lua_State *L, const char *text)
{
	const char *callout = NULL, *module;

	if (event_is_msys(c->event))
		callout = bindings_callout(L, c->s, &module);
	if (callout == NULL) {
		log_error(c->s->id, "%s: %s", c->name, text);
		return;
	}
	log_error(c->s->id, "scriptlet-00147: %s error: %.*s", callout,
	    (int)strcspn(text, "\n"), text);
	log_error(c->s->id, "scriptlet-00239: %s error: %s", module, text);
}

static void
log_failure(struct call *c)
{
	struct state *st = c->s->lua->state;

	failure_count(c->result);
	if (c->L == NULL) {
		log_error(
		    c->s->id, "%s: %s", c->name, run_result_text(c->result));
		return;
	}
	log_text(c, st->L, failure_push(st, c->L, c->result, &c->run));
	lua_pop(st->L, 1);
}

/* What on_error makes of a failure; Momentum's modules have its own words. */
static void
error_verdict(const struct session *s, enum event_name event, struct verdict *v)
{
	static const struct {
		int code;
		const char *status;
	} says[] = {
		[ON_ERROR_DISCONNECT] = { 421, "4.3.0" },
		[ON_ERROR_TEMPFAIL] = { 451, "4.3.0" },
		[ON_ERROR_ACCEPT] = { 0, NULL },
		[ON_ERROR_REJECT] = { 554, "5.3.0" },
	};
	int how = s->lua->epoch->settings.on_error;
	const char *host = s->hostname != NULL ? s->hostname : "localhost";
	char *text;

	if (says[how].code == 0) {
		verdict_set(v, VERDICT_CONTINUE);
		return;
	}
	text = event_is_msys(event) && how != ON_ERROR_REJECT
		   ? xasprintf("%s temporary issue, please retry your message "
			       "later",
			 host)
		   : xasprintf("%s %s technical difficulties", says[how].status,
			 host);
	verdict_refuse(v, says[how].code, DISCONNECT_IF421, text, strlen(text));
	free(text);
}

/* A handler that failed: true; a refusal is in *v. */
static bool
failed(struct call *c, struct verdict *v)
{
	if (c->result == RUN_OK)
		return false;
	if (c->result == RUN_ERROR && bindings_take_reject(c->L, -1, v)) {
		if (dry_is(c->s, c->event))
			return false;
		log_info(c->s->id, "%s: %s %d %s", c->name,
		    v->how == DISCONNECT_IF421 ? "refused" : "disconnects",
		    v->code, v->text);
		metric_count(METRIC_REFUSED);
		return false;
	}
	return true;
}

void
call_end(struct call *c, struct verdict *v)
{
	struct session_lua *lua = c->s->lua;
	struct verdict none = { 0 };
	bool timed = c->began != 0 && (c->L != NULL || c->result != RUN_OK);
	bool bad = failed(c, v != NULL ? v : &none);

	verdict_clear(&none);
	c->failed = bad;
	if (bad)
		log_failure(c);
	if (c->locked) {
		if (c->seen != NULL)
			seen_callout(c);
		if (c->result == RUN_OK && c->L != NULL)
			lua_settop(c->L, 0);
		else if (c->L != NULL)
			co_drop(lua->state, &lua->co);
		if (c->result == RUN_MEMORY && state_is_full(lua->state))
			atomic_store(&lua->state->spoiled, true);
		state_unlock(lua->state);
	}
	if (timed)
		metric_event(c->event, clock_mono() - c->began);
	if (bad && v != NULL)
		error_verdict(c->s, c->event, v);
	if (c->seen != NULL)
		seen_end(c, v);
	if (v != NULL && v->kind != VERDICT_CONTINUE && dry_is(c->s, c->event))
		dry_verdict(c->s, c->event, v);
}

void
call_release_message(struct session *s, struct message *m)
{
	struct state *st;
	struct grave g = { .ref = LUA_NOREF, .message = m };

	if (m == NULL || m->handle == NULL) {
		message_free(m);
		return;
	}
	st = s->lua->state;
	if (pthread_mutex_trylock(&st->lock) == 0) {
		state_release(st, g);
		state_unlock(st);
	} else {
		state_bury(st, g);
	}
}
