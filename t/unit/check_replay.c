/*
 * Recorded sessions, written by hand, against policies: what would change.
 */
#include "milter/recording_text.h"
#include "milter/replay_diff.h"
#include "milter/replay_play.h"
#include "milter/replay_tally.h"
#include "milter/replay_text.h"
#include "milter/sim_mail.h"
#include "policy.h"

#define CONNECT                                                                \
	"{'at':0,'do':'connect','macros':{'j':'mx.example','v':'Postfix 3.7'," \
	"'{daemon_addr}':'192.0.2.25'},'reply':'continue'}"
#define HELO ",{'at':1000,'do':'helo','text':'h','reply':'continue'}"
#define MAIL                                                                   \
	",{'at':2000,'do':'mail','text':'<s@a.example> SIZE=5',"               \
	"'macros':{'i':'QID'},'reply':'continue'}"
#define RCPT ",{'do':'rcpt','text':'<r@b.example>','reply':'continue'}"
#define NO                                                                     \
	",{'do':'rcpt','text':'<no@b.example>',"                               \
	"'reply':{'code':550,'text':'5.1.1 no'}}"
#define EOM                                                                    \
	",{'at':60000,'do':'eom','headers':[['Subject',' hi']],'size':6,"      \
	"'body':'text\\r\\n','reply':'continue'"
#define CLOSE "},{'do':'close'}"

