#include "event_decision.h"

#include "charset.h"
#include "clock.h"
#include "edits.h"
#include "event_call.h"
#include "event_rewrite.h"
#include "json_text.h"
#include "moment.h"
#include "observe.h"
#include "record_log.h"
#include "session_learn.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

#define TIMES_MAX 32   /* events of one line */
#define LIST_MAX 65536 /* bytes of one array of a line */

/* What all handlers of one event took together. */
struct event_time {
	const char *event; /* a constant */
	int n;
	int64_t took, waited;
};

struct decision {
	struct observer observer;
	struct event_time time[TIMES_MAX];
	int n_times;
	int64_t begin; /* clock_wall() */
	bool transaction;
	const char *outcome;     /* a constant; NULL: not known yet */
	char *sender, *queue_id; /* NULL where there is none */
	bool has_rcpt;
	/* items of arrays, as text with commas between them */
	struct str rcpts, handlers, would, replies, edits;
};

/* ---- text --------------------------------------------------------------- */

/* Of anybody: bytes that are no UTF-8 are replaced. */
static void
add_string(struct str *out, const char *text, size_t len)
{
	struct str safe = { 0 };

	charset_repair(&safe, text, len);
	json_text_string(out, str_c(&safe), safe.len);
	str_fini(&safe);
}

static void
add_key(struct str *out, const char *key)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		str_addc(out, ',');
	str_addc(out, '"');
	str_adds(out, key);
	str_adds(out, "\":");
}

/* Nothing where there is none. */
static void
add_text(struct str *out, const char *key, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	add_key(out, key);
	add_string(out, text, strlen(text));
}

static void
add_number(struct str *out, const char *key, long long n)
{
	add_key(out, key);
	str_addf(out, "%lld", n);
}

static void
add_true(struct str *out, const char *key, bool is)
{
	if (!is)
		return;
	add_key(out, key);
	str_adds(out, "true");
}

static void
add_ms(struct str *out, const char *key, int64_t ns)
{
	long long us = ns > 0 ? (long long)(ns / 1000) : 0;

	add_key(out, key);
	str_addf(out, "%lld.%03lld", us / 1000, us % 1000);
}

/* Room for one more item, behind its comma; false: the array is full. */
static bool
next_item(struct str *list)
{
	if (list->len >= LIST_MAX)
		return false;
	if (list->len > 0)
		str_addc(list, ',');
	return true;
}

/* ---- what happens ------------------------------------------------------- */

static void
note_time(struct decision *d, const struct observed *o)
{
	int i = 0;

	while (i < d->n_times && strcmp(d->time[i].event, o->event) != 0)
		i++;
	if (i == TIMES_MAX)
		return;
	if (i == d->n_times)
		d->time[d->n_times++] =
		    (struct event_time){ .event = o->event };
	d->time[i].n++;
	d->time[i].took += o->took;
	d->time[i].waited += o->waited;
}

static void
note_handler(void *arg, const struct session *s, const struct observed *o)
{
	const struct verdict *v = o->verdict;
	bool decided = v != NULL && v->kind != VERDICT_CONTINUE;
	struct decision *d = arg;
	struct str *out = &d->handlers;

	(void)s;
	note_time(d, o);
	if ((!decided && !o->failed) || !next_item(out))
		return;
	str_addc(out, '{');
	add_text(out, "event", o->event);
	add_text(out, "where", o->where);
	add_true(out, "failed", o->failed);
	add_true(out, "dry_run", o->dry);
	if (decided && v->kind == VERDICT_REFUSE) {
		add_number(out, "code", v->code);
		add_key(out, "text");
		add_string(out, v->text, v->len);
		add_text(out, "how", disconnect_name(v->how));
	} else if (decided) {
		add_text(out, "how",
		    v->kind == VERDICT_DISCARD ? "discard" : "accept");
	}
	str_addc(out, '}');
}

static void
note_would(
    void *arg, const struct session *s, const char *who, const char *what)
{
	struct decision *d = arg;

	(void)s;
	if (!next_item(&d->would))
		return;
	str_addc(&d->would, '{');
	add_text(&d->would, "event", who);
	add_text(&d->would, "what", what);
	str_addc(&d->would, '}');
}

static void
note_refusal(struct decision *d, enum phase phase,
    const struct event_command *command, const struct reply *reply)
{
	struct str *out = &d->replies, text = { 0 };

	if (!next_item(out))
		return;
	event_reply_text(&text, reply);
	str_addc(out, '{');
	add_text(out, "stage", phase_name(phase));
	add_text(out, "argument", command->argument);
	add_number(out, "code", atoi(reply->code));
	add_key(out, "text");
	add_string(out, str_c(&text), text.len);
	add_true(out, "closes", reply->closes);
	str_addc(out, '}');
	str_fini(&text);
}

static bool
refuses(const struct reply *r)
{
	return r->action == REPLY_TEMPFAIL || r->action == REPLY_REJECT;
}

static const char *
outcome_of(const struct reply *r)
{
	switch (r->action) {
	case REPLY_TEMPFAIL:
		return "deferred";
	case REPLY_REJECT:
		return "refused";
	case REPLY_DISCARD:
		return "discarded";
	default:
		return "accepted";
	}
}

