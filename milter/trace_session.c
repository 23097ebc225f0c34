#include "trace_session.h"

#include "clock.h"
#include "json_line.h"
#include "log.h"
#include "observe.h"
#include "session_learn.h"
#include "trace.h"
#include "trace_item.h"
#include "transcript_item.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

/* What one watcher is told of one session. */
struct view {
	struct trace_watcher *w;
	bool picks;            /* transactions, by sender or recipient */
	bool from_fits, shows; /* the one under way */
	bool told;             /* anything of this session */
	bool cut;              /* no more of it */
	unsigned skipped;      /* items that could not be kept */
	struct str before;     /* kept: what was outside of transactions */
	struct str held;       /* kept: the one under way */
};

struct traced {
	struct observer observer;
	const struct session *s;
	int64_t begin, asked; /* clock_mono(): the session, the command */
	bool in_mail;
	struct str line;
	size_t n;
	struct view view[];
};

/* Whose event runs in this thread, for its lines of the log. */
static _Thread_local struct traced *mine;

/* ---- to the watchers ---------------------------------------------------- */

static void
put(struct view *v, const struct str *lines)
{
	if (v->cut || lines->len == 0)
		return;
	v->cut = !trace_put(
	    v->w, v->told ? TRACE_MORE : TRACE_FIRST, lines->data, lines->len);
	v->told = v->told || !v->cut;
}

static void
keep(struct view *v, struct str *kept, const struct str *line)
{
	if (v->before.len + v->held.len + line->len <= TRACE_HELD)
		str_add(kept, line->data, line->len);
	else
		v->skipped++;
}

/* What is kept, and what of it is not there. */
static void
put_kept(struct view *v, const struct session *s)
{
	put(v, &v->before);
	put(v, &v->held);
	str_clear(&v->before);
	str_clear(&v->held);
	if (v->skipped > 0) {
		str_addf(&v->held,
		    "{\"type\":\"skipped\",\"items\":%u,"
		    "\"session\":\"%s\"}\n",
		    v->skipped, s->id);
		put(v, &v->held);
		str_clear(&v->held);
	}
	v->skipped = 0;
}

static void
write_item(struct traced *t, const json_t *item)
{
	str_clear(&t->line);
	json_line_add(&t->line, item);
	str_addc(&t->line, '\n');
}

static void
shorten(struct traced *t, const json_t *item)
{
	json_t *less =
	    json_pack("{sOsOsI}", "type", json_object_get(item, "type"),
		"session", json_object_get(item, "session"), "too_long",
		(json_int_t)t->line.len);

	write_item(t, less);
	json_decref(less);
}

/* Takes the item. */
static void
make_line(struct traced *t, json_t *item)
{
	json_object_set_new(item, "session", json_string(t->s->id));
	json_object_set_new(item, "at", item_ms(clock_mono() - t->begin));
	write_item(t, item);
	if (t->line.len > TRACE_ITEM)
		shorten(t, item);
	json_decref(item);
}

static void
tell(struct traced *t, json_t *item)
{
	make_line(t, item);
	for (size_t i = 0; i < t->n; i++) {
		struct view *v = &t->view[i];

		if (!v->picks || v->shows)
			put(v, &t->line);
		else
			keep(v, t->in_mail ? &v->held : &v->before, &t->line);
	}
}

/* ---- what is observed ---------------------------------------------------- */

/* Does the command make the transaction one that the watcher wants? */
static void
pick(struct view *v, const struct session *s, enum phase phase,
    const char *address)
{
	const struct trace_filter *f = trace_filter_of(v->w);

	if (phase == PHASE_MAIL)
		v->from_fits = trace_patterns_fit(&f->from, address);
	if (v->from_fits && !v->shows &&
	    (phase == PHASE_RCPT ? trace_patterns_fit(&f->rcpt, address)
				 : f->rcpt.n == 0)) {
		put_kept(v, s);
		v->shows = true;
	}
}

static void
on_command(void *arg, const struct session *s, enum phase phase,
    const struct event_command *command)
{
	struct traced *t = arg;

	mine = t;
	t->asked = clock_mono();
	if (phase == PHASE_CLOSE)
		return;
	t->in_mail = t->in_mail || phase == PHASE_MAIL;
	for (size_t i = 0; i < t->n; i++)
		if (t->view[i].picks &&
		    (phase == PHASE_MAIL || phase == PHASE_RCPT))
			pick(&t->view[i], s, phase, command->argument);
	tell(t, trace_item_command(s, phase, command));
}

static void
on_reply(void *arg, const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply)
{
	struct traced *t = arg;

	tell(t, trace_item_reply(
		    s, phase, command, reply, clock_mono() - t->asked));
	mine = NULL;
}

static void
on_handler(void *arg, const struct session *s, const struct observed *o)
{
	tell(arg, item_handler(s, o));
}

static void
on_message(void *arg, const struct session *s, const struct message *m)
{
	if (m != NULL)
		tell(arg, trace_item_message(s, m));
}

static void
on_over(void *arg, const struct session *s)
{
	struct traced *t = arg;

	(void)s;
	mine = NULL;
	t->in_mail = false;
	for (size_t i = 0; i < t->n; i++) {
		t->view[i].from_fits = t->view[i].shows = false;
		str_clear(&t->view[i].held);
	}
}

static void
put_close(struct traced *t, struct view *v)
{
	json_t *item = item_new("close");

	if (v->cut)
		json_object_set_new(item, "cut", json_true());
	make_line(t, item);
	trace_put(v->w, TRACE_LAST, t->line.data, t->line.len);
}

static void
on_close(void *arg, const struct session *s)
{
	struct traced *t = arg;

	(void)s;
	mine = NULL;
	for (size_t i = 0; i < t->n; i++) {
		struct view *v = &t->view[i];

		if (v->told)
			put_close(t, v);
		str_fini(&v->before);
		str_fini(&v->held);
		trace_leave(v->w);
	}
	str_fini(&t->line);
	free(t);
}

static void
on_log(enum log_level level, const char *sid, const char *text)
{
	json_t *item;

	if (mine == NULL || sid == NULL || strcmp(mine->s->id, sid) != 0)
		return;
	item = item_new("log");
	item_set_text(item, "level", log_level_name(level));
	item_set_text(item, "text", text);
	tell(mine, item);
}

/* ---- sessions ----------------------------------------------------------- */

static void
begins(struct session *s)
{
	static const struct observer_hooks hooks = { .command = on_command,
		.handler = on_handler,
		.reply = on_reply,
		.message = on_message,
		.over = on_over,
		.close = on_close };
	struct trace_watcher *found[TRACE_WATCHERS];
	struct traced *t;
	struct ip ip;
	size_t n;
	int port;

	if (atomic_load_explicit(&trace_watching, memory_order_relaxed) == 0)
		return;
	n = trace_wanted_by(session_peer(s, &ip, &port) ? &ip : NULL, found);
	if (n == 0)
		return;
	t = xcalloc(1, sizeof *t + n * sizeof t->view[0]);
	t->s = s;
	t->begin = clock_mono();
	t->n = n;
	for (size_t i = 0; i < n; i++) {
		const struct trace_filter *f = trace_filter_of(found[i]);

		t->view[i].w = found[i];
		t->view[i].picks = f->from.n + f->rcpt.n > 0;
	}
	t->observer =
	    (struct observer){ .hooks = &hooks, .arg = t, .details = true };
	observe_join(s, &t->observer);
}

void
trace_sessions(void)
{
	observe_sessions(begins);
	log_listen(on_log);
}
