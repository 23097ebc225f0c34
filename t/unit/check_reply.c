#include "unit.h"

#include "milter/reply.h"

#include <stdio.h>
#include <string.h>

#define PF MTA_POSTFIX
#define SM MTA_SENDMAIL
#define N_CODES 6

static const int codes[N_CODES] = { 421, 450, 451, 521, 550, 554 };

/* ---- plans ----------------------------------------------------------------
 */

/*
 * A cell is what becomes of one code: the phase in which it is said (first
 * letter: c h m r d e u), '!' where the MTA closes on it or '.', and whom it
 * condemns: '-' nobody, 'd' a kumo.disconnect, 'a' a kumo.reject too.
 */
static const struct {
	enum mta mta;
	enum stage_reject stage_reject;
	enum data_reject data_reject;
	enum phase phase;
	const char *cell[N_CODES]; /* as codes[] */
} plans[] = {
#define MAIL STAGE_REJECT_MAIL
#define RCPT STAGE_REJECT_RCPT
#define NOW STAGE_REJECT_NOW
#define EOM DATA_REJECT_EOM
#define DNOW DATA_REJECT_NOW
	{ PF, MAIL, EOM, PHASE_CONNECT,
	    { "c!-", "m.a", "m.a", "m!-", "m.a", "m.a" } },
	{ PF, MAIL, EOM, PHASE_HELO,
	    { "h!-", "m.d", "m.d", "m!-", "m.d", "m.d" } },
	{ PF, MAIL, EOM, PHASE_MAIL,
	    { "m!-", "m.d", "m.d", "m!-", "m.d", "m.d" } },
	{ PF, MAIL, EOM, PHASE_RCPT,
	    { "r!-", "r.d", "r.d", "r!-", "r.d", "r.d" } },
	{ PF, MAIL, EOM, PHASE_DATA,
	    { "d!-", "e.d", "e.d", "d!-", "e.d", "e.d" } },
	{ PF, MAIL, EOM, PHASE_EOM,
	    { "e!-", "e.d", "e.d", "e!-", "e.d", "e.d" } },
	{ PF, MAIL, EOM, PHASE_UNKNOWN,
	    { "u!-", "u.d", "u.d", "u.d", "u.d", "u.d" } },

	{ SM, MAIL, EOM, PHASE_CONNECT,
	    { "c!-", "m.a", "m.a", "m.a", "m.a", "m.a" } },
	{ SM, MAIL, EOM, PHASE_HELO,
	    { "h!-", "m.d", "m.d", "m.d", "m.d", "m.d" } },
	{ SM, MAIL, EOM, PHASE_MAIL,
	    { "m!-", "m.d", "m.d", "m.d", "m.d", "m.d" } },
	{ SM, MAIL, EOM, PHASE_RCPT,
	    { "r!-", "r.d", "r.d", "r.d", "r.d", "r.d" } },
	{ SM, MAIL, EOM, PHASE_DATA,
	    { "d!-", "e.d", "e.d", "e.d", "e.d", "e.d" } },
	{ SM, MAIL, EOM, PHASE_EOM,
	    { "e!-", "e.d", "e.d", "e.d", "e.d", "e.d" } },
	{ SM, MAIL, EOM, PHASE_UNKNOWN,
	    { "u!-", "u.d", "u.d", "u.d", "u.d", "u.d" } },

	{ PF, RCPT, EOM, PHASE_CONNECT,
	    { "c!-", "r.a", "r.a", "r!-", "r.a", "r.a" } },
	{ PF, RCPT, EOM, PHASE_HELO,
	    { "h!-", "r.d", "r.d", "r!-", "r.d", "r.d" } },
	{ PF, RCPT, EOM, PHASE_MAIL, /* nothing is hidden there */
	    { "m!-", "m.d", "m.d", "m!-", "m.d", "m.d" } },
	{ SM, RCPT, EOM, PHASE_CONNECT,
	    { "c!-", "r.a", "r.a", "r.a", "r.a", "r.a" } },
	{ SM, RCPT, EOM, PHASE_HELO,
	    { "h!-", "r.d", "r.d", "r.d", "r.d", "r.d" } },

	{ PF, NOW, EOM, PHASE_CONNECT,
	    { "c!-", "c.a", "c.a", "c.a", "c.a", "c.a" } },
	{ PF, NOW, EOM, PHASE_HELO,
	    { "h!-", "h.d", "h.d", "h.d", "h.d", "h.d" } },
	{ SM, NOW, EOM, PHASE_CONNECT,
	    { "c!-", "c.a", "c.a", "c.a", "c.a", "c.a" } },
	{ SM, NOW, EOM, PHASE_HELO,
	    { "h!-", "h.d", "h.d", "h.d", "h.d", "h.d" } },

	{ PF, MAIL, DNOW, PHASE_DATA,
	    { "d!-", "d.d", "d.d", "d!-", "d.d", "d.d" } },
	{ SM, MAIL, DNOW, PHASE_DATA,
	    { "d!-", "d.d", "d.d", "d.d", "d.d", "d.d" } },
};

