/*
 * recorder_result.c - what came of a step: handlers, a reply, edits
 */
#include "edits.h"
#include "event_rewrite.h"
#include "recorder_inside.h"
#include "recording_text.h"

#include <stdlib.h>

#define HANDLERS_MAX 65536 /* bytes of one step's handlers */

void
recorder_take_handler(
    void *arg, const struct session *s, const struct observed *o)
{
	struct recorder *r = arg;
	struct str *out = &r->handlers;

	(void)s;
	if (!r->in_step || out->len > HANDLERS_MAX)
		return;
	if (out->len > 0)
		str_addc(out, ',');
	str_addc(out, '{');
	recording_text(out, "event", o->event);
	recording_text(out, "where", o->where);
	recording_ms(out, "ms", o->took);
	if (o->waited > 0)
		recording_ms(out, "waited_ms", o->waited);
	recording_true(out, "failed", o->failed);
	str_addc(out, '}');
}

void
recorder_take_reply(void *arg, const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply)
{
	static const char *const words[] = { [REPLY_CONTINUE] = "continue",
		[REPLY_ACCEPT] = "accept",
		[REPLY_DISCARD] = "discard" };
	struct recorder *r = arg;
	struct str text = { 0 }, *out = &r->step;

	(void)s;
	(void)phase;
	(void)command;
	if (!r->in_step)
		return;
	if (reply->action != REPLY_TEMPFAIL && reply->action != REPLY_REJECT) {
		recording_text(out, "reply", words[reply->action]);
		return;
	}
	event_reply_text(&text, reply);
	recording_key(out, "reply");
	str_addc(out, '{');
	recording_number(out, "code", atoi(reply->code));
	recorder_add_text(r, out, "text", str_c(&text));
	recording_true(out, "closes", reply->closes);
	str_addc(out, '}');
	str_fini(&text);
}

static void
add_new_body(struct recorder *r, struct str *out, const struct body *body)
{
	struct str text = { 0 };
	size_t size = body_size(body);
	struct err err;

	recording_number(out, "size", (long long)size);
	if (size <= r->o.body && size < RECORDER_MAX / 2 &&
	    body_read(body, &text, &err) == 0)
		recording_bytes(out, "body", str_c(&text), text.len);
	str_fini(&text);
}

static void
add_edit(struct recorder *r, struct str *out, const struct edit *e,
    const struct message *m)
{
	bool is_header = e->kind <= EDIT_ADD_HEADER;

	str_addc(out, '{');
	recording_text(out, "edit", edit_text(e->kind));
	if (is_header)
		recording_text(out, "name", e->name);
	else
		recorder_add_text(r, out, "name", e->name);
	if (is_header && e->index > 0)
		recording_number(out, "index", e->index);
	if (e->raw != NULL) {
		recording_key(out, "value");
		recorder_add_field(r, out, e->name, e->raw);
	}
	if (e->kind == EDIT_BODY)
		add_new_body(r, out, m->body);
	str_addc(out, '}');
}

void
recorder_take_message(
    void *arg, const struct session *s, const struct message *m)
{
	struct recorder *r = arg;
	struct edits list = { 0 };

	(void)s;
	if (m == NULL || !r->in_step)
		return;
	edits_of(&list, m);
	if (list.n > 0) {
		recording_key(&r->step, "edits");
		str_addc(&r->step, '[');
		for (size_t i = 0; i < list.n; i++) {
			if (i > 0)
				str_addc(&r->step, ',');
			add_edit(r, &r->step, &list.edit[i], m);
		}
		str_addc(&r->step, ']');
	}
	edits_fini(&list);
	recorder_weigh(r);
}
