#include "unit.h"

#include "milter/standing.h"
#include "milter/xmalloc.h"

#include <stdio.h>
#include <string.h>

#define PF MTA_POSTFIX
#define SM MTA_SENDMAIL
#define DUE "421 mx.example.test disconnecting due to previous error"

/*
 * A session as steps "PHASE VERDICT -> ANSWER":
 *   VERDICT  what the handler says: ok, accept, discard; r550 is kumo.reject,
 *            w550 kumo.disconnect FollowWith421, f550 ForceDisconnect; or
 *            "-" where no handler may run; with a '+' before it the
 *            handler condemned the session as well
 *   ANSWER   pass, accept, discard, "550 no", or due: the 421 of a condemned
 *            session
 * "over" is standing_message_over(), "condemn" standing_condemn().
 */
static const struct session {
	struct reply_rules rules;
	const char *steps[12];
} sessions[] = {
	/* free */
	{ { .mta = PF },
	    { "connect ok -> pass", "helo ok -> pass", "mail r550 -> 550 no",
		"mail ok -> pass", "rcpt r451 -> 451 no", "rcpt ok -> pass",
		"data ok -> pass", "eom r554 -> 554 no", "over",
		"mail ok -> pass" } },
	{ { .mta = PF },
	    { "connect accept -> accept", "mail discard -> discard", "over",
		"mail ok -> pass", "abort ok -> pass", "over",
		"helo ok -> pass", "unknown r500 -> 500 no", "mail ok -> pass",
		"close ok -> pass" } },
	/* an answer that no MTA heeds is none */
	{ { .mta = PF }, { "helo ok -> pass", "unknown accept -> pass",
			     "unknown discard -> pass", "abort r550 -> pass",
			     "helo ok -> pass" } },

	/* 421 closes by itself; nothing is left to do */
	{ { .mta = SM }, { "connect r421 -> 421 no", "close ok -> pass" } },
	{ { .mta = SM }, { "connect ok -> pass", "helo f421 -> 421 no",
			     "close ok -> pass" } },
	{ { .mta = PF },
	    { "helo ok -> pass", "mail ok -> pass", "rcpt ok -> pass",
		"data r421 -> 421 no", "close ok -> pass" } },

	/* refused at connect: told at MAIL, then over */
	{ { .mta = PF },
	    { "connect r550 -> pass", "helo - -> pass", "mail - -> 550 no",
		"mail - -> due", "close ok -> pass" } },
	{ { .mta = PF },
	    { "connect r451 -> pass", "unknown - -> pass", "helo - -> pass",
		"helo - -> pass", "mail - -> 451 no", "helo - -> due" } },
	{ { .mta = SM },
	    { "connect w554 -> pass", "mail - -> 554 no", "abort ok -> pass",
		"over", "unknown - -> due", "rcpt - -> due" } },
	{ { .mta = PF, .stage_reject = STAGE_REJECT_RCPT },
	    { "connect f550 -> pass", "helo - -> pass", "mail - -> pass",
		"abort ok -> pass", "over", "mail - -> pass",
		"rcpt - -> 550 no", "rcpt - -> due" } },
	{ { .mta = PF, .force_drop = true },
	    { "connect f550 -> pass", "helo - -> pass", "mail - -> 521 no" } },
	{ { .mta = SM, .force_drop = true },
	    { "connect f550 -> pass", "helo - -> pass", "mail - -> 550 no",
		"mail - -> due" } },
	{ { .mta = SM, .force_drop = true },
	    { "connect f450 -> pass", "helo - -> pass", "mail - -> 421 no" } },
	{ { .mta = PF, .stage_reject = STAGE_REJECT_NOW },
	    { "connect r550 -> 550 no", "close ok -> pass" } },

	/* refused HELO: every MAIL, until a better HELO */
	{ { .mta = PF },
	    { "connect ok -> pass", "helo r550 -> pass", "mail - -> 550 no",
		"mail - -> 550 no", "helo ok -> pass", "mail ok -> pass",
		"rcpt ok -> pass" } },
	{ { .mta = PF }, { "helo r550 -> pass", "helo r451 -> pass",
			     "mail - -> 451 no", "unknown ok -> pass",
			     "unknown r500 -> 500 no", "mail - -> 451 no",
			     "helo accept -> accept", "mail ok -> pass" } },
	{ { .mta = PF }, { "helo r550 -> pass", "helo r421 -> 421 no" } },
	{ { .mta = PF },
	    { "helo r550 -> pass", "helo w550 -> pass", "helo - -> pass",
		"mail - -> 550 no", "mail - -> due" } },
	{ { .mta = PF }, { "helo r550 -> pass", "unknown f500 -> 500 no",
			     "mail - -> due" } },
	{ { .mta = PF, .stage_reject = STAGE_REJECT_RCPT },
	    { "helo r550 -> pass", "mail - -> pass", "rcpt - -> 550 no",
		"rcpt - -> 550 no", "abort ok -> pass", "over",
		"mail - -> pass", "rcpt - -> 550 no", "helo ok -> pass",
		"mail ok -> pass", "rcpt ok -> pass" } },
	{ { .mta = PF }, { "helo r550 -> pass", "abort ok -> pass", "over",
			     "mail - -> 550 no" } },
	/* disconnected at HELO: no better one */
	{ { .mta = SM },
	    { "helo f550 -> pass", "helo - -> pass", "unknown - -> pass",
		"mail - -> 550 no", "rcpt - -> due" } },
	{ { .mta = PF },
	    { "helo f521 -> pass", "mail - -> 521 no", "close ok -> pass" } },
	{ { .mta = SM },
	    { "helo f521 -> pass", "mail - -> 521 no", "mail - -> due" } },

	/* disconnected later */
	{ { .mta = PF },
	    { "helo ok -> pass", "mail w550 -> 550 no", "mail - -> due",
		"helo - -> due", "rcpt - -> due", "data - -> due",
		"eom - -> due", "unknown - -> due", "abort ok -> pass", "over",
		"close ok -> pass" } },
	{ { .mta = SM },
	    { "mail ok -> pass", "rcpt f451 -> 451 no", "rcpt - -> due" } },
	{ { .mta = SM }, { "mail ok -> pass", "rcpt ok -> pass",
			     "rcpt f451 -> 451 no", "data - -> due" } },
	{ { .mta = SM }, { "mail ok -> pass", "rcpt w451 -> 451 no",
			     "abort ok -> pass", "over", "mail - -> due" } },
	{ { .mta = PF },
	    { "mail ok -> pass", "rcpt ok -> pass", "data ok -> pass",
		"eom f554 -> 554 no", "over", "mail - -> due" } },
	{ { .mta = PF },
	    { "mail ok -> pass", "unknown w450 -> 450 no", "rcpt - -> due" } },
	/* in an abort: nothing is said, but it is remembered */
	{ { .mta = PF }, { "mail ok -> pass", "abort f550 -> pass", "over",
			     "mail - -> due" } },
	/* after a quarantine the message stands */
	{ { .mta = PF }, { "mail ok -> pass", "rcpt ok -> pass",
			     "data ok -> pass", "condemn", "eom - -> due" } },

	{ { .mta = PF },
	    { "mail ok -> pass", "rcpt ok -> pass", "data ok -> pass",
		"eom +ok -> pass", "over", "mail - -> due" } },
	{ { .mta = PF },
	    { "mail ok -> pass", "rcpt +r550 -> 550 no", "rcpt - -> due" } },
	/* condemned, so its 421 comes before what would be held */
	{ { .mta = PF },
	    { "rcpt ok -> pass", "data +r550 -> pass", "eom - -> due" } },
	{ { .mta = PF }, { "connect +r550 -> pass", "helo - -> due" } },

	/* refused at DATA: told at the end of the message */
	{ { .mta = PF },
	    { "mail ok -> pass", "rcpt ok -> pass", "data r550 -> pass",
		"eom - -> 550 no", "over", "mail ok -> pass", "rcpt ok -> pass",
		"data ok -> pass", "eom ok -> pass" } },
	{ { .mta = PF },
	    { "mail ok -> pass", "rcpt ok -> pass", "data r550 -> pass",
		"abort ok -> pass", "over", "mail ok -> pass",
		"rcpt ok -> pass", "data ok -> pass", "eom ok -> pass" } },
	{ { .mta = PF },
	    { "mail ok -> pass", "rcpt ok -> pass", "data w550 -> pass",
		"eom - -> 550 no", "over", "mail - -> due" } },
	{ { .mta = PF },
	    { "mail ok -> pass", "rcpt ok -> pass", "data w550 -> pass",
		"abort ok -> pass", "over", "mail - -> due" } },
	/* an abort that nobody told us of */
	{ { .mta = PF },
	    { "rcpt ok -> pass", "data r550 -> pass", "mail ok -> pass",
		"rcpt ok -> pass", "data ok -> pass", "eom ok -> pass" } },
	{ { .mta = PF },
	    { "rcpt ok -> pass", "data f550 -> pass", "helo - -> due" } },
	{ { .mta = PF },
	    { "rcpt ok -> pass", "data r521 -> 521 no", "close ok -> pass" } },
	{ { .mta = SM }, { "rcpt ok -> pass", "data r521 -> pass",
			     "eom - -> 521 no", "over", "mail ok -> pass" } },
	{ { .mta = PF, .data_reject = DATA_REJECT_NOW },
	    { "rcpt ok -> pass", "data r550 -> 550 no", "abort ok -> pass",
		"over", "mail ok -> pass" } },
	{ { .mta = PF, .data_reject = DATA_REJECT_NOW },
	    { "rcpt ok -> pass", "data w550 -> 550 no", "abort ok -> pass",
		"over", "mail - -> due" } },
	{ { .mta = SM, .force_drop = true },
	    { "rcpt ok -> pass", "data f450 -> 421 no" } },

	/* a discard before there is a message waits for one */
	{ { .mta = PF },
	    { "connect discard -> pass", "helo - -> pass", "mail - -> discard",
		"over", "mail - -> discard" } },
	{ { .mta = SM }, { "helo discard -> pass", "mail - -> discard", "over",
			     "helo ok -> pass", "mail ok -> pass" } },
};

