/*
 * event_message.c - the end of a message: event.h's content half
 */
#include "batch.h"
#include "clock.h"
#include "esmtp_listener.h"
#include "event.h"
#include "event_call.h"
#include "event_dry.h"
#include "event_msys.h"
#include "event_record.h"
#include "event_stand.h"
#include "log.h"
#include "metric.h"
#include "observe.h"
#include "signatures.h"
#include "xmalloc.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

static bool
is_collecting(const struct session *s)
{
	return s->message != NULL && s->standing.kind == STANDING_FREE;
}

static struct message_limits
limits_of(const struct session *s)
{
	const struct settings *set = &s->lua->epoch->settings;
	long long listener =
	    esmtp_listener_number(s->params, "max_message_size", -1);
	size_t size = set->message_limit;

	if (listener >= 0 && (size_t)listener < size)
		size = (size_t)listener;
	return (struct message_limits){ .size = size,
		.headers = (size_t)set->header_count_limit,
		.header_bytes = set->header_size_limit,
		.body = { set->message_memory, set->messages_memory,
		    set->spool_directory } };
}

void
event_header(struct session *s, const char *name, const char *raw)
{
	struct message_limits limits;

	observe_header(s, name, raw);
	if (!is_collecting(s))
		return;
	limits = limits_of(s);
	message_add_header(s->message, name, raw, &limits);
}

void
event_body(struct session *s, const void *data, size_t len)
{
	struct message_limits limits;

	observe_body(s, data, len);
	if (!is_collecting(s))
		return;
	if (!call_wants_content(s)) { /* a record tells how large it is */
		s->message->content->size += len;
		return;
	}
	limits = limits_of(s);
	message_add_body(s->message, data, len, &limits);
}

/* What could not be collected is refused, or comes again later. */
static bool
refuse_trouble(const struct session *s, struct verdict *v)
{
	static const struct {
		int code;
		const char *text;
	} says[] = {
		[CONTENT_TOO_BIG] = { 552, "5.3.4 message too big" },
		[CONTENT_TOO_MANY_HEADERS] = { 552,
		    "5.3.4 message header too big" },
		[CONTENT_NO_ROOM] = { 452,
		    "4.3.1 insufficient system storage" },
	};
	const struct content *c = s->message->content;

	if (c->trouble == CONTENT_FINE)
		return false;
	log_warn(s->id, "message refused: %s%s%s", says[c->trouble].text,
	    c->trouble == CONTENT_NO_ROOM ? ": " : "",
	    c->trouble == CONTENT_NO_ROOM ? c->why.msg : "");
	verdict_refuse(v, says[c->trouble].code, DISCONNECT_IF421,
	    says[c->trouble].text, strlen(says[c->trouble].text));
	return true;
}

void
event_message_over(struct session *s, struct message *m)
{
	observe_over(s);
	if (m != s->message)
		call_release_message(s, m);
	call_release_message(s, s->message);
	s->message = NULL;
	s->in_transaction = false;
	standing_message_over(&s->standing);
}

/* What one end of message is worked out with. */
struct work {
	struct session *s;
	struct message *base;
	struct batches batches;
	struct receptions *receptions;
	int64_t deadline;
	bool
	    budget; /* the deadline is the listener's data_processing_timeout */
};

static void
call_with_message(
    struct work *w, enum event_name event, struct message *m, struct verdict *v)
{
	static const char late[] =
	    "4.4.5 data_processing_timeout exceeded (rx)";
	struct message *shown = dry_message(w->s, event, m);
	struct call c;

	if (call_begin(&c, w->s, event, w->deadline)) {
		bindings_push_message(c.L, shown);
		bindings_push_conn_meta(c.L, w->s);
		call_run(&c, 2);
	}
	call_end(&c, v);
	if (shown != m) {
		dry_message_over(w->s, event, m, shown);
		call_release_message(w->s, shown);
	}
	if (c.result == RUN_WALL && w->budget && !dry_is(w->s, event))
		verdict_refuse(v, 451, DISCONNECT_IF421, late, strlen(late));
}

static void
found_address(void *arg, int batch, const struct address *a)
{
	struct work *w = arg;

	batches_add(&w->batches, w->base, batch, a);
}

static enum batch_handling
handling(const struct session *s)
{
	int how = s->lua->epoch->settings.batch_handling;
	const char *given =
	    json_string_value(json_object_get(s->params, "batch_handling"));

	if (given != NULL)
		batch_handling_parse(given, &how, NULL);
	return (enum batch_handling)how;
}

