#include "event_record.h"

#include "clock.h"
#include "event_call.h"
#include "record.h"
#include "record_log.h"
#include "record_template.h"
#include "session_learn.h"
#include "xmalloc.h"

#include <lua.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct reception {
	struct record_log *log; /* of the session's epoch */
	struct str text;
};

static char node[RECORD_UUID];

static void
learn_node(void)
{
	record_node(node);
}

static const char *
own_node(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, learn_node);
	return node;
}

/* What a record says of the connection. */
struct about {
	struct str peer;
	char session[RECORD_UUID];
};

static void
about_session(const struct session *s, struct about *a, struct record *r)
{
	struct ip ip;
	int port;

	*a = (struct about){ { 0 }, "" };
	record_session(a->session, s->id, own_node());
	r->session = a->session;
	r->node = own_node();
	r->helo = s->helo != NULL ? s->helo : "";
	if (session_peer(s, &ip, &port)) {
		ip_format(&a->peer, &ip);
		r->peer = str_c(&a->peer);
	}
}

/* ---- receptions --------------------------------------------------------- */

static bool
passes_filter(
    struct session *s, struct message *m, const char *event, int64_t deadline)
{
	bool passes = false;
	struct call c;

	if (call_begin_named(&c, s, event, deadline)) {
		bindings_push_message(c.L, m);
		call_run(&c, 1);
		passes = c.result == RUN_OK && lua_toboolean(c.L, 1);
	}
	call_end(&c, NULL);
	return passes;
}

static const char *
meta_text(const struct message *m, const char *key)
{
	return json_string_value(json_object_get(m->meta, key));
}

static void
fill_message(const struct session *s, const struct message *m,
    struct str *queue, struct record *r)
{
	const json_t *subject =
	    json_object_get(m->meta, "tls_peer_subject_name");

	message_queue_name(queue, m);
	r->id = m->id;
	r->sender = m->sender.email;
	r->queue = str_c(queue);
	r->size =
	    call_wants_content(s) ? message_size(m) : m->content->size + 2;
	r->code = 250;
	r->enhanced = r->content = "";
	r->created = record_created(m->id);
	r->time = clock_wall();
	r->reception_protocol = meta_text(m, "reception_protocol");
	r->tls_cipher = meta_text(m, "tls_cipher");
	r->tls_protocol_version = meta_text(m, "tls_protocol_version");
	if (r->tls_cipher != NULL && json_is_array(subject))
		r->tls_subject = subject;
}

/* As the log wants it. */
static void
write_record(
    struct str *out, const struct record_log *log, const struct record *r)
{
	const char *template = record_log_options(log)->kind[r->type].template;
	struct str text = { 0 };
	json_t *json;

	if (template == NULL) {
		record_write(out, r);
		return;
	}
	record_write(&text, r);
	json = json_loadb(str_c(&text), text.len, JSON_ALLOW_NUL, NULL);
	record_template_write(out, template, json);
	json_decref(json);
	str_fini(&text);
}

static void
add_reception(
    struct receptions *r, struct record_log *log, const struct record *record)
{
	struct reception *one;

	r->one = xrealloc(r->one, (r->n + 1) * sizeof *r->one);
	one = &r->one[r->n++];
	*one = (struct reception){ log, { 0 } };
	write_record(&one->text, log, record);
}

/* One record for each log that wants it. */
static void
record_to_all(const struct session *s, struct message *m, struct record *r,
    int64_t deadline, struct receptions *out)
{
	const struct epoch *e = s->lua->epoch;

	for (size_t i = 0; i < e->n_logs; i++) {
		const struct record_options *o = record_log_options(e->logs[i]);
		json_t *meta, *headers;

		if (!o->kind[RECORD_RECEPTION].enable ||
		    (o->filter_event != NULL &&
			!passes_filter(
			    (struct session *)s, m, o->filter_event, deadline)))
			continue;
		meta = record_pick_meta(o->meta, m->meta);
		headers = record_pick_headers(o->headers, &m->headers);
		r->meta = meta;
		r->headers = headers;
		add_reception(out, e->logs[i], r);
		json_decref(meta);
		json_decref(headers);
	}
}