static void
note_reply(void *arg, const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply)
{
	struct decision *d = arg;

	if (refuses(reply))
		note_refusal(d, phase, command, reply);
	switch (phase) {
	case PHASE_MAIL:
		d->transaction = true;
		d->begin = clock_wall();
		free(d->sender);
		d->sender = xstrdup(command->argument);
		break;
	case PHASE_RCPT:
		if (refuses(reply))
			break;
		d->has_rcpt = true;
		if (next_item(&d->rcpts))
			add_string(&d->rcpts, command->argument,
			    strlen(command->argument));
		break;
	case PHASE_EOM:
		free(d->queue_id);
		d->queue_id = xstrdup(session_macro(s, "i"));
		/* a quarantine was noted before */
		if (d->outcome == NULL || refuses(reply))
			d->outcome = outcome_of(reply);
		return;
	default:
		break;
	}
	if (refuses(reply) && !d->has_rcpt)
		d->outcome = outcome_of(reply);
	else if (phase == PHASE_RCPT)
		d->outcome = NULL;
}

static void
note_message(void *arg, const struct session *s, const struct message *m)
{
	struct decision *d = arg;
	struct edits list = { 0 };

	(void)s;
	if (m == NULL)
		return;
	edits_of(&list, m);
	for (size_t i = 0; i < list.n; i++) {
		const struct edit *e = &list.edit[i];
		struct str text = { 0 };

		if (!next_item(&d->edits))
			break;
		str_addf(&text, "%s%s%s", edit_text(e->kind),
		    e->name != NULL ? " " : "", e->name != NULL ? e->name : "");
		add_string(&d->edits, str_c(&text), text.len);
		str_fini(&text);
	}
	edits_fini(&list);
	if (m->quarantined)
		d->outcome = "quarantined";
}

/* ---- the line ----------------------------------------------------------- */

static void
add_time(struct str *out, const char *key, int64_t wall)
{
	static const char format[] = "%Y-%m-%dT%H:%M:%S%.3fZ";
	struct moment m = { 0 };

	moment_at(&m, wall / CLOCK_S, (int32_t)(wall % CLOCK_S));
	add_key(out, key);
	str_addc(out, '"');
	moment_format(out, &m, format, strlen(format));
	str_addc(out, '"');
}

static void
add_session(struct str *out, const struct session *s)
{
	const struct epoch *e = s->lua->epoch;

	add_text(out, "session", s->id);
	add_number(out, "epoch", e->number);
	add_key(out, "policy");
	str_addf(out, "\"%016llx\"", (unsigned long long)e->hash);
	add_text(out, "mta", mta_name(s->mta));
	add_text(out, "client", s->client);
	add_text(out, "client_name", s->client_name);
	add_text(out, "helo", s->helo);
	add_text(out, "auth", session_meta_text(s, "authn_id"));
	add_text(out, "tls", session_meta_text(s, "tls_protocol_version"));
	add_true(out, "dry_run", s->dry);
}

static void
add_times(struct str *out, const struct decision *d)
{
	add_key(out, "events");
	str_addc(out, '{');
	for (int i = 0; i < d->n_times; i++) {
		const struct event_time *t = &d->time[i];

		add_key(out, t->event);
		str_addc(out, '{');
		add_number(out, "n", t->n);
		add_ms(out, "ms", t->took);
		if (t->waited > 0)
			add_ms(out, "waited_ms", t->waited);
		str_addc(out, '}');
	}
	str_addc(out, '}');
}

static void
add_list(struct str *out, const char *key, const struct str *items)
{
	if (items->len == 0)
		return;
	add_key(out, key);
	str_addc(out, '[');
	str_add(out, items->data, items->len);
	str_addc(out, ']');
}

static void
reset(struct decision *d)
{
	free(d->sender);
	free(d->queue_id);
	str_fini(&d->rcpts);
	str_fini(&d->handlers);
	str_fini(&d->would);
	str_fini(&d->replies);
	str_fini(&d->edits);
	*d =
	    (struct decision){ .observer = d->observer, .begin = clock_wall() };
}

static void
write_line(const struct session *s, struct decision *d)
{
	struct str line = { 0 };

	str_reserve(&line, 1024);
	str_addc(&line, '{');
	add_time(&line, "time", d->begin);
	add_session(&line, s);
	add_text(&line, "outcome",
	    d->outcome != NULL   ? d->outcome
	    : d->transaction     ? "aborted"
	    : d->replies.len > 0 ? "refused"
				 : NULL);
	add_text(&line, "queue_id", d->queue_id);
	add_text(&line, "sender", d->sender);
	add_list(&line, "recipients", &d->rcpts);
	add_list(&line, "handlers", &d->handlers);
	add_list(&line, "would", &d->would);
	add_list(&line, "replies", &d->replies);
	add_list(&line, "edits", &d->edits);
	add_times(&line, d);
	add_ms(&line, "ms", clock_wall() - d->begin);
	str_addc(&line, '}');
	record_log_put(
	    s->lua->epoch->decisions, RECORD_RECEPTION, str_c(&line), line.len);
	str_fini(&line);
}

static void
over(void *arg, const struct session *s)
{
	struct decision *d = arg;

	if (!d->transaction && d->replies.len == 0)
		return;
	write_line(s, d);
	reset(d);
}

static void
end(void *arg, const struct session *s)
{
	struct decision *d = arg;

	if (d->would.len > 0) /* it had no transaction to be told with */
		write_line(s, d);
	reset(d);
	free(d);
}

void
decision_begin(struct session *s)
{
	static const struct observer_hooks hooks = { .handler = note_handler,
		.would = note_would,
		.reply = note_reply,
		.message = note_message,
		.over = over,
		.close = end };
	struct decision *d;

	if (s->lua->epoch->decisions == NULL)
		return;
	d = xcalloc(1, sizeof *d);
	d->observer = (struct observer){ .hooks = &hooks, .arg = d };
	d->begin = clock_wall();
	observe_join(s, &d->observer);
}
