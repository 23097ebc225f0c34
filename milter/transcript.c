#include "transcript.h"

#include "clock.h"
#include "line_diff.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

/* Text of anybody's as JSON: bytes that are not UTF-8's are made visible. */
static json_t *
text_json(const char *text, size_t len)
{
	json_t *j = json_stringn(text, len);
	struct str safe = { 0 };

	if (j != NULL)
		return j;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 128)
			str_addc(&safe, text[i]);
		else
			str_addf(&safe, "\\x%02x", (unsigned char)text[i]);
	j = json_stringn(str_c(&safe), safe.len);
	str_fini(&safe);
	return j;
}

static json_t *
ms(int64_t ns)
{
	return json_real((double)(ns / 1000) / 1000.0);
}

static void
tell(struct transcript *t, json_t *item)
{
	t->item(t->arg, item);
	json_decref(item);
}

static json_t *
item_new(const char *type)
{
	return json_pack("{ss}", "type", type);
}

static void
set_text(json_t *item, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new(item, key, text_json(text, strlen(text)));
}

static void
take_log(void *arg, enum log_level level, const char *sid, const char *text)
{
	json_t *item = item_new("log");

	(void)sid;
	set_text(item, "level", log_level_name(level));
	set_text(item, "text", text);
	tell(arg, item);
}

/* ---- handlers ------------------------------------------------------------ */

static json_t *
decided(const struct verdict *v)
{
	static const char *const kinds[] = { [VERDICT_CONTINUE] = "continue",
		[VERDICT_ACCEPT] = "accept",
		[VERDICT_DISCARD] = "discard" };
	json_t *d = json_object();
	size_t n = strlen(v->where);

	if (v->kind != VERDICT_REFUSE) {
		set_text(d, "how", kinds[v->kind]);
		return d;
	}
	json_object_set_new(d, "code", json_integer(v->code));
	json_object_set_new(d, "text", text_json(v->text, v->len));
	set_text(d, "how", disconnect_name(v->how));
	while (n > 0 && (v->where[n - 1] == ' ' || v->where[n - 1] == ':'))
		n--;
	if (n > 0)
		json_object_set_new(d, "where", text_json(v->where, n));
	return d;
}

/* What is in after and not the same in before; null: is gone. */
static json_t *
changes(const json_t *before, json_t *after)
{
	json_t *out = json_object(), *value;
	const char *key;

	json_object_foreach (after, key, value)
		if (!json_equal(value, json_object_get(before, key)))
			json_object_set(out, key, value);
	json_object_foreach ((json_t *)before, key, value)
		if (json_object_get(after, key) == NULL)
			json_object_set_new(out, key, json_null());
	return out;
}

static void
take_handler(void *arg, const struct session *s, const struct observed *o)
{
	json_t *item = item_new("handler");
	json_t *meta = changes(o->meta_before, s->meta);

	set_text(item, "event", o->event);
	set_text(item, "where", o->where);
	set_text(item, "args", o->args);
	json_object_set_new(item, "ms", ms(o->took));
	if (o->waited > 0)
		json_object_set_new(item, "waited_ms", ms(o->waited));
	if (o->failed)
		json_object_set_new(item, "failed", json_true());
	if (o->verdict != NULL && o->verdict->kind != VERDICT_CONTINUE)
		json_object_set_new(item, "decided", decided(o->verdict));
	if (json_object_size(meta) > 0)
		json_object_set(item, "meta", meta);
	json_decref(meta);
	tell(arg, item);
}

/* ---- messages ------------------------------------------------------------ */

static json_t *
edit_json(const struct edit *e)
{
	struct str text = { 0 };
	json_t *j;

	str_addf(&text, "%s %s", edit_text(e->kind), e->name);
	if (e->index > 1)
		str_addf(&text, " (number %d)", e->index);
	if (e->raw != NULL)
		str_addf(&text, ":%s", e->raw);
	j = text_json(str_c(&text), text.len);
	str_fini(&text);
	return j;
}

