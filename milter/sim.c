#include "sim_inside.h"

#include "event.h"
#include "xmalloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
sim_answer_fini(struct sim_answer *a)
{
	str_fini(&a->text);
	*a = (struct sim_answer){ 0 };
}

/* ---- replies ------------------------------------------------------------- */

static void
say(struct sim *sim, struct sim_answer *a, enum sim_word word, const char *arg)
{
	sim_say(&a->text, sim->c.mta, word, sim->c.mta_host, arg);
}

static void
hang_up(struct sim *sim, struct sim_answer *a)
{
	a->closed = true;
	sim_end(sim);
}

/*
 * What an answer of the filter makes of this phase.  true: it objects, and
 * the client has its reply, if it gets one now.
 */
static bool
object(struct sim *sim, struct sim_answer *a, enum phase phase,
    const struct reply *r, const char *address)
{
	if (r->action == REPLY_ACCEPT) {
		if (phase < PHASE_MAIL)
			sim->asks = false;
		else
			sim->message_asks = false;
	}
	if (r->action == REPLY_DISCARD) {
		sim->message_asks = false;
		sim->discards = true;
	}
	if (r->action != REPLY_TEMPFAIL && r->action != REPLY_REJECT)
		return false;
	reply_as_seen(&a->text, r, phase, sim->c.mta, sim->c.mta_host, address);
	a->by_policy = true;
	if (r->closes)
		hang_up(sim, a);
	return true;
}

/*
 * A refusal at connect or HELO that does not close: from now on the MTA gives
 * it by itself and asks no filter.
 */
static void
stick(struct sim *sim, enum phase phase, struct reply *r)
{
	sim->asks = false;
	sim->stuck = *r;
	sim->stuck_at = phase;
	*r = (struct reply){ .action = REPLY_CONTINUE };
}

static bool
say_stuck(struct sim *sim, struct sim_answer *a)
{
	if (sim->stuck.action == REPLY_CONTINUE)
		return false;
	reply_as_seen_at_mail(&a->text, &sim->stuck, sim->stuck_at, sim->c.mta);
	a->by_policy = true;
	if (sim->c.mta == MTA_POSTFIX && strcmp(sim->stuck.code, "521") == 0)
		hang_up(sim, a);
	return true;
}

/* The same for RCPT and DATA without a MAIL: Sendmail gives it there, too. */
static bool
say_stuck_late(struct sim *sim, struct sim_answer *a)
{
	return sim->c.mta == MTA_SENDMAIL &&
	       !(sim->stuck_at == PHASE_CONNECT && sim->stuck.code[0] == '4') &&
	       say_stuck(sim, a);
}

static void
finish_answer(struct sim_answer *a)
{
	a->code = atoi(str_c(&a->text));
}

/* ---- commands ------------------------------------------------------------ */

/* The transaction ends before its message did. */
static void
abandon(struct sim *sim)
{
	if (sim->in_mail && sim->asks && sim->message_asks)
		event_abort(sim->s);
	sim->in_mail = false;
}

void
sim_greet(struct sim *sim, struct sim_answer *a)
{
	struct reply r = { 0 };

	if (sim->asks) {
		event_connect(sim->s, &r);
		if (!sim->needs.connect_answers)
			reply_fini(&r);
		if (object(sim, a, PHASE_CONNECT, &r, NULL) && !a->closed)
			stick(sim, PHASE_CONNECT, &r);
		reply_fini(&r);
	}
	if (a->text.len == 0)
		say(sim, a, SIM_GREETING, "");
	finish_answer(a);
}

static void
helo(struct sim *sim, const char *verb, const char *name, struct sim_answer *a)
{
	bool extended = strcasecmp(verb, "EHLO") == 0;
	struct reply r = { 0 };

	if (name[0] == '\0') {
		say(sim, a, SIM_NO_NAME, verb);
		return;
	}
	abandon(sim);
	if (sim->asks) {
		sim_macros_helo(sim);
		event_helo(sim->s, name, &r);
		if (object(sim, a, PHASE_HELO, &r, NULL) && !a->closed)
			stick(sim, PHASE_HELO, &r);
		reply_fini(&r);
	}
	/* measured: Sendmail's last line is lost then */
	if (a->closed && sim->greeted && sim->c.mta == MTA_SENDMAIL)
		str_clear(&a->text);
	sim->greeted = true;
	if (!a->closed)
		say(sim, a, extended ? SIM_EHLO : SIM_HELO, sim->client);
}