static void
read_verdict(const char *word, struct verdict *v)
{
	int code = atoi(word + 1);

	if (strcmp(word, "accept") == 0)
		verdict_set(v, VERDICT_ACCEPT);
	else if (strcmp(word, "discard") == 0)
		verdict_set(v, VERDICT_DISCARD);
	else if (code != 0)
		verdict_refuse(v, code,
		    word[0] == 'r'   ? DISCONNECT_IF421
		    : word[0] == 'w' ? DISCONNECT_FOLLOW421
				     : DISCONNECT_FORCE,
		    "no", 2);
	else
		ck_assert_str_eq(word, "ok");
}

static void
answer_text(struct str *out, const struct reply *r)
{
	static const char *const plain[] = {
		[REPLY_CONTINUE] = "pass",
		[REPLY_ACCEPT] = "accept",
		[REPLY_DISCARD] = "discard",
	};

	if (r->nlines == 0)
		str_adds(out, plain[r->action]);
	else
		str_addf(out, "%s %s", r->code, r->line[0]);
}

static void
run_step(struct standing *st, const struct reply_rules *rules, int row,
    const char *step)
{
	char phase_word[16], word[16];
	const char *want = strstr(step, "-> ");
	struct verdict v = { 0 };
	struct reply reply;
	struct str got = { 0 };
	struct err err;
	enum phase phase;
	bool answered;

	ck_assert_int_eq(sscanf(step, "%15s %15s", phase_word, word), 2);
	ck_assert_int_eq(phase_parse(phase_word, &phase, &err), 0);
	want = strcmp(want, "-> due") == 0 ? DUE : want + 3;

	answered =
	    standing_answers(st, phase, rules, "mx.example.test", &reply);
	ck_assert_msg(answered == (strcmp(word, "-") == 0),
	    "session %d: %s: %s", row, step,
	    answered ? "no handler ran" : "a handler ran");
	if (!answered) {
		if (word[0] == '+')
			standing_condemn(st);
		read_verdict(word + (word[0] == '+'), &v);
		standing_take(st, phase, &v, rules, &reply);
		ck_assert_int_eq(v.kind, VERDICT_CONTINUE);
		ck_assert_ptr_null(v.text);
	}
	answer_text(&got, &reply);
	ck_assert_msg(strcmp(str_c(&got), want) == 0,
	    "session %d: %s: got \"%s\"", row, step, str_c(&got));
	str_fini(&got);
	reply_fini(&reply);
}

