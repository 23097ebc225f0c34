#include "recorder_inside.h"

#include "clock.h"
#include "event.h"
#include "event_call.h"
#include "moment.h"
#include "recording_text.h"
#include "session_learn.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

static atomic_size_t all_held;

/* ---- bounds -------------------------------------------------------------- */

static size_t
size_of(const struct recorder *r)
{
	return r->line.cap + r->step.cap + r->handlers.cap + r->headers.cap +
	       r->body.cap;
}

/* After anything has grown; past the bounds nothing more is noted. */
void
recorder_weigh(struct recorder *r)
{
	size_t size = size_of(r);

	if (size > r->held)
		atomic_fetch_add(&all_held, size - r->held);
	else
		atomic_fetch_sub(&all_held, r->held - size);
	r->held = size;
	if (size > RECORDER_MAX || atomic_load(&all_held) > RECORDER_ALL)
		r->cut = true;
}

/* ---- text ---------------------------------------------------------------- */

static void
add_redacted(struct recorder *r, struct str *out, const char *p, size_t n)
{
	struct str safe = { 0 };

	if (r->o.redaction == NULL) {
		recording_value(out, p, n);
		return;
	}
	redaction_text(&safe, r->o.redaction, p, n);
	recording_value(out, str_c(&safe), safe.len);
	str_fini(&safe);
}

void
recorder_add_text(
    struct recorder *r, struct str *out, const char *key, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	recording_key(out, key);
	add_redacted(r, out, text, strlen(text));
}

/* A header's value, or what stands for one that is not to be told. */
void
recorder_add_field(
    struct recorder *r, struct str *out, const char *name, const char *raw)
{
	static const char redacted[] = " (redacted)";

	if (r->o.redaction != NULL && redaction_header(r->o.redaction, name))
		recording_value(out, redacted, sizeof redacted - 1);
	else
		add_redacted(r, out, raw, strlen(raw));
}

/* ---- the begin of the line ----------------------------------------------- */

static void
add_time(struct str *out, const char *key, int64_t wall)
{
	static const char format[] = "%Y-%m-%dT%H:%M:%S%.6fZ";
	struct moment m = { 0 };

	moment_at(&m, wall / CLOCK_S, (int32_t)(wall % CLOCK_S));
	recording_key(out, key);
	str_addc(out, '"');
	moment_format(out, &m, format, strlen(format));
	str_addc(out, '"');
}

static void
add_client(struct recorder *r, const struct session *s)
{
	struct str text = { 0 };
	struct ip ip;
	int port;

	recording_key(&r->line, "client");
	str_addc(&r->line, '{');
	recording_text(&r->line, "name", s->client_name);
	if (session_peer(s, &ip, &port)) {
		ip_format(&text, &ip);
		recording_text(&r->line, "address", str_c(&text));
		recording_number(&r->line, "port", port);
		str_fini(&text);
	}
	str_addc(&r->line, '}');
}

static void
add_redactions(struct str *out, const struct redaction *redaction)
{
	if (redaction == NULL || !redaction_is_any(redaction))
		return;
	recording_key(out, "redacted");
	str_addc(out, '[');
	if (redaction->addresses)
		str_adds(out, "\"addresses\"");
	for (size_t i = 0; i < redaction->n_headers; i++) {
		char *word = xasprintf("header:%s", redaction->header[i]);

		if (i > 0 || redaction->addresses)
			str_addc(out, ',');
		recording_value(out, word, strlen(word));
		free(word);
	}
	str_addc(out, ']');
}

