#include "event_decision.h"

#include "charset.h"
#include "clock.h"
#include "edits.h"
#include "event_call.h"
#include "lru.h"
#include "moment.h"
#include "observe.h"
#include "record_log.h"
#include "session_learn.h"
#include "xmalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMES_MAX 32  /* events of one line */
#define LIST_MAX 1000 /* entries of one array of a line */

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
	const char *outcome; /* a constant; NULL: not known yet */
	/* NULL where there is none */
	char *sender, *queue_id;
	json_t *rcpts, *handlers, *replies, *edits;
};

/* Of anybody: bytes that are no UTF-8 are replaced. */
static json_t *
text_json(const char *text, size_t len)
{
	json_t *j = json_stringn(text, len);
	struct str safe = { 0 };

	if (j != NULL)
		return j;
	charset_repair(&safe, text, len);
	j = json_stringn(str_c(&safe), safe.len);
	str_fini(&safe);
	return j != NULL ? j : json_string("");
}

static void
set_text(json_t *to, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new(to, key, text_json(text, strlen(text)));
}

static void
add(json_t **list, json_t *item)
{
	if (*list == NULL)
		*list = json_array();
	if (json_array_size(*list) < LIST_MAX)
		json_array_append_new(*list, item);
	else
		json_decref(item);
}

static json_t *
ms(int64_t ns)
{
	return json_real((double)(ns / 1000) / 1000.0);
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
	json_t *item;

	(void)s;
	note_time(d, o);
	if (!decided && !o->failed)
		return;
	item = json_pack("{ss}", "event", o->event);
	set_text(item, "where", o->where);
	if (o->failed)
		json_object_set_new(item, "failed", json_true());
	if (decided && v->kind == VERDICT_REFUSE) {
		json_object_set_new(item, "code", json_integer(v->code));
		json_object_set_new(item, "text", text_json(v->text, v->len));
		set_text(item, "how", disconnect_name(v->how));
	} else if (decided) {
		set_text(item, "how",
		    v->kind == VERDICT_DISCARD ? "discard" : "accept");
	}
	add(&d->handlers, item);
}