/*
 * smtp_server_split_transaction: true when it made the batches (or failed,
 * then *v says so).
 */
static bool
split(struct work *w, struct verdict *v)
{
	bool made = false;
	struct call c;
	struct err err;
	int n;

	if (call_begin(&c, w->s, EVENT_SPLIT_TRANSACTION, w->deadline)) {
		bindings_push_message(c.L, w->base);
		bindings_push_conn_meta(c.L, w->s);
		call_run(&c, 2);
		if (c.result == RUN_OK && lua_gettop(c.L) > 0 &&
		    !lua_isnil(c.L, 1) &&
		    (w->s->dry || !dry_is(w->s, EVENT_SPLIT_TRANSACTION))) {
			made = true;
			n = bindings_each_batch(c.L, 1, found_address, w, &err);
			if (n < 0)
				call_fail(&c, err.msg);
			else if (n > 0)
				batches_add(&w->batches, w->base, n - 1, NULL);
		}
	}
	call_end(&c, v);
	return made || v->kind != VERDICT_CONTINUE;
}

/* All batches of the transaction, in order; the first refusal is for all. */
static void
run_batches(struct work *w, struct verdict *v)
{
	static const char none[] = "5.7.1 relaying not permitted";

	if (!split(w, v))
		batches_make(&w->batches, w->base, handling(w->s));
	if (v->kind == VERDICT_CONTINUE && w->batches.n == 0)
		verdict_refuse(v, 550, DISCONNECT_IF421, none, strlen(none));
	for (size_t i = 0; i < w->batches.n && v->kind == VERDICT_CONTINUE; i++)
		call_with_message(
		    w, EVENT_MESSAGE_RECEIVED, w->batches.m[i], v);
}

/* What the policy left of the message, or NULL: dropped. */
static struct message *
result_of(struct work *w, struct verdict *v)
{
	struct message *m;
	bool unequal;

	m = batches_merge(&w->batches, &unequal);
	if (m == NULL)
		verdict_set(v, VERDICT_DISCARD);
	if (unequal)
		log_warn(w->s->id,
		    "smtp_server_message_received changed the message "
		    "differently for different recipients; a milter has one "
		    "message for all: the first recipient's changes apply "
		    "(batch_handling = 'AllInOne' makes one call)");
	return m;
}

/* A quarantine survives a disconnect of the same message (design 2.9). */
static bool
keep_quarantine(struct work *w, struct verdict *v)
{
	if (v->kind != VERDICT_REFUSE || v->how == DISCONNECT_IF421 ||
	    !(w->base->quarantined || batches_quarantined(&w->batches)))
		return false;
	verdict_clear(v);
	stand_condemn(w->s);
	return true;
}

static const char lost[] =
    "the message is refused: the policy's changes to it are dropped";

/* Momentum's modules, on what kumo's handlers left. */
static void
run_modules(struct work *w, struct verdict *v, struct message **m)
{
	struct message *before = *m;

	msys_message(w->s, m, w->deadline, v);
	if (v->kind == VERDICT_REFUSE && before->quarantined &&
	    v->how != DISCONNECT_IF421) {
		verdict_clear(v);
		stand_condemn(w->s);
	} else if (v->kind == VERDICT_REFUSE) {
		if (message_is_edited(before))
			log_info(w->s->id, "%s", lost);
		*m = NULL;
	}
	if (before != *m && before != w->base)
		call_release_message(w->s, before);
}

static void
run_message(struct work *w, struct verdict *v, struct message **m)
{
	bool batched = call_has(w->s, EVENT_MESSAGE_RECEIVED) ||
		       call_has(w->s, EVENT_SPLIT_TRANSACTION);
	bool recorded = false;

	call_with_message(w, EVENT_SMTP_DATA, w->base, v);
	if (v->kind == VERDICT_CONTINUE && batched)
		run_batches(w, v);
	keep_quarantine(w, v);
	if (v->kind == VERDICT_REFUSE) {
		bool edited = message_is_edited(w->base);

		for (size_t i = 0; i < w->batches.n; i++)
			edited = edited || message_is_edited(w->batches.m[i]);
		if (edited)
			log_info(w->s->id, "%s", lost);
		return;
	}
	if (w->batches.n != 0) {
		recorded = true;
		for (size_t i = 0; i < w->batches.n; i++)
			event_record_message(
			    w->s, w->batches.m[i], w->deadline, w->receptions);
		*m = result_of(w, v);
	} else if (batch_is_dropped(w->base))
		verdict_set(v, VERDICT_DISCARD);
	else
		*m = w->base;
	if (v->kind == VERDICT_CONTINUE && *m != NULL &&
	    call_wants_modules(w->s))
		run_modules(w, v, m);
	if (!recorded && v->kind != VERDICT_REFUSE)
		event_record_message(w->s, *m != NULL ? *m : w->base,
		    w->deadline, w->receptions);
}

