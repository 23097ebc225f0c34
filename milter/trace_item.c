#include "trace_item.h"

#include "clock.h"
#include "edits.h"
#include "event_call.h"
#include "moment.h"
#include "transcript_item.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

/* ---- commands ----------------------------------------------------------- */

static json_t *
connect_item(const struct session *s)
{
	static const char format[] = "%Y-%m-%dT%H:%M:%S%.3fZ";
	int64_t now = clock_wall();
	json_t *item = item_new("connect");
	struct str time = { 0 };
	struct moment m = { 0 };

	moment_at(&m, now / CLOCK_S, (int32_t)(now % CLOCK_S));
	moment_format(&time, &m, format, strlen(format));
	item_set_text(item, "time", str_c(&time));
	item_set_text(item, "client", s->client);
	item_set_text(item, "name", s->client_name);
	item_set_text(item, "host", session_macro(s, "j"));
	item_set_text(item, "mta", mta_name(s->mta));
	json_object_set_new(item, "epoch", json_integer(s->lua->epoch->number));
	if (s->dry)
		json_object_set_new(item, "dry_run", json_true());
	str_fini(&time);
	return item;
}

static json_t *
content_item(const struct session *s)
{
	json_t *item = item_new("client");

	if (s->message != NULL)
		json_object_set_new(item, "content",
		    json_integer((json_int_t)s->message->content->size));
	else
		item_set_text(item, "line", ".");
	item_set_text(item, "queue_id", session_macro(s, "i"));
	return item;
}

static json_t *
line_item(const struct session *s, enum phase phase,
    const struct event_command *command)
{
	json_t *item = item_new("client");
	char *argument = phase == PHASE_MAIL || phase == PHASE_RCPT
			     ? session_command_line(s, command->argument)
			     : xstrdup(command->argument);
	char *line = xasprintf("%s%s", command->verb, argument);

	item_set_text(item, "line", line);
	if (phase == PHASE_MAIL) {
		item_set_text(item, "auth", session_macro(s, "{auth_authen}"));
		item_set_text(item, "tls", session_macro(s, "{tls_version}"));
	}
	free(line);
	free(argument);
	return item;
}

json_t *
trace_item_command(const struct session *s, enum phase phase,
    const struct event_command *command)
{
	switch (phase) {
	case PHASE_CONNECT:
		return connect_item(s);
	case PHASE_EOM:
		return content_item(s);
	case PHASE_ABORT:
		return item_new("abort");
	default:
		return line_item(s, phase, command);
	}
}

/* ---- answers ------------------------------------------------------------ */

/* What the client reads now, and what for a later command. */
static void
set_lines(json_t *item, const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply)
{
	bool addressed = phase == PHASE_MAIL || phase == PHASE_RCPT;
	const char *host = session_macro(s, "j");
	struct str now = { 0 }, later = { 0 };

	reply_as_seen(&now, reply, phase, s->mta,
	    host != NULL ? host : "localhost",
	    addressed ? command->argument : NULL);
	if (phase < PHASE_MAIL)
		reply_as_seen_at_mail(&later, reply, phase, s->mta);
	item_set_some(item, "lines", item_lines(&now));
	item_set_some(item, "held", item_lines(&later));
	str_fini(&now);
	str_fini(&later);
}

static void
set_refusal(json_t *item, const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply)
{
	item_set_text(item, "by", "policy");
	json_object_set_new(item, "code", json_integer(atoi(reply->code)));
	set_lines(item, s, phase, command, reply);
	if (reply->closes)
		json_object_set_new(item, "closes", json_true());
}

json_t *
trace_item_reply(const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply,
    int64_t took)
{
	static const char *const actions[] = { [REPLY_CONTINUE] = "continue",
		[REPLY_ACCEPT] = "accept",
		[REPLY_DISCARD] = "discard" };
	json_t *item = item_new("server");

	if (reply->action == REPLY_TEMPFAIL || reply->action == REPLY_REJECT) {
		set_refusal(item, s, phase, command, reply);
	} else {
		item_set_text(item, "by", "mta");
		item_set_text(item, "action", actions[reply->action]);
	}
	json_object_set_new(item, "ms", item_ms(took));
	return item;
}

json_t *
trace_item_message(const struct session *s, const struct message *m)
{
	json_t *item = item_new("message"), *rcpts = json_array();
	struct edits list = { 0 };

	edits_of(&list, m);
	item_set_text(item, "sender", m->sender.email);
	for (size_t i = 0; i < m->n_rcpt; i++)
		json_array_append_new(rcpts,
		    item_text(m->rcpt[i].email, strlen(m->rcpt[i].email)));
	json_object_set_new(item, "recipients", rcpts);
	json_object_set_new(item, "edits", item_edits(&list));
	if (m->quarantined)
		item_set_text(item, "quarantine", m->quarantine_reason);
	item_set_some(item, "meta", item_changes(s->meta, m->meta));
	edits_fini(&list);
	return item;
}
