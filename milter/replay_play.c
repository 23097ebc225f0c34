#include "replay_play.h"

#include "charset.h"
#include "clock.h"
#include "log.h"
#include "macro_name.h"
#include "moment.h"
#include "recorder.h"
#include "recording_text.h"
#include "sim.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

#define LOG_LINES 20
#define BODY_MAX ((size_t)64 << 20) /* of what is made up */

struct player {
	struct sim *sim;
	struct sim_macro macro[MACRO_NAMES];
	char *value[MACRO_NAMES];
	long mark; /* the step under way */
	json_t *played, *answers, *log;
	int64_t begin;
	bool in_mail, wants_content;
	char *kept[4]; /* of a client at another MTA */
};

int64_t
replay_begin(const json_t *session)
{
	const char *text = json_string_value(json_object_get(session, "begin"));
	struct moment m;

	if (text == NULL || moment_parse_rfc3339(&m, text, strlen(text)) != 0 ||
	    m.s < 0 || m.s > INT64_MAX / CLOCK_S / 2)
		return 0;
	return m.s * CLOCK_S + m.ns;
}

static void
set_clock(int64_t wall)
{
	int64_t ahead = wall - clock_wall();

	if (ahead > 0)
		clock_skip(ahead);
}

/* ---- messages ------------------------------------------------------------ */

static size_t
full_size(const json_t *step)
{
	json_int_t n = json_integer_value(json_object_get(step, "size"));

	if (n <= 0)
		return 0;
	return (uint64_t)n < BODY_MAX ? (size_t)n : BODY_MAX;
}

static void
make_up(struct str *body, size_t size)
{
	static const char line[] = "this is not in the recording\r\n";

	while (body->len < size) {
		size_t left = size - body->len, n = sizeof line - 1;

		str_add(body, line, left < n ? left : n);
	}
}

void
replay_mail(struct sim_mail *mail, const json_t *step)
{
	json_t *pair;
	size_t i;

	json_array_foreach (json_object_get(step, "headers"), i, pair) {
		char *name = recording_string(json_array_get(pair, 0));
		char *raw = recording_string(json_array_get(pair, 1));

		if (name != NULL && raw != NULL)
			sim_mail_add_field(mail, name, raw);
		free(name);
		free(raw);
	}
	recording_read(&mail->body, json_object_get(step, "body"));
	make_up(&mail->body, full_size(step));
}

bool
replay_mail_lacks(const json_t *step)
{
	const json_t *size = json_object_get(step, "size");
	struct str body = { 0 };
	bool lacks;

	recording_read(&body, json_object_get(step, "body"));
	lacks = size == NULL ||
		json_integer_value(size) != (json_int_t)body.len ||
		json_object_get(step, "headers") == NULL;
	str_fini(&body);
	return lacks;
}

/* ---- commands ------------------------------------------------------------ */

/* Of anybody: an MTA repeats what clients say. */
static json_t *
safe_text(const struct str *text)
{
	struct str safe = { 0 };
	json_t *j;

	charset_repair(&safe, str_c(text), text->len);
	j = json_stringn(str_c(&safe), safe.len);
	str_fini(&safe);
	return j;
}

/* What came of this step; of several commands, the last one's. */
static void
take_answer(struct player *p, struct sim_answer *a)
{
	p->wants_content = a->wants_content;
	if (p->mark >= 0)
		json_array_set_new(p->answers, (size_t)p->mark,
		    json_pack("{siso*sb}", "code", a->code, "text",
			safe_text(&a->text), "policy", a->by_policy));
	sim_answer_fini(a);
}

static bool
say(struct player *p, const char *verb, const char *text)
{
	struct sim_answer a = { 0 };
	char *line = xasprintf("%s%s", verb, text);
	bool well;

	sim_command(p->sim, line, &a);
	well = a.code >= 200 && a.code < 300;
	free(line);
	take_answer(p, &a);
	return well;
}

/* Beside what was recorded. */
static void
say_aside(struct player *p, const char *line)
{
	long mark = p->mark;

	p->mark = -1;
	say(p, line, "");
	p->mark = mark;
}

static void
play_message(struct player *p, const json_t *step)
{
	struct sim_answer a = { 0 };
	struct sim_mail mail = { 0 };

	if (!p->wants_content)
		say(p, "DATA", "");
	if (!p->wants_content || !sim_is_open(p->sim))
		return;
	replay_mail(&mail, step);
	sim_message(p->sim, &mail, &a);
	take_answer(p, &a);
	sim_mail_fini(&mail);
	p->in_mail = false;
}

static void
play_command(
    struct player *p, enum phase phase, const char *text, const json_t *step)
{
	switch (phase) {
	case PHASE_HELO:
		p->in_mail = false;
		say(p, "EHLO ", text);
		break;
	case PHASE_MAIL:
		/* the one before was refused then, and is not now */
		if (p->in_mail)
			say_aside(p, "RSET");
		p->in_mail = sim_is_open(p->sim) && say(p, "MAIL FROM:", text);
		break;
	case PHASE_RCPT:
		say(p, "RCPT TO:", text);
		break;
	case PHASE_DATA:
		say(p, "DATA", "");
		break;
	case PHASE_EOM:
		play_message(p, step);
		break;
	case PHASE_ABORT:
		say(p, "RSET", "");
		p->in_mail = false;
		break;
	case PHASE_UNKNOWN:
		say(p, text, "");
		break;
	default:
		break;
	}
}

/* ---- steps --------------------------------------------------------------- */

static void
take_macros(struct player *p, const json_t *step)
{
	json_t *value;
	const char *name;

	json_object_foreach (json_object_get(step, "macros"), name, value) {
		int n = macro_number(name);

		if (n < 0)
			continue;
		free(p->value[n]);
		p->value[n] = recording_string(value);
		p->macro[n].value = p->value[n];
	}
}

