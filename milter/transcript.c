#include "transcript.h"

#include "clock.h"
#include "line_diff.h"
#include "log.h"
#include "transcript_item.h"

#include <stdlib.h>
#include <string.h>

static void
tell(struct transcript *t, json_t *item)
{
	t->item(t->arg, item);
	json_decref(item);
}

static void
take_log(void *arg, enum log_level level, const char *sid, const char *text)
{
	json_t *item = item_new("log");

	(void)sid;
	item_set_text(item, "level", log_level_name(level));
	item_set_text(item, "text", text);
	tell(arg, item);
}

static void
take_handler(void *arg, const struct session *s, const struct observed *o)
{
	tell(arg, item_handler(s, o));
}

/* ---- messages ------------------------------------------------------------ */

static json_t *
rcpts_json(const struct sim_mail *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->n_rcpts; i++)
		json_array_append_new(
		    list, item_text(m->rcpt[i], strlen(m->rcpt[i])));
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
		j = item_text(diff.data, diff.len);
	str_fini(&before);
	str_fini(&after);
	str_fini(&diff);
	return j;
}

static void
take_message(void *arg, const struct sim_result *r)
{
	json_t *item = item_new("message"), *diff;

	json_object_set_new(item, "taken", json_boolean(r->taken));
	if (r->discarded)
		json_object_set_new(item, "discarded", json_true());
	item_set_text(item, "quarantine", r->after.quarantine);
	item_set_text(item, "sender", r->after.sender);
	json_object_set_new(item, "recipients", rcpts_json(&r->after));
	json_object_set_new(item, "edits", item_edits(&r->edits));
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

static void
tell_answer(struct transcript *t, const struct sim_answer *a)
{
	json_t *item = item_new("server");

	json_object_set_new(item, "lines", item_lines(&a->text));
	json_object_set_new(item, "code", json_integer(a->code));
	item_set_text(item, "by", a->by_policy ? "policy" : "mta");
	if (a->closed)
		json_object_set_new(item, "closes", json_true());
	if (a->stalls)
		json_object_set_new(item, "stalls", json_true());
	json_object_set_new(item, "ms", item_ms(clock_mono() - t->begin));
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

	json_object_set_new(item, "line", item_text(line, strlen(line)));
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