static const struct row {
	const char *name, *mta, *config, *steps, *policy, *expected;
} rows[] = {
	{ "no policy", "postfix", "", CONNECT HELO MAIL RCPT EOM CLOSE, "",
	    "" },
	{ "another answer", "postfix", "", CONNECT HELO MAIL RCPT EOM CLOSE,
	    "kumo.on('smtp_server_rcpt_to', function()\n"
	    "  kumo.reject(551, '5.7.1 not here') end)",
	    "4 rcpt reply: accept -> 551 5.7.1 not here; follows 1; " },
	{ "none any more", "postfix", "", CONNECT HELO MAIL NO RCPT EOM CLOSE,
	    "", "4 rcpt reply: 550 5.1.1 no -> accept; " },
	{ "the same answer", "postfix", "", CONNECT HELO MAIL NO RCPT EOM CLOSE,
	    "kumo.on('smtp_server_rcpt_to', function(a)\n"
	    "  if a.user == 'no' then kumo.reject(550, '5.1.1 no') end end)",
	    "" },
	{ "the connection is closed", "postfix", "",
	    CONNECT HELO MAIL RCPT EOM CLOSE,
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.disconnect(421, 'bye') end)",
	    "3 mail reply: accept -> 421 bye (closes); follows 2; " },
	{ "a refusal at connect is told at MAIL", "postfix", "",
	    CONNECT HELO MAIL RCPT EOM CLOSE,
	    "kumo.on('smtp_server_connection_accepted', function()\n"
	    "  kumo.reject(550, 'no') end)",
	    "3 mail reply: accept -> 550 no; follows 2; " },
	{ "a refusal that the MTA repeats", "sendmail", "stage_reject = 'now'",
	    CONNECT HELO MAIL RCPT EOM CLOSE,
	    "kumo.on('smtp_server_ehlo', function()\n"
	    "  kumo.reject(550, '5.7.1 no') end)",
	    "2 helo reply: accept -> 550 5.7.1 no; follows 3; " },
	{ "another message", "postfix", "", CONNECT HELO MAIL RCPT EOM CLOSE,
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:prepend_header('X-A', 'b') end)",
	    "5 eom edits: +X-A: b|; " },
	{ "the message that it was", "postfix", "",
	    CONNECT HELO MAIL RCPT EOM
	    ",'edits':[{'edit':'insert header','name':'X-A','value':' b'},"
	    "{'edit':'add recipient','name':'<x@b.example>'}]" CLOSE,
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:prepend_header('X-A', 'b')\n"
	    "  m:set_recipient{'r@b.example', 'x@b.example'} end)",
	    "" },
	{ "another recipient", "postfix", "",
	    CONNECT HELO MAIL RCPT EOM
	    ",'edits':[{'edit':'add recipient','name':'<x@b.example>'}]" CLOSE,
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:set_recipient{'r@b.example', 'y@b.example'} end)",
	    "5 eom edits: -add recipient <x@b.example>|"
	    "+add recipient <y@b.example>|; " },
	{ "a body of which only the size is known", "postfix", "",
	    CONNECT HELO MAIL RCPT EOM
	    ",'edits':[{'edit':'replace body','size':7}]" CLOSE,
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:set_data((m:get_data():gsub('text', 'other'))) end)",
	    "" },
	{ "and another size", "postfix", "",
	    CONNECT HELO MAIL RCPT EOM
	    ",'edits':[{'edit':'replace body','size':9}]" CLOSE,
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:set_data((m:get_data():gsub('text', 'other'))) end)",
	    "5 eom edits: -(a body of 9 bytes)|+(a body of 7 bytes)|; " },
	{ "held", "postfix", "", CONNECT HELO MAIL RCPT EOM CLOSE,
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:quarantine 'odd' end)",
	    "5 eom reply: accept -> quarantine: odd; " },
	{ "dropped", "postfix", "", CONNECT HELO MAIL RCPT EOM CLOSE,
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:set_meta('queue', 'null') end)",
	    "5 eom reply: accept -> discard; " },
	{ "refused at DATA", "postfix", "", CONNECT HELO MAIL RCPT EOM CLOSE,
	    "kumo.on('milter_data', function() kumo.reject(554, 'no') end)",
	    "5 eom reply: accept -> 554 no; " },
	{ "a handler fails", "postfix", "", CONNECT HELO MAIL RCPT EOM CLOSE,
	    "kumo.on('milter_close', function() error 'x' end)",
	    "6 close failed:  -> milter_close init.lua:2; " },
	{ "and no more", "postfix", "",
	    CONNECT ",{'do':'helo','text':'h','reply':'continue','handlers':"
		    "[{'event':'smtp_server_ehlo','where':'old.lua:1',"
		    "'failed':true}]" CLOSE,
	    "", "2 helo failed: smtp_server_ehlo old.lua:1 -> ; " },
	{ "who it is", "postfix", "", CONNECT HELO MAIL,
	    "kumo.on('smtp_server_mail_from', function(a, c)\n"
	    "  kumo.reject(550, 'x ' .. c:get_meta 'received_from' .. ' ' ..\n"
	    "    c:get_meta 'received_via' .. ' ' .. c:get_meta 'hostname' ..\n"
	    "    ' ' .. a.email) end)",
	    "3 mail reply: accept -> 550 x 192.0.2.7:1234 192.0.2.25:25 "
	    "mx.example s@a.example; " },
	{ "when it was", "postfix", "", CONNECT HELO MAIL,
	    "kumo.on('smtp_server_mail_from', function(a, c)\n"
	    "  kumo.reject(550, 'x ' .. kumo.time.now():format '%FT%T') end)",
	    "3 mail reply: accept -> 550 x 2031-02-03T04:05:08; " },
	{ "after a refusal that is none now, another message", "postfix", "",
	    CONNECT HELO
	    ",{'do':'mail','text':'<x@a.example>',"
	    "'reply':{'code':450,'text':'later'}}" MAIL RCPT EOM CLOSE,
	    "kumo.on('milter_abort', function() error 'x' end)",
	    "3 mail reply: 450 later -> accept; " },
	{ "aborted", "postfix", "",
	    CONNECT HELO MAIL ",{'do':'abort'}" MAIL RCPT EOM CLOSE, "", "" },
	{ "unknown commands", "postfix", "",
	    CONNECT ",{'do':'unknown','text':'FOO','reply':'continue'" CLOSE,
	    "kumo.on('milter_unknown_command', function(line)\n"
	    "  kumo.reject(500, 'no ' .. line) end)",
	    "2 unknown reply: accept -> 500 no FOO; " },
	{ "left to the MTA", "sendmail", "",
	    CONNECT ",{'do':'unknown','text':'FOO x','reply':'continue'" CLOSE,
	    "", "" },
	{ "no CONNECT, no end, in no order", "postfix", "",
	    "{'do':'eom'},{'do':'rcpt'},{'do':'data'},{'do':'mail','text':'x'}",
	    "", "" },
	{ "dry", "postfix", "dry_run = true", CONNECT HELO MAIL RCPT EOM CLOSE,
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.reject(550, 'no') end)",
	    "" },
};

static json_t *
session_of(const struct row *r)
{
	char *text = xasprintf("{'kumilter_recording':1,'session':'abc',"
			       "'begin':'2031-02-03T04:05:06Z','mta':'%s',"
			       "'client':{'name':'c.example','address':"
			       "'192.0.2.7','port':1234},'steps':[%s]}",
	    r->mta, r->steps);
	struct err err;
	json_t *j;

	for (char *p = text; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	j = json_loads(text, 0, NULL);
	ck_assert_msg(j != NULL, "%s: %s", r->name, text);
	ck_assert_msg(
	    recording_check(j, &err) == 0, "%s: %s", r->name, err.msg);
	free(text);
	return j;
}

static const char *
word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* Of a diff the lines that differ, '|' behind each. */
static void
add_diff(struct str *out, const char *diff)
{
	while (*diff != '\0') {
		size_t n = strcspn(diff, "\n");

		if (*diff == '+' || *diff == '-')
			str_addf(out, "%.*s|", (int)n, diff);
		diff += n + (diff[n] == '\n');
	}
}

static void
show(struct str *out, const json_t *diff)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(diff, "changes"), i, one) {
		str_addf(out, "%d %s %s: ",
		    (int)json_integer_value(json_object_get(one, "step")),
		    word(one, "do"), word(one, "kind"));
		if (word(one, "diff")[0] != '\0')
			add_diff(out, word(one, "diff"));
		else
			str_addf(out, "%s -> %s", word(one, "was"),
			    word(one, "now"));
		str_adds(out, "; ");
	}
	if (json_object_get(diff, "follows") != NULL)
		str_addf(out, "follows %d; ",
		    (int)json_integer_value(json_object_get(diff, "follows")));
}