static void
note_refusal(struct decision *d, enum phase phase,
    const struct event_command *command, const struct reply *reply)
{
	json_t *item = json_pack("{ss}", "stage", phase_name(phase));
	struct str text = { 0 };

	event_reply_text(&text, reply);
	set_text(item, "argument", command->argument);
	json_object_set_new(item, "code", json_integer(atoi(reply->code)));
	json_object_set_new(item, "text", text_json(str_c(&text), text.len));
	if (reply->closes)
		json_object_set_new(item, "closes", json_true());
	str_fini(&text);
	add(&d->replies, item);
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

void
decision_reply(struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply)
{
	struct decision *d = s->decision;

	if (d == NULL)
		return;
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
		if (!refuses(reply))
			add(&d->rcpts, text_json(command->argument,
					   strlen(command->argument)));
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
	if (refuses(reply) && json_array_size(d->rcpts) == 0)
		d->outcome = outcome_of(reply);
	else if (phase == PHASE_RCPT)
		d->outcome = NULL;
}

void
decision_message(struct session *s, const struct message *m)
{
	struct decision *d = s->decision;
	struct edits list = { 0 };

	if (d == NULL || m == NULL)
		return;
	edits_of(&list, m);
	for (size_t i = 0; i < list.n; i++) {
		const struct edit *e = &list.edit[i];
		struct str text = { 0 };

		str_addf(&text, "%s%s%s", edit_text(e->kind),
		    e->name != NULL ? " " : "", e->name != NULL ? e->name : "");
		add(&d->edits, text_json(str_c(&text), text.len));
		str_fini(&text);
	}
	edits_fini(&list);
	if (m->quarantined)
		d->outcome = "quarantined";
}

/* ---- the line ----------------------------------------------------------- */

static void
set_time(json_t *line, const char *key, int64_t wall)
{
	static const char format[] = "%Y-%m-%dT%H:%M:%S%.3fZ";
	struct moment m = { 0 };
	struct str text = { 0 };

	moment_at(&m, wall / CLOCK_S, (int32_t)(wall % CLOCK_S));
	moment_format(&text, &m, format, strlen(format));
	set_text(line, key, str_c(&text));
	str_fini(&text);
}

static void
set_session(json_t *line, const struct session *s)
{
	const struct epoch *e = s->lua->epoch;
	char hash[17];

	snprintf(hash, sizeof hash, "%016llx",
	    (unsigned long long)lru_hash(e->source, e->source_len));
	set_text(line, "session", s->id);
	json_object_set_new(line, "epoch", json_integer(e->number));
	set_text(line, "policy", hash);
	set_text(line, "mta", mta_name(s->mta));
	set_text(line, "client", s->client);
	set_text(line, "client_name", s->client_name);
	set_text(line, "helo", s->helo);
	set_text(line, "auth", session_meta_text(s, "authn_id"));
	set_text(line, "tls", session_meta_text(s, "tls_protocol_version"));
	if (s->dry)
		json_object_set_new(line, "dry_run", json_true());
}

static void
set_times(json_t *line, const struct decision *d)
{
	json_t *events = json_object();

	for (int i = 0; i < d->n_times; i++) {
		const struct event_time *t = &d->time[i];
		json_t *one = json_pack("{si}", "n", t->n);

		json_object_set_new(one, "ms", ms(t->took));
		if (t->waited > 0)
			json_object_set_new(one, "waited_ms", ms(t->waited));
		json_object_set_new(events, t->event, one);
	}
	json_object_set_new(line, "events", events);
}

static void
move(json_t *line, const char *key, json_t **list)
{
	if (*list != NULL)
		json_object_set_new(line, key, *list);
	*list = NULL;
}

static void
reset(struct decision *d)
{
	free(d->sender);
	free(d->queue_id);
	json_decref(d->rcpts);
	json_decref(d->handlers);
	json_decref(d->replies);
	json_decref(d->edits);
	*d =
	    (struct decision){ .observer = d->observer, .begin = clock_wall() };
}

static void
write_line(struct session *s, struct decision *d)
{
	json_t *line = json_object();
	char *text;

	set_time(line, "time", d->begin);
	set_session(line, s);
	set_text(line, "outcome",
	    d->outcome != NULL ? d->outcome
	    : d->transaction   ? "aborted"
			       : "refused");
	set_text(line, "queue_id", d->queue_id);
	set_text(line, "sender", d->sender);
	move(line, "recipients", &d->rcpts);
	move(line, "handlers", &d->handlers);
	move(line, "replies", &d->replies);
	move(line, "edits", &d->edits);
	set_times(line, d);
	json_object_set_new(line, "ms", ms(clock_wall() - d->begin));
	text = json_dumps(line, JSON_COMPACT);
	if (text != NULL)
		record_log_put(s->lua->epoch->decisions, RECORD_RECEPTION, text,
		    strlen(text));
	free(text);
	json_decref(line);
}

void
decision_over(struct session *s)
{
	struct decision *d = s->decision;

	if (d == NULL || (!d->transaction && d->replies == NULL))
		return;
	write_line(s, d);
	reset(d);
}

void
decision_begin(struct session *s)
{
	struct decision *d;

	if (s->lua->epoch->decisions == NULL || s->observer != NULL)
		return;
	d = xcalloc(1, sizeof *d);
	d->observer = (struct observer){ .handler = note_handler, .arg = d };
	d->begin = clock_wall();
	s->decision = d;
	s->observer = &d->observer;
}

void
decision_end(struct session *s)
{
	if (s->decision == NULL)
		return;
	decision_over(s);
	reset(s->decision);
	s->observer = NULL;
	free(s->decision);
	s->decision = NULL;
}
