#include "event.h"

#include "clock.h"
#include "esmtp_listener.h"
#include "event_call.h"
#include "event_decision.h"
#include "event_dry.h"
#include "event_msys.h"
#include "event_stand.h"
#include "log.h"
#include "metric.h"
#include "observe.h"
#include "relay.h"
#include "session_learn.h"
#include "xmalloc.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

static const struct event_command no_command = { NULL, NULL };

long
event_sessions(void)
{
	return metric_get(METRIC_SESSIONS_OPEN);
}

void
event_open(struct session *s)
{
	struct epoch *e;

	if (s->lua != NULL)
		return;
	e = epoch_current();
	must(e != NULL);
	s->lua = xcalloc(1, sizeof *s->lua);
	s->lua->epoch = e;
	s->lua->co = (struct co)CO_NONE;
	s->told = observe_needs();
}

struct event_needs
event_needs(const struct session *s)
{
	struct event_needs n = { .edits = call_wants_content(s),
		.any = s->lua->epoch->n_logs > 0 || s->told != 0 };

	n.body = n.edits || call_wants_records(s) || s->told & OBSERVE_BODY;
	n.content = n.body || s->told & OBSERVE_HEADERS;
	n.envelope = n.edits || call_has(s, EVENT_VALIDATE_RCPTTO);
	/* any handler can condemn the session, which HELO, MAIL and RCPT must
	 * then be able to say */
	for (int e = EVENT_DYNAMIC_PARAMETERS; e < EVENT_COUNT; e++)
		n.any = n.any || call_has(s, (enum event_name)e);
	n.connect_answers = call_has(s, EVENT_DYNAMIC_PARAMETERS) ||
			    call_has(s, EVENT_CONNECTION_ACCEPTED) ||
			    call_has(s, EVENT_VALIDATE_CONNECT);
	n.data = call_has(s, EVENT_MILTER_DATA);
	n.unknown =
	    call_has(s, EVENT_UNKNOWN_COMMAND) || s->told & OBSERVE_COMMANDS;
	return n;
}

/* smtp_server_get_dynamic_parameters */
static void
ask_parameters(struct session *s, struct verdict *v)
{
	const char *via = session_meta_text(s, "received_via");
	struct call c;
	struct err err;

	if (call_begin(
		&c, s, EVENT_DYNAMIC_PARAMETERS, call_deadline(s, false))) {
		lua_pushstring(c.L, via != NULL ? via : "0.0.0.0:25");
		bindings_push_conn_meta(c.L, s);
		call_run(&c, 2);
		if (c.result == RUN_OK && lua_gettop(c.L) > 0 &&
		    !lua_isnil(c.L, 1)) {
			json_t *given = bindings_tojson(c.L, 1, &err);

			if (given == NULL ||
			    esmtp_listener_check(given, &err) != 0)
				call_fail(&c, err.msg);
			else
				esmtp_listener_override(s->params, given);
			json_decref(given);
		}
	}
	call_end(&c, v);
}

static void
choose_parameters(struct session *s, struct verdict *v)
{
	struct ip local, peer;
	int port = 0, unused;
	bool has_local = session_local(s, &local, &port);
	bool has_peer = session_peer(s, &peer, &unused);

	s->params = esmtp_listener_params(s->lua->epoch->listeners,
	    has_local ? &local : NULL, port, has_peer ? &peer : NULL);
	session_apply_params(s);
	if (call_has(s, EVENT_DYNAMIC_PARAMETERS)) {
		ask_parameters(s, v);
		session_apply_params(s);
	}
}

/* A handler whose only argument is conn_meta. */
static void
call_with_meta(struct session *s, enum event_name event, struct verdict *v)
{
	struct call c;

	if (call_begin(&c, s, event, call_deadline(s, false))) {
		bindings_push_conn_meta(c.L, s);
		call_run(&c, 1);
	}
	call_end(&c, v);
}

static void
open_session(struct session *s)
{
	event_open(s);
	s->connected = true;
	metric_count(METRIC_SESSIONS);
	metric_count(METRIC_SESSIONS_OPEN);
	s->lua->state = epoch_take_state(s->lua->epoch);
	session_learn_connection(s);
	dry_begin(s);
	decision_begin(s);
	observe_begin(s);
	stand_audit_opened(s);
}

/* Whatever comes first makes it a session, even without its CONNECT. */
static void
begin(struct session *s, enum phase phase, const struct event_command *command,
    struct verdict *v)
{
	bool first = !s->connected;

	if (first)
		open_session(s);
	observe_command(s, phase, command);
	if (first)
		choose_parameters(s, v);
}

void
event_connect(struct session *s, struct reply *reply)
{
	struct verdict v = { 0 };

	begin(s, PHASE_CONNECT, &no_command, &v);
	if (v.kind == VERDICT_CONTINUE)
		call_with_meta(s, EVENT_CONNECTION_ACCEPTED, &v);
	msys_stage(s, EVENT_VALIDATE_CONNECT, NULL, &v);
	stand_take(s, PHASE_CONNECT, &no_command, &v, reply);
}