START_TEST(changes)
{
	const struct row *r = &rows[_i];
	json_t *session = session_of(r), *now, *diff;
	struct replay_how how = { 0 };
	struct str out = { 0 };

	clock_pretend(replay_begin(session));
	policy_use(r->config, r->policy);
	now = replay_play(session, &how);
	ck_assert_ptr_nonnull(now);
	diff = replay_diff(session, NULL, now);
	show(&out, diff);
	ck_assert_msg(strcmp(str_c(&out), r->expected) == 0,
	    "%s\nexpected %s\ngot      %s", r->name, r->expected, str_c(&out));
	json_decref(diff);
	/* it is itself, and the other way round as much has changed */
	diff = replay_diff(session, now, now);
	ck_assert_uint_eq(json_array_size(json_object_get(diff, "changes")), 0);
	json_decref(diff);
	json_decref(now);
	json_decref(session);
	str_fini(&out);
	policy_done();
}
END_TEST

/* The same client at the other MTA. */
START_TEST(another_mta)
{
	static const struct row row = { "", "postfix", "",
		CONNECT HELO ",{'do':'mail','text':'<s@a.example>','macros':"
			     "{'{auth_authen}':'ann'},'reply':'continue'}",
		"", "" };
	json_t *session = session_of(&row), *now, *diff;
	struct replay_how how = { .has_mta = true, .mta = MTA_SENDMAIL };
	struct str out = { 0 };

	clock_pretend(replay_begin(session));
	policy_use("", "kumo.on('smtp_server_mail_from', function(a, c)\n"
		       "  kumo.reject(521, c:get_meta 'authn_id' .. ' ' ..\n"
		       "    c:get_meta 'hostname') end)");
	now = replay_play(session, &how);
	diff = replay_diff(session, NULL, now);
	show(&out, diff);
	ck_assert_str_eq(
	    str_c(&out), "3 mail reply: accept -> 521 ann mx.example; ");
	json_decref(diff);
	json_decref(now);
	json_decref(session);
	str_fini(&out);
	policy_done();
}
END_TEST

/* What is not in the recording is said. */
START_TEST(marks)
{
	static const struct {
		const char *step, *mark;
	} lacking[] = {
		{ "{'do':'mail','text':'<>','reply':'accept'}", "rest" },
		{ "{'do':'rcpt','text':'<>','reply':'discard'}", "rest" },
		{ "{'do':'eom','headers':[],'size':9}", "body" },
		{ "{'do':'eom','headers':[],'size':0,'reply':'discard'}", "" },
	};

	for (size_t i = 0; i < UNIT_N(lacking); i++) {
		struct row row = { lacking[i].step, "postfix", "",
			lacking[i].step, "", "" };
		json_t *session = session_of(&row), *lacks;
		json_t *diff = replay_diff(session, session, session);
		const char *mark;

		lacks = json_object_get(diff, "lacks");
		mark = json_string_value(json_array_get(lacks, 0));
		ck_assert_str_eq(mark != NULL ? mark : "", lacking[i].mark);
		json_decref(diff);
		json_decref(session);
	}
}
END_TEST

START_TEST(bodies_are_made_up)
{
	static const struct {
		const char *step;
		size_t size;
		bool lacks;
	} bodies[] = {
		{ "{\"headers\":[],\"size\":3,\"body\":\"abc\"}", 3, false },
		{ "{\"headers\":[],\"size\":0}", 0, false },
		{ "{\"headers\":[],\"size\":100,\"body\":\"abc\"}", 100, true },
		{ "{\"headers\":[],\"size\":100}", 100, true },
		{ "{\"headers\":[]}", 0, true },
		{ "{\"size\":1,\"body\":\"a\"}", 1, true },
		{ "{\"headers\":[],\"size\":-1}", 0, true },
	};

	for (size_t i = 0; i < UNIT_N(bodies); i++) {
		json_t *step = json_loads(bodies[i].step, 0, NULL);
		struct sim_mail mail = { 0 };

		replay_mail(&mail, step);
		ck_assert_msg(
		    mail.body.len == bodies[i].size, "%s", bodies[i].step);
		ck_assert_msg(replay_mail_lacks(step) == bodies[i].lacks, "%s",
		    bodies[i].step);
		sim_mail_fini(&mail);
		json_decref(step);
	}
}
END_TEST