/* Sendmail shows what it read up to the colon. */
static void
say_scanned(
    struct sim *sim, struct sim_answer *a, enum sim_word word, const char *arg)
{
	char *shown = xmemdup0(arg, strcspn(arg, ":"));

	say(sim, a, word, shown);
	free(shown);
}

static void
mail(struct sim *sim, const char *arg, struct sim_answer *a)
{
	struct sim_path p;
	struct reply r = { 0 };
	bool refused = false;

	if (sim->in_mail) {
		say(sim, a, SIM_NESTED, "");
		return;
	}
	if (!sim_path_parse(&p, "FROM:", arg)) {
		say_scanned(sim, a, SIM_NO_FROM, arg);
		return;
	}
	if (!say_stuck(sim, a)) {
		sim_begin_mail(sim, p.address);
		if (sim->asks) {
			session_set_esmtp(sim->s, p.params);
			event_mail(sim->s, p.address, &r);
			refused = object(sim, a, PHASE_MAIL, &r, p.address);
		}
		sim->in_mail = !refused;
		if (!refused)
			say(sim, a, SIM_MAIL, p.address);
	}
	reply_fini(&r);
	sim_path_fini(&p);
}

static void
rcpt(struct sim *sim, const char *arg, struct sim_answer *a)
{
	struct sim_path p;
	struct reply r = { 0 };
	bool refused = false;

	if (!sim->in_mail) {
		if (!say_stuck_late(sim, a))
			say(sim, a, SIM_RCPT_NO_MAIL, "");
		return;
	}
	if (!sim_path_parse(&p, "TO:", arg)) {
		say_scanned(sim, a, SIM_NO_TO, arg);
		return;
	}
	if (sim->data_refused) {
		a->stalls = true;
		say(sim, a, SIM_TIMEOUT, "");
		sim_path_fini(&p);
		return;
	}
	if (sim->asks && sim->message_asks) {
		sim_macros_rcpt(sim);
		session_set_esmtp(sim->s, p.params);
		event_rcpt(sim->s, p.address, &r);
		refused = object(sim, a, PHASE_RCPT, &r, p.address);
	}
	if (!refused) {
		sim_mail_add_rcpt(&sim->now, p.address);
		say(sim, a, SIM_RCPT, p.address);
	}
	reply_fini(&r);
	sim_path_fini(&p);
}

static void
data(struct sim *sim, struct sim_answer *a)
{
	struct reply r = { 0 };

	if (!sim->in_mail) {
		if (!say_stuck_late(sim, a))
			say(sim, a, SIM_DATA_NO_MAIL, "");
	} else if (sim->now.n_rcpts == 0) {
		say(sim, a, SIM_DATA_NO_RCPT, "");
	} else if (sim->data_refused) {
		a->stalls = true;
		say(sim, a, SIM_TIMEOUT, "");
	} else {
		if (sim->asks && sim->message_asks && sim->needs.data) {
			sim_macros_data(sim);
			event_data(sim->s, &r);
			sim->data_refused =
			    object(sim, a, PHASE_DATA, &r, NULL);
		}
		if (!sim->data_refused) {
			say(sim, a, SIM_DATA, "");
			a->wants_content = true;
		}
	}
	reply_fini(&r);
}

static void
unknown(
    struct sim *sim, const char *line, const char *verb, struct sim_answer *a)
{
	bool postfix = sim->c.mta == MTA_POSTFIX;
	struct reply r = { 0 };
	bool refused = false;

	if (postfix && say_stuck(sim, a))
		return;
	/* measured: between two messages Sendmail does not ask */
	if (sim->asks && sim->needs.unknown && (postfix || !sim->between)) {
		event_unknown(sim->s, postfix ? verb : line, &r);
		refused = object(sim, a, PHASE_UNKNOWN, &r, NULL);
	}
	if (!refused)
		say(sim, a, SIM_UNKNOWN, line);
	reply_fini(&r);
}

static void
rset(struct sim *sim, const char *arg, struct sim_answer *a)
{
	if (arg[0] != '\0' && sim->c.mta == MTA_POSTFIX) {
		say(sim, a, SIM_RSET_ARG, arg);
		return;
	}
	abandon(sim);
	sim->between = true;
	say(sim, a, SIM_RSET, "");
}

static void
quit(struct sim *sim, struct sim_answer *a)
{
	abandon(sim);
	say(sim, a, SIM_QUIT, "");
	hang_up(sim, a);
}