static void
push_extensions(lua_State *L, const struct session *s)
{
	static const char *const always[] = { "PIPELINING",
		"ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8" };
	int n = 0;

	lua_newtable(L);
	for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
		lua_pushstring(L, always[i]);
		lua_rawseti(L, -2, ++n);
	}
	lua_pushstring(L, session_meta_text(s, "tls_protocol_version") != NULL
			      ? "AUTH PLAIN"
			      : "STARTTLS");
	lua_rawseti(L, -2, ++n);
}

static void
call_ehlo(struct session *s, const char *name, struct verdict *v)
{
	struct call c;

	if (call_begin(&c, s, EVENT_EHLO, call_deadline(s, false))) {
		lua_pushstring(c.L, name);
		bindings_push_conn_meta(c.L, s);
		push_extensions(c.L, s);
		call_run(&c, 3);
		if (c.result == RUN_OK && lua_gettop(c.L) > 0 &&
		    !lua_isnil(c.L, 1) && log_first_time("ehlo extensions"))
			log_info(s->id,
			    "notice: the extensions that smtp_server_ehlo "
			    "returns have no effect: the MTA writes the EHLO "
			    "reply");
	}
	call_end(&c, v);
}

void
event_helo(struct session *s, const char *name, struct reply *reply)
{
	const struct event_command command = { "EHLO ", name };
	struct verdict v = { 0 };

	event_message_over(s, NULL);
	begin(s, PHASE_HELO, &command, &v);
	session_learn_tls(s);
	if (!stand_answers(s, PHASE_HELO, &command, reply)) {
		if (v.kind == VERDICT_CONTINUE)
			call_ehlo(s, name, &v);
		if (v.kind == VERDICT_CONTINUE) {
			free(s->helo);
			s->helo = xstrdup(name);
			session_set_meta_text(s, "ehlo_domain", name);
		}
		msys_stage(s, EVENT_VALIDATE_EHLO, name, &v);
		stand_take(s, PHASE_HELO, &command, &v, reply);
	}
}

/* A handler for an address and conn_meta. */
static void
call_with_address(struct session *s, enum event_name event,
    const struct address *a, struct verdict *v)
{
	struct call c;

	if (call_begin(&c, s, event, call_deadline(s, false))) {
		bindings_push_address(c.L, a, s->esmtp);
		bindings_push_conn_meta(c.L, s);
		call_run(&c, 2);
	}
	call_end(&c, v);
}

static void
begin_transaction(
    struct session *s, const struct address *sender, const char *raw)
{
	s->in_transaction = true;
	address_fini(&s->sender);
	address_copy(&s->sender, sender);
	s->n_rcpts = 0;
	if (call_wants_content(s) || call_wants_records(s) ||
	    call_has(s, EVENT_VALIDATE_RCPTTO))
		s->message = message_new(sender, raw);
}

/* Only Momentum's modules ask for whole commands. */
static void
note_command(struct session *s, char **line, const char *address)
{
	if (!s->lua->epoch->has_modules)
		return;
	free(*line);
	*line = session_command_line(s, address);
}

void
event_mail(struct session *s, const char *address, struct reply *reply)
{
	const struct event_command command = { "MAIL FROM:", address };
	struct verdict v = { 0 };
	struct address a;

	/* after a refusal or an end there was no abort: see mta-truth 3 */
	event_message_over(s, NULL);
	begin(s, PHASE_MAIL, &command, &v);
	session_learn_auth(s);
	if (!stand_answers(s, PHASE_MAIL, &command, reply)) {
		address_parse_lenient(&a, address, strlen(address));
		if (v.kind == VERDICT_CONTINUE)
			call_with_address(s, EVENT_MAIL_FROM, &a, &v);
		s->n_transactions++;
		note_command(s, &s->mail, address);
		msys_stage(s, EVENT_VALIDATE_MAILFROM, s->mail, &v);
		if (v.kind == VERDICT_CONTINUE)
			begin_transaction(s, &a, address);
		address_fini(&a);
		stand_take(s, PHASE_MAIL, &command, &v, reply);
	}
}

/* KumoMTA's own limits, where a listener sets them (kumo-api 4.1). */
static void
check_rcpt_limits(struct session *s, struct verdict *v)
{
	long long per_message =
	    esmtp_listener_number(s->params, "max_recipients_per_message",
		s->lua->epoch->settings.recipient_limit);
	long long per_session =
	    esmtp_listener_number(s->params, "max_messages_per_connection", -1);
	const char *text = "4.5.3 too many recipients";

	if (per_session >= 0 && (long long)s->n_rcpts_asked >= per_session) {
		text = "4.5.3 too many recipients on this connection";
		verdict_refuse(v, s->n_rcpts == 0 ? 421 : 452, DISCONNECT_IF421,
		    text, strlen(text));
	} else if ((long long)s->n_rcpts >= per_message) {
		verdict_refuse(v, 452, DISCONNECT_IF421, text, strlen(text));
	}
}