static void
plan_text(char *out, size_t n, const struct reply_plan *plan)
{
	snprintf(out, n, "%c%d%c%c", phase_name(plan->until)[0], plan->code,
	    plan->closes ? '!' : '.', plan->condemns ? 'y' : '-');
}

static void
check_plan(int row, int k, enum disconnect how, bool force_drop)
{
	struct reply_rules rules = { plans[row].mta, force_drop,
		plans[row].stage_reject, plans[row].data_reject };
	const char *cell = plans[row].cell[k];
	bool condemns =
	    cell[2] == 'a' || (cell[2] == 'd' && how != DISCONNECT_IF421);
	struct verdict v = { 0 };
	struct reply_plan plan;
	char want[16], got[16];

	verdict_refuse(&v, codes[k], how, "x", 1);
	plan = reply_plan(&v, plans[row].phase, &rules);
	plan_text(got, sizeof got, &plan);
	snprintf(want, sizeof want, "%c%d%c%c", cell[0], codes[k], cell[1],
	    condemns ? 'y' : '-');
	ck_assert_msg(strcmp(got, want) == 0,
	    "row %d: %s, %s, %d %s: %s instead of %s", row, mta_name(rules.mta),
	    phase_name(plans[row].phase), codes[k], disconnect_name(how), got,
	    want);
	verdict_clear(&v);
}

START_TEST(plan_follows_the_table)
{
	for (int k = 0; k < N_CODES; k++) {
		check_plan(_i, k, DISCONNECT_IF421, false);
		check_plan(_i, k, DISCONNECT_FOLLOW421, false);
		check_plan(_i, k, DISCONNECT_FORCE, false);
		/* force_drop is for ForceDisconnect only */
		check_plan(_i, k, DISCONNECT_IF421, true);
		check_plan(_i, k, DISCONNECT_FOLLOW421, true);
	}
}
END_TEST

/* ForceDisconnect with force_drop: as plan_text() writes it. */
static const struct {
	enum mta mta;
	enum stage_reject stage_reject;
	enum phase phase;
	const char *cell[N_CODES];
} drops[] = {
	{ PF, MAIL, PHASE_CONNECT,
	    { "c421!-", "m421!-", "m421!-", "m521!-", "m521!-", "m521!-" } },
	{ PF, RCPT, PHASE_CONNECT,
	    { "c421!-", "r421!-", "r421!-", "r521!-", "r521!-", "r521!-" } },
	{ PF, NOW, PHASE_CONNECT,
	    { "c421!-", "c421!-", "c421!-", "c521.y", "c521.y", "c521.y" } },
	{ PF, MAIL, PHASE_HELO,
	    { "h421!-", "m421!-", "m421!-", "m521!-", "m521!-", "m521!-" } },
	{ PF, MAIL, PHASE_MAIL,
	    { "m421!-", "m421!-", "m421!-", "m521!-", "m521!-", "m521!-" } },
	{ PF, MAIL, PHASE_RCPT,
	    { "r421!-", "r421!-", "r421!-", "r521!-", "r521!-", "r521!-" } },
	{ PF, MAIL, PHASE_DATA,
	    { "d421!-", "d421!-", "d421!-", "d521!-", "d521!-", "d521!-" } },
	{ PF, MAIL, PHASE_EOM,
	    { "e421!-", "e421!-", "e421!-", "e521!-", "e521!-", "e521!-" } },
	{ PF, MAIL, PHASE_UNKNOWN,
	    { "u421!-", "u421!-", "u421!-", "u521.y", "u521.y", "u521.y" } },
	{ SM, MAIL, PHASE_CONNECT,
	    { "c421!-", "m421!-", "m421!-", "m521.y", "m550.y", "m554.y" } },
	{ SM, MAIL, PHASE_HELO,
	    { "h421!-", "m421!-", "m421!-", "m521.y", "m550.y", "m554.y" } },
	{ SM, MAIL, PHASE_MAIL,
	    { "m421!-", "m421!-", "m421!-", "m521.y", "m550.y", "m554.y" } },
	{ SM, MAIL, PHASE_RCPT,
	    { "r421!-", "r421!-", "r421!-", "r521.y", "r550.y", "r554.y" } },
	{ SM, MAIL, PHASE_DATA,
	    { "d421!-", "d421!-", "d421!-", "e521.y", "e550.y", "e554.y" } },
	{ SM, MAIL, PHASE_EOM,
	    { "e421!-", "e421!-", "e421!-", "e521.y", "e550.y", "e554.y" } },
	{ SM, MAIL, PHASE_UNKNOWN,
	    { "u421!-", "u421!-", "u421!-", "u521.y", "u550.y", "u554.y" } },
};