START_TEST(session_goes_as_written)
{
	const struct session *s = &sessions[_i];
	struct standing st;

	standing_init(&st);
	for (int i = 0; s->steps[i] != NULL; i++)
		if (strcmp(s->steps[i], "over") == 0)
			standing_message_over(&st);
		else if (strcmp(s->steps[i], "condemn") == 0)
			standing_condemn(&st);
		else
			run_step(&st, &s->rules, _i, s->steps[i]);
	standing_fini(&st);
}
END_TEST

/* ---- every mode, code, stage and MTA against the plan -------------------- */

static const int codes[] = { 421, 450, 451, 521, 550, 554 };
static const enum phase stages[] = { PHASE_CONNECT, PHASE_HELO, PHASE_MAIL,
	PHASE_RCPT, PHASE_DATA, PHASE_EOM, PHASE_UNKNOWN };

/* One session until the refusal was told; what its phases were answered. */
static void
tell_refusal(struct standing *st, struct verdict *v, enum phase stage,
    const struct reply_rules *rules, const char *name)
{
	struct reply_plan plan = reply_plan(v, stage, rules);
	struct reply reply;
	bool closes;

	ck_assert(!standing_answers(st, stage, rules, "mx", &reply));
	standing_take(st, stage, v, rules, &reply);
	for (enum phase p = stage + 1; p <= plan.until; p++) {
		ck_assert_msg(
		    reply.action == REPLY_CONTINUE, "%s: told too early", name);
		ck_assert_msg(standing_answers(st, p, rules, "mx", &reply),
		    "%s: a handler ran at %s", name, phase_name(p));
	}
	ck_assert_msg(reply.nlines == 1 && atoi(reply.code) == plan.code,
	    "%s: said %s, not %d", name, reply.code, plan.code);
	closes = reply.closes;
	reply_fini(&reply);
	ck_assert_msg(closes == plan.closes, "%s: closes %d", name, closes);
	ck_assert_msg((st->kind == STANDING_CONDEMNED) == plan.condemns,
	    "%s: kind %d", name, st->kind);
}