static enum phase
phase_of(const json_t *step)
{
	enum phase phase;

	must(phase_parse(json_string_value(json_object_get(step, "do")), &phase,
		 NULL) == 0);
	return phase;
}

static void
play_step(struct player *p, size_t i, const json_t *step)
{
	char *text = recording_string(json_object_get(step, "text"));
	enum phase phase = phase_of(step);

	p->mark = (long)i;
	take_macros(p, step);
	if (p->begin > 0)
		set_clock(p->begin + recording_ns(json_object_get(step, "at")));
	if (!sim_is_open(p->sim))
		json_array_set_new(p->answers, i, json_pack("{sb}", "gone", 1));
	else if (phase != PHASE_CONNECT)
		play_command(p, phase, text != NULL ? text : "", step);
	free(text);
}

/* ---- the session --------------------------------------------------------- */

static void
take_log(void *arg, enum log_level level, const char *sid, const char *text)
{
	struct player *p = arg;
	json_t *line;

	(void)sid;
	if (level > LOG_LEVEL_WARN || json_array_size(p->log) >= LOG_LINES)
		return;
	line = json_pack("{ss}", "level", log_level_name(level));
	json_object_set_new(line, "text", json_string(text));
	json_array_append_new(p->log, line);
}

static void
take_line(void *arg, const char *line, size_t len, bool cut)
{
	struct player *p = arg;

	(void)cut;
	if (line != NULL)
		p->played = json_loadb(line, len, 0, NULL);
}

/* The same client at another MTA: that one's macros, but who has logged in. */
static void
move_client(struct player *p, struct sim_client *c)
{
	static const char *const names[] = { "{auth_authen}", "{tls_version}",
		"{cipher}", "j" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		p->kept[i] = xstrdup(p->value[macro_number(names[i])]);
	c->macros_only = false;
	c->macro = NULL;
	c->n_macros = 0;
	c->user = p->kept[0];
	c->tls_version = p->kept[1];
	c->tls_cipher = p->kept[2];
	if (p->kept[3] != NULL)
		c->mta_host = p->kept[3];
	if (c->name_given != NULL && c->name_given[0] != '[' &&
	    strcmp(c->name_given, "unknown") != 0)
		c->name = c->ptr = c->name_given;
	c->name_given = NULL;
}

static void
set_client(struct player *p, struct sim_client *c, const json_t *session,
    const char *name, const char *address)
{
	const json_t *client = json_object_get(session, "client");
	json_int_t port = json_integer_value(json_object_get(client, "port"));
	const char *mta = json_string_value(json_object_get(session, "mta"));

	sim_client_init(c);
	if (mta == NULL || mta_parse(mta, &c->mta, NULL) != 0)
		c->mta = MTA_POSTFIX;
	c->ip = (struct ip){ 0 };
	if (address != NULL)
		ip_parse(&c->ip, address, NULL);
	c->port = port > 0 && port < 65536 ? (int)port : 0;
	c->name_given = name != NULL ? name : "";
	c->id = json_string_value(json_object_get(session, "session"));
	c->macros_only = true;
	c->macro = p->macro;
	c->n_macros = MACRO_NAMES;
	for (int i = 0; i < MACRO_NAMES; i++)
		p->macro[i].name = macro_name(i);
	if (p->value[macro_number("j")] != NULL)
		c->mta_host = p->value[macro_number("j")];
}

/* Macros of logins come later than the client. */
static void
look_ahead(struct player *p, const json_t *steps)
{
	json_t *step;
	size_t i;

	json_array_foreach ((json_t *)steps, i, step)
		take_macros(p, step);
}

static void
play_all(struct player *p, const json_t *session, const struct replay_how *how)
{
	const json_t *client = json_object_get(session, "client");
	json_t *steps = json_object_get(session, "steps"), *step;
	char *name = recording_string(json_object_get(client, "name"));
	char *address = recording_string(json_object_get(client, "address"));
	char *host;
	struct sim_answer a = { 0 };
	struct sim_watch watch = { .observer =
				       recorder_new(&(struct recorder_options){
					   .body = SIZE_MAX,
					   .mark = &p->mark,
					   .done = take_line,
					   .arg = p }) };
	struct sim_client c;
	size_t i;

	take_macros(p, json_array_get(steps, 0));
	set_client(p, &c, session, name, address);
	if (how->has_mta && how->mta != c.mta) {
		c.mta = how->mta;
		look_ahead(p, steps);
		move_client(p, &c);
	}
	host = xstrdup(c.mta_host); /* macros come and go */
	c.mta_host = host;
	json_array_foreach (steps, i, step)
		json_array_append_new(p->answers, json_object());
	p->sim = sim_open(&c, &watch);
	sim_greet(p->sim, &a);
	take_answer(p, &a);
	json_array_foreach (steps, i, step)
		play_step(p, i, step);
	sim_free(p->sim);
	free(host);
	free(name);
	free(address);
}

json_t *
replay_play(const json_t *session, const struct replay_how *how)
{
	struct player p = { .answers = json_array(),
		.log = json_array(),
		.begin = replay_begin(session) };

	log_divert(take_log, &p);
	if (p.begin > 0)
		set_clock(p.begin);
	play_all(&p, session, how);
	log_divert(NULL, NULL);
	for (int i = 0; i < MACRO_NAMES; i++)
		free(p.value[i]);
	for (size_t i = 0; i < sizeof p.kept / sizeof *p.kept; i++)
		free(p.kept[i]);
	return json_pack("{so*so so}", "played", p.played, "answers", p.answers,
	    "log", p.log);
}