START_TEST(force_drop_lets_the_close_win)
{
	struct reply_rules rules = { drops[_i].mta, true,
		drops[_i].stage_reject, DATA_REJECT_EOM };

	for (int k = 0; k < N_CODES; k++) {
		struct verdict v = { 0 };
		struct reply_plan plan;
		struct reply r;
		char got[16], code[8];

		verdict_refuse(&v, codes[k], DISCONNECT_FORCE, "5.7.1 x", 7);
		plan = reply_plan(&v, drops[_i].phase, &rules);
		plan_text(got, sizeof got, &plan);
		ck_assert_msg(strcmp(got, drops[_i].cell[k]) == 0,
		    "row %d: %s, %s, %d: %s instead of %s", _i,
		    mta_name(rules.mta), phase_name(drops[_i].phase), codes[k],
		    got, drops[_i].cell[k]);
		/* and what is said then agrees with the plan */
		reply_for(&r, &v, plan.until, &rules);
		snprintf(code, sizeof code, "%d", plan.code);
		ck_assert_msg(strcmp(r.code, code) == 0 &&
				  r.closes == plan.closes &&
				  r.xcode[0] == code[0],
		    "row %d: %d is said as %s %s", _i, codes[k], r.code,
		    r.xcode);
		reply_fini(&r);
		verdict_clear(&v);
	}
}
END_TEST

/* What is no refusal: now, except a discard that no MTA would heed. */
START_TEST(other_verdicts_are_for_now)
{
	static const enum verdict_kind kinds[] = { VERDICT_CONTINUE,
		VERDICT_ACCEPT, VERDICT_DISCARD };
	enum phase phase = (enum phase)_i;

	for (size_t k = 0; k < UNIT_N(kinds); k++) {
		struct verdict v = { .kind = kinds[k] };
		struct reply_rules rules = { .mta = PF };
		struct reply_plan plan = reply_plan(&v, phase, &rules);
		bool early = phase == PHASE_CONNECT || phase == PHASE_HELO;

		if (kinds[k] == VERDICT_DISCARD && early)
			ck_assert_int_eq(plan.until, PHASE_MAIL);
		else
			ck_assert_int_eq(plan.until, phase);
		ck_assert_msg(!plan.closes && !plan.condemns && plan.code == 0,
		    "%s: verdict %zu is treated as a refusal",
		    phase_name(phase), k);
	}
}
END_TEST

/* ---- what is said ---------------------------------------------------------
 */

static const struct reply_rules rules_of[] = {
	[PF] = { .mta = PF },
	[SM] = { .mta = SM },
};

static void
join_lines(struct str *out, const struct reply *r)
{
	for (int i = 0; i < r->nlines; i++)
		str_addf(out, "%s%s", i == 0 ? "" : "|", r->line[i]);
}

#define C REPLY_CONTINUE
#define A REPLY_ACCEPT
#define D REPLY_DISCARD
#define T REPLY_TEMPFAIL
#define R REPLY_REJECT

static const struct {
	enum phase phase;
	/* continue, accept, discard, refuse 450, refuse 550 */
	enum reply_action action[5];
} actions[] = {
	{ PHASE_CONNECT, { C, A, C, T, R } },
	{ PHASE_HELO, { C, A, C, T, R } },
	{ PHASE_MAIL, { C, A, D, T, R } },
	{ PHASE_RCPT, { C, A, D, T, R } },
	{ PHASE_DATA, { C, A, D, T, R } },
	{ PHASE_EOM, { C, A, D, T, R } },
	{ PHASE_UNKNOWN, { C, C, C, T, R } },
	{ PHASE_ABORT, { C, C, C, C, C } },
	{ PHASE_CLOSE, { C, C, C, C, C } },
};

