#include "reply.h"

#include "reply_text.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

static const char *const mta_names[] = {
	[MTA_POSTFIX] = "postfix",
	[MTA_SENDMAIL] = "sendmail",
};

const char *
mta_name(enum mta mta)
{
	return mta_names[mta];
}

int
mta_parse(const char *text, enum mta *mta, struct err *err)
{
	for (size_t i = 0; i < sizeof mta_names / sizeof *mta_names; i++)
		if (strcmp(text, mta_names[i]) == 0) {
			*mta = (enum mta)i;
			return 0;
		}
	return err_set(err, "\"%s\" is no MTA: postfix or sendmail", text);
}

/*
 * What the MTA heeds in each phase, measured with Postfix 3.7 and 3.12 and
 * Sendmail 8.17.  DISCARD at connect or HELO: Postfix warns and goes on,
 * Sendmail stops asking us and delivers; so it is held (reply_plan).  521 at an
 * unknown command closes on Postfix 3.7, but 3.12 ignores every 5xx there.
 */
static const struct {
	bool refuse, accept, discard;
	bool closes_521; /* Postfix; Sendmail never closes on it */
} heeded[PHASE_COUNT] = {
	[PHASE_CONNECT] = { true, true, false, false },
	[PHASE_HELO] = { true, true, false, false },
	[PHASE_MAIL] = { true, true, true, true },
	[PHASE_RCPT] = { true, true, true, true },
	[PHASE_DATA] = { true, true, true, true },
	[PHASE_EOM] = { true, true, true, true },
	[PHASE_UNKNOWN] = { true, false, false, false },
	[PHASE_ABORT] = { false, false, false, false },
	[PHASE_CLOSE] = { false, false, false, false },
};

static bool
code_closes(int code, enum phase phase, enum mta mta)
{
	if (code == 521)
		return mta == MTA_POSTFIX && heeded[phase].closes_521;
	return code == 421 && heeded[phase].refuse;
}

/* With force_drop the close wins over the code, where the MTA has one. */
static int
code_said(const struct verdict *v, const struct reply_rules *rules)
{
	if (!rules->force_drop || v->how != DISCONNECT_FORCE)
		return v->code;
	if (v->code < 500)
		return 421;
	return rules->mta == MTA_POSTFIX ? 521 : v->code;
}

/*
 * At connect and HELO the MTA would hide the text of anything but a 421 and
 * never ask us again.  After a refusal at DATA the transaction stays open, and
 * libmilter leaves a further RCPT or DATA in it without an answer, so that the
 * MTA hangs until its milter timeout; at the end of the message that is over.
 */
static enum phase
said_in(const struct verdict *v, int code, enum phase phase,
    const struct reply_rules *rules)
{
	switch (phase) {
	case PHASE_CONNECT:
	case PHASE_HELO:
		if (v->code == 421 || rules->stage_reject == STAGE_REJECT_NOW)
			return phase;
		return rules->stage_reject == STAGE_REJECT_RCPT ? PHASE_RCPT
								: PHASE_MAIL;
	case PHASE_DATA:
		if (code_closes(code, phase, rules->mta) ||
		    rules->data_reject == DATA_REJECT_NOW)
			return phase;
		return PHASE_EOM;
	default:
		return phase;
	}
}

struct reply_plan
reply_plan(
    const struct verdict *v, enum phase phase, const struct reply_rules *rules)
{
	struct reply_plan plan = { .until = phase };

	if (v->kind == VERDICT_DISCARD && phase < PHASE_MAIL)
		plan.until = PHASE_MAIL;
	if (v->kind != VERDICT_REFUSE)
		return plan;
	plan.code = code_said(v, rules);
	plan.until = said_in(v, plan.code, phase, rules);
	plan.closes = code_closes(plan.code, plan.until, rules->mta);
	/* KumoMTA closes after a refused connection whatever the code */
	plan.condemns = !plan.closes &&
			(phase == PHASE_CONNECT || v->how != DISCONNECT_IF421);
	return plan;
}

static void
refuse(struct reply *r, int code, const char *text, size_t len,
    enum phase phase, enum mta mta)
{
	/* Sendmail does not know "421-" at connect; no text is seen there */
	bool single = code == 421 && phase == PHASE_CONNECT;

	reply_text(r, code, text, len, mta, single ? 1 : REPLY_LINES);
	r->action = code < 500 ? REPLY_TEMPFAIL : REPLY_REJECT;
	r->closes = code_closes(code, phase, mta);
}

void
reply_for(struct reply *r, const struct verdict *v, enum phase phase,
    const struct reply_rules *rules)
{
	*r = (struct reply){ .action = REPLY_CONTINUE };
	if (v->kind == VERDICT_ACCEPT && heeded[phase].accept)
		r->action = REPLY_ACCEPT;
	else if (v->kind == VERDICT_DISCARD && heeded[phase].discard)
		r->action = REPLY_DISCARD;
	else if (v->kind == VERDICT_REFUSE && heeded[phase].refuse)
		refuse(
		    r, code_said(v, rules), v->text, v->len, phase, rules->mta);
}

void
reply_condemned(
    struct reply *r, const char *hostname, const struct reply_rules *rules)
{
	char *text =
	    xasprintf("%s disconnecting due to previous error", hostname);

	*r = (struct reply){ 0 };
	refuse(r, 421, text, strlen(text), PHASE_MAIL, rules->mta);
	free(text);
}

void
reply_fini(struct reply *r)
{
	for (int i = 0; i < r->nlines; i++)
		free(r->line[i]);
	*r = (struct reply){ .action = REPLY_CONTINUE };
}