static void
each_code(
    enum disconnect how, enum phase stage, const struct reply_rules *rules)
{
	for (size_t k = 0; k < UNIT_N(codes); k++) {
		struct standing st;
		struct verdict v = { 0 };
		char *name = xasprintf("%s, %s, %d %s, drop %d, stage %d",
		    mta_name(rules->mta), phase_name(stage), codes[k],
		    disconnect_name(how), rules->force_drop,
		    rules->stage_reject);

		standing_init(&st);
		verdict_refuse(&v, codes[k], how, "no", 2);
		tell_refusal(&st, &v, stage, rules, name);
		standing_fini(&st);
		free(name);
	}
}

START_TEST(every_refusal_is_told_as_planned)
{
	struct reply_rules rules = { .mta = _i % 2 == 0 ? PF : SM,
		.force_drop = _i / 2 % 2 != 0,
		.stage_reject = (enum stage_reject)(_i / 4 % 3),
		.data_reject = (enum data_reject)(_i / 12) };

	for (size_t s = 0; s < UNIT_N(stages); s++) {
		each_code(DISCONNECT_IF421, stages[s], &rules);
		each_code(DISCONNECT_FOLLOW421, stages[s], &rules);
		each_code(DISCONNECT_FORCE, stages[s], &rules);
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("standing", &t);

	tcase_add_loop_test(t, session_goes_as_written, 0, UNIT_N(sessions));
	tcase_add_loop_test(t, every_refusal_is_told_as_planned, 0, 24);
	return s;
}

UNIT_MAIN(suite)