/* Many sessions: kinds by their number, and times. */
START_TEST(summary)
{
	struct replay_tally *t = replay_tally_new();
	json_t *same = json_loads("{\"changes\":[]}", 0, NULL);
	json_t *changed = json_loads(
	    "{\"changes\":[{\"step\":1,\"do\":\"mail\",\"kind\":\"reply\","
	    "\"was\":\"accept\",\"now\":\"550 no\"},{\"step\":2,"
	    "\"do\":\"eom\",\"kind\":\"edits\",\"diff\":\"+x\\n\"}],"
	    "\"lacks\":[\"body\"]}",
	    0, NULL);
	json_t *side = json_loads(
	    "{\"steps\":[{\"handlers\":[{\"event\":\"e\",\"ms\":1},"
	    "{\"event\":\"e\",\"ms\":3},{\"event\":\"e\",\"ms\":2}]}]}",
	    0, NULL);
	json_t *out;
	struct str text = { 0 };

	ck_assert(replay_tally_is_empty(t));
	replay_tally_add(t, same, side, NULL, same);
	ck_assert(!replay_tally_has_changes(t));
	replay_tally_add(t, changed, side, NULL, same);
	replay_tally_add(t, changed, side, NULL, side);
	replay_tally_bad(t);
	out = replay_tally_json(t);
	replay_text_summary(&text, out, true);
	ck_assert_str_eq(str_c(&text),
	    "3 sessions before the interrupt: 1 the same, 2 changed\n"
	    "       2  mail: accept -> 550 no\n"
	    "       2  message: other changes to it\n"
	    "2 of them at the end of a message whose body is not all in the "
	    "recording\n"
	    "1 lines are no sessions\n"
	    "\n"
	    "ms of each handler                    was: half       95 %"
	    "  now: half       95 %\n"
	    "e                                         2.000      3.000"
	    "      2.000      2.000\n");
	str_fini(&text);
	json_decref(out);
	json_decref(side);
	json_decref(same);
	json_decref(changed);
	replay_tally_free(t);
}
END_TEST

START_TEST(listed)
{
	json_t *diff = json_loads(
	    "{\"session\":\"abc\",\"begin\":\"2031\",\"client\":\"192.0.2.7\","
	    "\"changes\":[{\"step\":4,\"do\":\"rcpt\",\"text\":\"<r@b>\","
	    "\"kind\":\"reply\",\"was\":\"accept\",\"now\":\"550 no\","
	    "\"by\":\"smtp_server_rcpt_to new.lua:3\"},"
	    "{\"step\":5,\"do\":\"eom\",\"kind\":\"edits\","
	    "\"diff\":\"@@ -1 +1 @@\\n+a\\n\"},"
	    "{\"step\":6,\"do\":\"close\",\"kind\":\"failed\","
	    "\"now\":\"milter_close new.lua:9\"}],\"follows\":1,"
	    "\"lacks\":[\"body\",\"cut\"],"
	    "\"log\":[{\"level\":\"error\",\"text\":\"oops\"}]}",
	    0, NULL);
	struct str text = { 0 };

	replay_text_session(&text, diff, 7, true);
	ck_assert_str_eq(str_c(&text),
	    "line 7: 2031 abc 192.0.2.7\n"
	    "  rcpt <r@b>: accept -> 550 no   [smtp_server_rcpt_to "
	    "new.lua:3]\n"
	    "  message: other changes to it\n"
	    "    @@ -1 +1 @@\n"
	    "    +a\n"
	    "  close: milter_close new.lua:9 fails\n"
	    "  (and so 1 steps are not reached)\n"
	    "  (not all of the body is in the recording; the recording has "
	    "only its begin)\n"
	    "    error: oops\n");
	str_clear(&text);
	replay_text_session(&text, diff, 7, false);
	ck_assert_ptr_nonnull(
	    strstr(str_c(&text), "(2 lines of a diff: --details)"));
	str_fini(&text);
	json_decref(diff);
}
END_TEST

static Suite *
replay_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("replay", &tc);

	tcase_add_loop_test(tc, changes, 0, (int)UNIT_N(rows));
	tcase_add_test(tc, another_mta);
	tcase_add_test(tc, marks);
	tcase_add_test(tc, bodies_are_made_up);
	tcase_add_test(tc, summary);
	tcase_add_test(tc, listed);
	return s;
}

UNIT_MAIN(replay_suite)