static json_t *
rcpts_json(const struct sim_mail *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->n_rcpts; i++)
		json_array_append_new(
		    list, text_json(m->rcpt[i], strlen(m->rcpt[i])));
	return list;
}

static json_t *
diff_json(const struct sim_mail *a, const struct sim_mail *b)
{
	struct str before = { 0 }, after = { 0 }, diff = { 0 };
	json_t *j = NULL;

	sim_mail_write(&before, a);
	sim_mail_write(&after, b);
	line_diff(&diff, str_c(&before), before.len, str_c(&after), after.len);
	if (diff.len > 0)
		j = text_json(diff.data, diff.len);
	str_fini(&before);
	str_fini(&after);
	str_fini(&diff);
	return j;
}

static void
take_message(void *arg, const struct sim_result *r)
{
	json_t *item = item_new("message"), *edits = json_array(), *diff;

	for (size_t i = 0; i < r->edits.n; i++)
		json_array_append_new(edits, edit_json(&r->edits.edit[i]));
	json_object_set_new(item, "taken", json_boolean(r->taken));
	if (r->discarded)
		json_object_set_new(item, "discarded", json_true());
	set_text(item, "quarantine", r->after.quarantine);
	set_text(item, "sender", r->after.sender);
	json_object_set_new(item, "recipients", rcpts_json(&r->after));
	json_object_set_new(item, "edits", edits);
	diff = diff_json(&r->before, &r->after);
	if (diff != NULL)
		json_object_set_new(item, "diff", diff);
	tell(arg, item);
}

/* ---- the session --------------------------------------------------------- */

void
transcript_begin(struct transcript *t)
{
	static const struct observer_hooks hooks = { .handler = take_handler };

	t->observer =
	    (struct observer){ .hooks = &hooks, .arg = t, .details = true };
	t->watch = (struct sim_watch){ &t->observer, take_message, t };
	log_divert(take_log, t);
}

void
transcript_end(struct transcript *t)
{
	(void)t;
	log_divert(NULL, NULL);
}

struct sim *
transcript_open(struct transcript *t, const struct sim_client *c)
{
	t->begin = clock_mono();
	return sim_open(c, &t->watch);
}

static json_t *
lines_json(const struct str *text)
{
	json_t *list = json_array();
	const char *p = str_c(text);

	while (*p != '\0') {
		size_t n = strcspn(p, "\n");

		json_array_append_new(list, text_json(p, n));
		p += n + (p[n] == '\n');
	}
	return list;
}

static void
tell_answer(struct transcript *t, const struct sim_answer *a)
{
	json_t *item = item_new("server");

	json_object_set_new(item, "lines", lines_json(&a->text));
	json_object_set_new(item, "code", json_integer(a->code));
	set_text(item, "by", a->by_policy ? "policy" : "mta");
	if (a->closed)
		json_object_set_new(item, "closes", json_true());
	if (a->stalls)
		json_object_set_new(item, "stalls", json_true());
	json_object_set_new(item, "ms", ms(clock_mono() - t->begin));
	tell(t, item);
}

void
transcript_greet(struct transcript *t, struct sim *sim, struct sim_answer *a)
{
	t->begin = clock_mono();
	sim_greet(sim, a);
	tell_answer(t, a);
}

void
transcript_command(struct transcript *t, struct sim *sim, const char *line,
    struct sim_answer *a)
{
	json_t *item = item_new("client");

	json_object_set_new(item, "line", text_json(line, strlen(line)));
	tell(t, item);
	t->begin = clock_mono();
	sim_command(sim, line, a);
	tell_answer(t, a);
}

void
transcript_content(struct transcript *t, struct sim *sim, const char *data,
    size_t len, struct sim_answer *a)
{
	json_t *item = item_new("client");

	json_object_set_new(item, "content", json_integer((json_int_t)len));
	tell(t, item);
	t->begin = clock_mono();
	sim_content(sim, data, len, a);
	tell_answer(t, a);
}