void
event_record_message(struct session *s, struct message *m, int64_t deadline,
    struct receptions *out)
{
	struct record r = { .type = RECORD_RECEPTION };
	struct str queue = { 0 };
	const char **rcpt;
	struct about a;

	if (!call_wants_records(s))
		return;
	about_session(s, &a, &r);
	fill_message(s, m, &queue, &r);
	rcpt = xcalloc(m->n_rcpt + 1, sizeof *rcpt);
	for (size_t i = 0; i < m->n_rcpt; i++)
		rcpt[i] = m->rcpt[i].email;
	r.rcpt = rcpt;
	r.n_rcpt = m->n_rcpt;
	record_to_all(s, m, &r, deadline, out);
	free(rcpt);
	str_fini(&queue);
	str_fini(&a.peer);
}

void
event_record_receptions(struct receptions *r, bool passed)
{
	for (size_t i = 0; i < r->n; i++) {
		if (passed)
			record_log_put(r->one[i].log, RECORD_RECEPTION,
			    str_c(&r->one[i].text), r->one[i].text.len);
		str_fini(&r->one[i].text);
	}
	free(r->one);
	*r = (struct receptions){ 0 };
}

/* ---- rejections --------------------------------------------------------- */

/* The enhanced code that begins the text: moved there. */
static const char *
split_enhanced(const char *text, char code[12])
{
	size_t n = strspn(text, "0123456789.");
	int dots = 0;

	for (size_t i = 0; i < n; i++)
		dots += text[i] == '.';
	if (n < 5 || n > 11 || dots != 2 || text[1] != '.' ||
	    text[n - 1] == '.' || (text[n] != ' ' && text[n] != '\0'))
		return text;
	memcpy(code, text, n);
	code[n] = '\0';
	return text + n + (text[n] == ' ');
}

/* KumoMTA's at DATA: its transaction is over by then. */
static void
fill_envelope(const struct session *s, enum phase phase, const char **rcpt,
    struct record *r)
{
	bool open = s->in_transaction && phase <= PHASE_RCPT;

	r->id = r->queue = "";
	r->sender = open ? s->sender.email : "";
	*rcpt = open && s->n_rcpts > 0 ? s->last_rcpt.email : "";
	r->rcpt = rcpt;
	r->n_rcpt = 1;
}

static bool
wants_rejections(const struct session *s)
{
	const struct epoch *e = s->lua->epoch;

	for (size_t i = 0; i < e->n_logs; i++)
		if (record_log_options(e->logs[i])
			->kind[RECORD_REJECTION]
			.enable)
			return true;
	return false;
}

static void
put_rejection(const struct session *s, struct record *r)
{
	const struct epoch *e = s->lua->epoch;

	for (size_t i = 0; i < e->n_logs; i++) {
		const struct record_options *o = record_log_options(e->logs[i]);
		struct str text = { 0 };
		json_t *meta;

		if (!o->kind[RECORD_REJECTION].enable)
			continue;
		meta = record_pick_meta(o->meta, s->meta);
		r->meta = meta;
		write_record(&text, e->logs[i], r);
		record_log_put(
		    e->logs[i], RECORD_REJECTION, str_c(&text), text.len);
		str_fini(&text);
		json_decref(meta);
	}
}

void
event_record_reply(const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply)
{
	struct record r = { .type = RECORD_REJECTION };
	struct str text = { 0 };
	char enhanced[12] = "";
	const char *rcpt;
	struct about a;

	if ((reply->action != REPLY_TEMPFAIL &&
		reply->action != REPLY_REJECT) ||
	    !wants_rejections(s))
		return;
	event_reply_text(&text, reply);
	r.code = atoi(reply->code);
	r.content = split_enhanced(str_c(&text), enhanced);
	r.enhanced = enhanced;
	/* KumoMTA's own, when it shuts down */
	if (r.code == 421 && strcmp(enhanced, "4.3.2") == 0) {
		str_fini(&text);
		return;
	}
	about_session(s, &a, &r);
	fill_envelope(s, phase, &rcpt, &r);
	r.verb = command->verb;
	r.argument = command->argument;
	r.time = r.created = clock_wall();
	put_rejection(s, &r);
	str_fini(&text);
	str_fini(&a.peer);
}