static void
free_batches(struct work *w)
{
	for (size_t i = 0; i < w->batches.n; i++)
		call_release_message(w->s, w->batches.m[i]);
	free(w->batches.m);
}

/* A message that no handler reads: what it would say of the connection. */
static void
record_unread(struct work *w)
{
	if (!call_wants_records(w->s))
		return;
	json_object_update_missing(w->base->meta, w->s->meta);
	event_record_message(w->s, w->base, w->deadline, w->receptions);
}

static void
decide(struct session *s, struct verdict *v, struct message **m,
    struct receptions *receptions)
{
	int64_t budget =
	    esmtp_listener_duration(s->params, "data_processing_timeout");
	struct work w = { .s = s,
		.base = s->message,
		.receptions = receptions,
		.budget = budget > 0,
		.deadline = budget > 0 ? clock_mono() + budget
				       : call_deadline(s, true) };

	if (w.base == NULL)
		return;
	if (!call_wants_content(s)) { /* but RCPT may have changed it */
		message_complete(w.base);
		record_unread(&w);
		if (batch_is_dropped(w.base))
			verdict_set(v, VERDICT_DISCARD);
		else
			*m = w.base;
		return;
	}
	if (refuse_trouble(s, v)) {
		if (s->dry)
			dry_verdict(s, EVENT_SMTP_DATA, v);
		return;
	}
	free(w.base->content->queue_id);
	w.base->content->queue_id = xstrdup(session_macro(s, "i"));
	message_complete(w.base);
	json_decref(w.base->meta);
	w.base->meta = json_deep_copy(s->meta);
	run_message(&w, v, m);
	free_batches(&w);
}

/* Signatures of what the policy has changed since it signed. */
static void
renew_signatures(const struct session *s, struct message *m)
{
	struct err err;
	int n = signatures_renew(m, s->mta == MTA_SENDMAIL, &err);

	if (n < 0)
		log_error(s->id,
		    "a DKIM signature is not right any more for what the "
		    "policy changed behind it: %s",
		    err.msg);
	else if (n > 0)
		log_debug(s->id,
		    "%d DKIM signature%s made anew: the policy changed the "
		    "message behind it",
		    n, n == 1 ? "" : "s");
}

/* A session that runs dry: what the policy made of it is only told. */
static void
leave_as_it_is(struct session *s, struct verdict *v, struct message **m)
{
	dry_result(s, *m, v);
	if (*m != s->message)
		call_release_message(s, *m);
	*m = NULL;
}

void
event_eom(struct session *s, struct reply *reply, struct message **m)
{
	static const struct event_command command = { "DATA", "" };
	struct receptions receptions = { 0 };
	struct verdict v = { 0 };
	bool condemned;

	*m = NULL;
	if (!s->connected) {
		reply->action = REPLY_CONTINUE;
		return;
	}
	metric_count(METRIC_MESSAGES);
	observe_command(s, PHASE_EOM, &command);
	if (stand_answers(s, PHASE_EOM, &command, reply))
		return;
	decide(s, &v, m, &receptions);
	if (*m != NULL)
		renew_signatures(s, *m);
	if (s->dry)
		leave_as_it_is(s, &v, m);
	if (v.kind == VERDICT_DISCARD)
		metric_count(METRIC_DISCARDED);
	if (*m != NULL && (*m)->quarantined)
		metric_count(METRIC_QUARANTINED);
	observe_message(s, *m);
	condemned = s->standing.kind == STANDING_CONDEMNED;
	if (!condemned) {
		stand_take(s, PHASE_EOM, &command, &v, reply);
		event_record_receptions(
		    &receptions, reply->action != REPLY_TEMPFAIL &&
				     reply->action != REPLY_REJECT);
		return;
	}
	/* quarantined and to be disconnected: this message still passes */
	reply->action =
	    v.kind == VERDICT_DISCARD ? REPLY_DISCARD : REPLY_CONTINUE;
	event_record_receptions(&receptions, true);
	observe_reply(s, PHASE_EOM, &command, reply);
	stand_replied(s, PHASE_EOM, reply);
	verdict_clear(&v);
}