#undef C
#undef A
#undef D
#undef T
#undef R

START_TEST(action_follows_verdict_and_phase)
{
	struct verdict v[5] = {
		{ .kind = VERDICT_CONTINUE },
		{ .kind = VERDICT_ACCEPT },
		{ .kind = VERDICT_DISCARD },
	};
	struct reply r;

	verdict_refuse(&v[3], 450, DISCONNECT_IF421, "x", 1);
	verdict_refuse(&v[4], 550, DISCONNECT_IF421, "x", 1);
	for (int i = 0; i < 5; i++) {
		reply_for(&r, &v[i], actions[_i].phase, &rules_of[PF]);
		ck_assert_msg(r.action == actions[_i].action[i],
		    "%s, verdict %d: action %d", phase_name(actions[_i].phase),
		    i, r.action);
		ck_assert_msg((r.nlines != 0) == (r.code[0] != '\0'),
		    "%s, verdict %d: a code without text",
		    phase_name(actions[_i].phase), i);
		reply_fini(&r);
		verdict_clear(&v[i]);
	}
}
END_TEST

static const struct {
	const char *host, *xcode, *line;
} condemned[] = {
	{ "mx.example.test", "",
	    "mx.example.test disconnecting due to previous error" },
	{ "1and1.example", "4.0.0",
	    "1and1.example disconnecting due to previous error" },
	{ "a%b\r\n", "4.0.0", "a%%b| disconnecting due to previous error" },
};

START_TEST(condemned_names_the_host)
{
	struct str lines = { 0 };
	struct reply r;

	reply_condemned(&r, condemned[_i].host, &rules_of[PF]);
	join_lines(&lines, &r);
	ck_assert_msg(r.action == REPLY_TEMPFAIL && r.closes &&
			  strcmp(r.code, "421") == 0 &&
			  strcmp(r.xcode, condemned[_i].xcode) == 0 &&
			  strcmp(str_c(&lines), condemned[_i].line) == 0,
	    "%s: %s \"%s\" \"%s\"", condemned[_i].host, r.code, r.xcode,
	    str_c(&lines));
	reply_fini(&r);
	ck_assert_int_eq(r.nlines, 0);
	str_fini(&lines);
}
END_TEST

START_TEST(connect_421_is_one_line)
{
	struct verdict v = { 0 };
	struct reply r;

	verdict_refuse(&v, 421, DISCONNECT_IF421, "one\ntwo", 7);
	for (int mta = PF; mta <= SM; mta++) {
		reply_for(&r, &v, PHASE_CONNECT, &rules_of[mta]);
		ck_assert_int_eq(r.nlines, 1);
		ck_assert_str_eq(r.line[0], "one");
		ck_assert_str_eq(r.xcode, "");
		ck_assert_uint_eq(r.notes, REPLY_NOTE_LINES_CUT);
		reply_fini(&r);
	}
	verdict_clear(&v);
}
END_TEST

START_TEST(mta_names_are_read_back)
{
	struct err err;
	enum mta mta = MTA_POSTFIX;

	ck_assert_int_eq(mta_parse("sendmail", &mta, &err), 0);
	ck_assert_int_eq(mta, MTA_SENDMAIL);
	ck_assert_int_eq(mta_parse("postfix", &mta, &err), 0);
	ck_assert_int_eq(mta, MTA_POSTFIX);
	ck_assert_int_eq(mta_parse("exim", &mta, &err), -1);
	ck_assert_str_eq(err.msg, "\"exim\" is no MTA: postfix or sendmail");
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("reply", &t);

	tcase_add_loop_test(t, plan_follows_the_table, 0, UNIT_N(plans));
	tcase_add_loop_test(t, force_drop_lets_the_close_win, 0, UNIT_N(drops));
	tcase_add_loop_test(t, other_verdicts_are_for_now, 0, PHASE_COUNT);
	tcase_add_loop_test(
	    t, action_follows_verdict_and_phase, 0, UNIT_N(actions));
	tcase_add_loop_test(t, condemned_names_the_host, 0, UNIT_N(condemned));
	tcase_add_test(t, connect_421_is_one_line);
	tcase_add_test(t, mta_names_are_read_back);
	return s;
}

UNIT_MAIN(suite)