static void
begin(struct recorder *r, const struct session *s)
{
	const struct epoch *e = s->lua->epoch;
	struct str *out = &r->line;

	r->begun = true;
	r->begin = clock_mono();
	str_addf(out, RECORDING_MAGIC "%d", RECORDING_VERSION);
	recording_text(out, "session", s->id);
	add_time(out, "begin", clock_wall());
	recording_number(out, "epoch", e->number);
	recording_key(out, "policy");
	str_addf(out, "\"%016llx\"", (unsigned long long)e->hash);
	recording_text(out, "mta", mta_name(s->mta));
	add_client(r, s);
	add_redactions(out, r->o.redaction);
	recording_true(out, "dry_run", s->dry);
	recording_key(out, "steps");
	str_addc(out, '[');
}

/* ---- steps --------------------------------------------------------------- */

static void
end_step(struct recorder *r)
{
	if (!r->in_step)
		return;
	r->in_step = false;
	if (r->handlers.len > 0)
		str_addf(&r->step, ",\"handlers\":[%s]", str_c(&r->handlers));
	str_addc(&r->step, '}');
	if (r->line.data[r->line.len - 1] != '[')
		str_addc(&r->line, ',');
	str_add(&r->line, r->step.data, r->step.len);
	recorder_weigh(r);
}

static bool
is_name(const char *macro)
{
	return strcmp(macro, "{auth_authen}") == 0 ||
	       strcmp(macro, "{auth_author}") == 0 ||
	       strcmp(macro, "{mail_addr}") == 0 ||
	       strcmp(macro, "{rcpt_addr}") == 0;
}

static void
add_macro(struct recorder *r, int number, const char *value)
{
	const char *name = macro_name(number);
	struct str safe = { 0 };

	recording_key(&r->step, name);
	if (value == NULL)
		str_adds(&r->step, "null");
	else if (r->o.redaction != NULL && is_name(name)) {
		redaction_user(&safe, r->o.redaction, value, strlen(value));
		recording_value(&r->step, str_c(&safe), safe.len);
		str_fini(&safe);
	} else
		add_redacted(r, &r->step, value, strlen(value));
}

/* Those of this stage that are not what they were. */
static void
add_macros(struct recorder *r, const struct session *s, enum phase phase)
{
	bool any = false;

	for (int i = 0; i < MACRO_NAMES; i++) {
		const char *value;

		if (!macro_is_of(i, phase))
			continue;
		value = session_macro(s, macro_name(i));
		if (value != NULL
			? r->macro[i] != NULL && strcmp(r->macro[i], value) == 0
			: r->macro[i] == NULL)
			continue;
		if (!any) {
			recording_key(&r->step, "macros");
			str_addc(&r->step, '{');
		}
		any = true;
		free(r->macro[i]);
		r->macro[i] =
		    value != NULL
			? xmemdup0(value, strnlen(value, SESSION_MACRO_MAX))
			: NULL;
		add_macro(r, i, r->macro[i]);
	}
	if (any)
		str_addc(&r->step, '}');
}

static void
forget_content(struct recorder *r)
{
	str_clear(&r->headers);
	str_clear(&r->body);
	r->body_size = 0;
	r->has_content = false;
}

static void
add_content(struct recorder *r, const struct session *s)
{
	if (!r->o.content)
		return;
	if (r->has_content) {
		recording_key(&r->step, "headers");
		str_addc(&r->step, '[');
		str_add(&r->step, str_c(&r->headers), r->headers.len);
		str_addc(&r->step, ']');
		str_clear(&r->headers);
	}
	/* else nobody knows whether there is one */
	if (r->body_size > 0 || event_needs(s).body)
		recording_number(&r->step, "size", (long long)r->body_size);
	if (r->body.len > 0)
		recording_bytes(&r->step, "body", r->body.data, r->body.len);
	str_fini(&r->body); /* it may be large */
	forget_content(r);
}

static void
redact(const struct recorder *r, struct str *out, const char *text)
{
	if (r->o.redaction != NULL)
		redaction_text(out, r->o.redaction, text, strlen(text));
	else
		str_adds(out, text);
}

/* As the client wrote it; no parameter's name is part of an address. */
static void
add_command(
    struct recorder *r, json_t *params, const struct event_command *command)
{
	struct str line = { 0 };
	const char *name;
	json_t *value;