/* What the MTA answers without the filter. */
static const struct {
	const char *verb;
	enum sim_word word;
	bool sendmail; /* to Postfix it is unknown */
} own[] = {
	{ "NOOP", SIM_NOOP, false },
	{ "VRFY", SIM_VRFY, false },
	{ "ETRN", SIM_ETRN, false },
	{ "STARTTLS", SIM_NO_TLS, false },
	{ "AUTH", SIM_NO_AUTH, false },
	{ "HELP", SIM_HELP, true },
	{ "EXPN", SIM_EXPN, true },
};

static bool
own_answer(
    struct sim *sim, const char *verb, const char *arg, struct sim_answer *a)
{
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (strcmp(verb, own[i].verb) == 0 &&
		    (!own[i].sendmail || sim->c.mta == MTA_SENDMAIL)) {
			say(sim, a, own[i].word, arg);
			return true;
		}
	return false;
}

static void
command(struct sim *sim, const char *line, const char *verb, const char *arg,
    struct sim_answer *a)
{
	if (strcmp(verb, "EHLO") == 0 || strcmp(verb, "HELO") == 0)
		helo(sim, verb, arg, a);
	else if (strcmp(verb, "MAIL") == 0)
		mail(sim, arg, a);
	else if (strcmp(verb, "RCPT") == 0)
		rcpt(sim, arg, a);
	else if (strcmp(verb, "DATA") == 0)
		data(sim, a);
	else if (strcmp(verb, "RSET") == 0)
		rset(sim, arg, a);
	else if (strcmp(verb, "QUIT") == 0)
		quit(sim, a);
	else if (!own_answer(sim, verb, arg, a))
		unknown(sim, line, verb, a);
}

void
sim_command(struct sim *sim, const char *line, struct sim_answer *a)
{
	size_t n = strcspn(line, " \t");
	char *verb = xmemdup0(line, n);
	const char *arg = line + n + strspn(line + n, " \t");
	char *trimmed = xstrdup(arg);
	size_t end = strlen(trimmed);

	for (char *p = verb; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	while (end > 0 && isspace((unsigned char)trimmed[end - 1]))
		trimmed[--end] = '\0';
	must(sim_is_open(sim));
	command(sim, line, verb, trimmed, a);
	finish_answer(a);
	free(trimmed);
	free(verb);
}

/* ---- the end of a message ------------------------------------------------ */

static void
carry_out(struct sim *sim, const struct message *m)
{
	struct sim_result *res = &sim->result;

	edits_of(&res->edits, m);
	for (size_t i = 0; i < res->edits.n; i++)
		sim_mail_edit(&res->after, &res->edits.edit[i], m->body);
	res->meta = json_deep_copy(m->meta);
}

static void
ask_end(struct sim *sim, struct sim_answer *a)
{
	struct reply r = { 0 };
	struct message *m;

	sim_macros_data(sim);
	if (sim->needs.content)
		sim_feed(sim);
	event_eom(sim->s, &r, &m);
	sim->result.taken =
	    r.action != REPLY_TEMPFAIL && r.action != REPLY_REJECT;
	if (m != NULL && sim->result.taken)
		carry_out(sim, m);
	sim->result.discarded = r.action == REPLY_DISCARD;
	if (sim->watch.message != NULL)
		sim->watch.message(sim->watch.arg, &sim->result);
	edits_fini(&sim->result.edits);
	event_message_over(sim->s, m);
	object(sim, a, PHASE_EOM, &r, NULL);
	reply_fini(&r);
}

static void
end_message(struct sim *sim, struct sim_answer *a)
{
	struct sim_result *res = &sim->result;

	sim_result_clear(sim);
	sim_mail_copy(&res->before, &sim->now);
	sim_mail_copy(&res->after, &sim->now);
	res->taken = true;
	res->discarded = sim->discards;
	sim->has_result = true;
	sim->in_mail = false;
	if (sim->asks && sim->message_asks)
		ask_end(sim, a);
	else if (sim->watch.message != NULL)
		sim->watch.message(sim->watch.arg, res);
	sim->between = true;
	if (a->text.len == 0 && !a->closed)
		say(sim, a, SIM_QUEUED, sim->queue_id);
	finish_answer(a);
}

void
sim_content(struct sim *sim, const char *text, size_t len, struct sim_answer *a)
{
	must(sim_is_open(sim));
	sim_mail_read(&sim->now, text, len);
	end_message(sim, a);
}

void
sim_message(struct sim *sim, const struct sim_mail *mail, struct sim_answer *a)
{
	must(sim_is_open(sim));
	for (size_t i = 0; i < mail->n_fields; i++)
		sim_mail_add_field(
		    &sim->now, mail->field[i].name, mail->field[i].raw);
	str_add(&sim->now.body, str_c(&mail->body), mail->body.len);
	end_message(sim, a);
}