static void
check_relay(struct session *s, const struct address *a, struct verdict *v)
{
	relay_check(s, a, v);
	if (v->kind != VERDICT_CONTINUE && dry_is(s, EVENT_LISTENER_DOMAIN))
		dry_verdict(s, EVENT_LISTENER_DOMAIN, v);
}

static void
accept_rcpt(struct session *s, const struct address *a, const char *raw)
{
	s->n_rcpts++;
	address_fini(&s->last_rcpt);
	address_copy(&s->last_rcpt, a);
	if (s->message != NULL)
		message_accept_rcpt(s->message, a, raw);
}

void
event_rcpt(struct session *s, const char *address, struct reply *reply)
{
	const struct event_command command = { "RCPT TO:", address };
	struct verdict v = { 0 };
	struct address a;

	begin(s, PHASE_RCPT, &command, &v);
	if (!stand_answers(s, PHASE_RCPT, &command, reply)) {
		address_parse_lenient(&a, address, strlen(address));
		if (!s->in_transaction) { /* no MAIL was seen */
			struct address null;

			address_parse_lenient(&null, "<>", 2);
			begin_transaction(s, &null, "<>");
			address_fini(&null);
		}
		if (v.kind == VERDICT_CONTINUE)
			check_relay(s, &a, &v);
		if (v.kind == VERDICT_CONTINUE)
			check_rcpt_limits(s, &v);
		s->n_rcpts_asked++;
		if (v.kind == VERDICT_CONTINUE)
			call_with_address(s, EVENT_RCPT_TO, &a, &v);
		note_command(s, &s->rcpt, address);
		msys_stage(s, EVENT_VALIDATE_RCPTTO, s->rcpt, &v);
		if (v.kind == VERDICT_CONTINUE)
			accept_rcpt(s, &a, address);
		address_fini(&a);
		stand_take(s, PHASE_RCPT, &command, &v, reply);
	}
}

void
event_data(struct session *s, struct reply *reply)
{
	static const struct event_command command = { "DATA", "" };
	struct verdict v = { 0 };

	begin(s, PHASE_DATA, &command, &v);
	if (stand_answers(s, PHASE_DATA, &command, reply))
		return;
	if (v.kind == VERDICT_CONTINUE)
		call_with_meta(s, EVENT_MILTER_DATA, &v);
	stand_take(s, PHASE_DATA, &command, &v, reply);
}

void
event_unknown(struct session *s, const char *line, struct reply *reply)
{
	const struct event_command command = { "", line };
	struct verdict v = { 0 };
	struct call c;

	begin(s, PHASE_UNKNOWN, &command, &v);
	/* asked for by who only looks: without him it would not be here */
	if (s->told & OBSERVE_COMMANDS && !call_has(s, EVENT_UNKNOWN_COMMAND)) {
		observe_reply(s, PHASE_UNKNOWN, &command, reply);
		return;
	}
	if (stand_answers(s, PHASE_UNKNOWN, &command, reply))
		return;
	if (v.kind == VERDICT_CONTINUE) {
		if (call_begin(&c, s, EVENT_UNKNOWN_COMMAND,
			call_deadline(s, false))) {
			lua_pushlstring(c.L, line, strnlen(line, 4096));
			bindings_push_conn_meta(c.L, s);
			call_run(&c, 2);
		}
		call_end(&c, &v);
	}
	stand_take(s, PHASE_UNKNOWN, &command, &v, reply);
}

void
event_abort(struct session *s)
{
	if (!s->connected)
		return;
	observe_command(s, PHASE_ABORT, &no_command);
	if (call_has(s, EVENT_MILTER_ABORT))
		call_with_meta(s, EVENT_MILTER_ABORT, NULL);
	event_message_over(s, NULL);
}

/* Lua may hold objects of the session: they end under the state's lock. */
static void
release(struct session *s, struct session_lua *lua)
{
	struct grave g = { .ref = lua->co.ref, .session = s };

	if (pthread_mutex_trylock(&lua->state->lock) == 0) {
		state_release(lua->state, g);
		state_unlock(lua->state);
	} else {
		state_bury(lua->state, g);
	}
}

void
event_close(struct session *s)
{
	struct session_lua *lua = s->lua;

	if (s->connected) {
		observe_command(s, PHASE_CLOSE, &no_command);
		if (call_has(s, EVENT_MILTER_CLOSE))
			call_with_meta(s, EVENT_MILTER_CLOSE, NULL);
		msys_close(s);
		observe_over(s);
		metric_add(METRIC_SESSIONS_OPEN, -1);
		stand_audit_closed(s);
	}
	observe_close(s); /* who joined a session that never began, too */
	s->lua = NULL;
	if (lua != NULL && lua->touched)
		release(s, lua);
	else
		session_free(s);
	if (lua == NULL)
		return;
	if (lua->state != NULL)
		epoch_leave_state(lua->epoch, lua->state);
	epoch_unref(lua->epoch);
	json_decref(lua->domains);
	free(lua);
}