	if (command->argument == NULL)
		return;
	redact(r, &line, command->argument);
	json_object_foreach (params, name, value) {
		str_addf(&line, " %s", name);
		if (!json_is_string(value))
			continue;
		str_addc(&line, '=');
		redact(r, &line, json_string_value(value));
	}
	if (line.len > 0)
		recording_bytes(&r->step, "text", line.data, line.len);
	str_fini(&line);
}

static void
take_command(void *arg, const struct session *s, enum phase phase,
    const struct event_command *command)
{
	struct recorder *r = arg;

	if (!r->begun)
		begin(r, s);
	end_step(r);
	if (r->cut)
		return;
	r->in_step = true;
	str_clear(&r->step);
	str_clear(&r->handlers);
	str_addc(&r->step, '{');
	recording_ms(&r->step, "at", clock_mono() - r->begin);
	recording_text(&r->step, "do", phase_name(phase));
	if (r->o.mark != NULL)
		recording_number(&r->step, "n", *r->o.mark);
	add_command(r,
	    phase == PHASE_MAIL || phase == PHASE_RCPT ? s->esmtp : NULL,
	    command);
	add_macros(r, s, phase);
	if (phase == PHASE_EOM)
		add_content(r, s);
}

static void
take_header(
    void *arg, const struct session *s, const char *name, const char *raw)
{
	struct recorder *r = arg;

	(void)s;
	if (!r->o.content || r->cut)
		return;
	r->has_content = true;
	if (r->headers.len > 0)
		str_addc(&r->headers, ',');
	str_addc(&r->headers, '[');
	recording_value(&r->headers, name, strlen(name));
	str_addc(&r->headers, ',');
	recorder_add_field(r, &r->headers, name, raw);
	str_addc(&r->headers, ']');
	recorder_weigh(r);
}

static void
take_body(void *arg, const struct session *s, const void *data, size_t len)
{
	struct recorder *r = arg;
	size_t room;

	(void)s;
	if (!r->o.content || r->cut)
		return;
	r->has_content = true;
	r->body_size += len;
	room = r->o.body > r->body.len ? r->o.body - r->body.len : 0;
	if (room > 0)
		str_add(&r->body, data, len < room ? len : room);
	recorder_weigh(r);
}

static void
take_over(void *arg, const struct session *s)
{
	struct recorder *r = arg;

	(void)s;
	forget_content(r);
}

/* ---- life ---------------------------------------------------------------- */

static void
free_recorder(struct recorder *r)
{
	atomic_fetch_sub(&all_held, r->held);
	for (int i = 0; i < MACRO_NAMES; i++)
		free(r->macro[i]);
	str_fini(&r->line);
	str_fini(&r->step);
	str_fini(&r->handlers);
	str_fini(&r->headers);
	str_fini(&r->body);
	free(r);
}

static void
take_close(void *arg, const struct session *s)
{
	struct recorder *r = arg;

	(void)s;
	end_step(r);
	if (r->begun) {
		str_addc(&r->line, ']');
		recording_ms(&r->line, "ms", clock_mono() - r->begin);
		recording_true(&r->line, "cut", r->cut);
		str_addc(&r->line, '}');
	}
	r->o.done(
	    r->o.arg, r->begun ? r->line.data : NULL, r->line.len, r->cut);
	free_recorder(r);
}

struct observer *
recorder_new(const struct recorder_options *o)
{
	static const struct observer_hooks hooks = { .command = take_command,
		.header = take_header,
		.body = take_body,
		.handler = recorder_take_handler,
		.reply = recorder_take_reply,
		.message = recorder_take_message,
		.over = take_over,
		.close = take_close };
	struct recorder *r = xcalloc(1, sizeof *r);

	r->o = *o;
	r->observer = (struct observer){ .hooks = &hooks, .arg = r };
	return &r->observer;
}
