/*
 * What the observers of a session are told, and in which order.
 */
#include "milter/observe.h"
#include "policy.h"

/* ---- an observer that writes it down ------------------------------------ */

struct note {
	struct str *out;
	char mark; /* in front of each word */
	struct observer observer;
};

static void
add(const struct note *n, const char *word, const char *more)
{
	str_addf(n->out, "%c%s", n->mark, word);
	if (more != NULL)
		str_addf(n->out, "=%s", more);
	str_addc(n->out, ' ');
}

static void
note_command(void *arg, const struct session *s, enum phase phase,
    const struct event_command *command)
{
	ck_assert(s->connected);
	add(arg, phase_name(phase),
	    phase == PHASE_CONNECT ? s->client : command->argument);
}

static void
note_header(
    void *arg, const struct session *s, const char *name, const char *raw)
{
	(void)s;
	(void)raw;
	add(arg, "header", name);
}

static void
note_body(void *arg, const struct session *s, const void *data, size_t len)
{
	char *text = xmemdup0(data, len);

	(void)s;
	add(arg, "body", text);
	free(text);
}

static void
note_handler(void *arg, const struct session *s, const struct observed *o)
{
	const struct note *n = arg;

	(void)s;
	add(arg, "handler", strstr(o->event, "_") + 1);
	ck_assert(n->observer.details == (o->args[0] != '\0') ||
		  strcmp(o->event, "smtp_server_connection_accepted") == 0 ||
		  strncmp(o->event, "milter_", 7) == 0 ||
		  strcmp(o->event, "smtp_server_message_received") == 0);
}

static void
note_would(
    void *arg, const struct session *s, const char *who, const char *what)
{
	(void)s;
	str_addf(((const struct note *)arg)->out, "[%s %s] ", who, what);
}

static void
note_reply(void *arg, const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply)
{
	(void)s;
	(void)phase;
	(void)command;
	add(arg, "reply", reply->action == REPLY_CONTINUE ? "-" : reply->code);
}

static void
note_message(void *arg, const struct session *s, const struct message *m)
{
	struct edits list = { 0 };

	(void)s;
	if (m != NULL)
		edits_of(&list, m);
	add(arg, "message",
	    m == NULL     ? "none"
	    : list.n == 0 ? "untouched"
			  : list.edit[0].name);
	edits_fini(&list);
}

static void
note_over(void *arg, const struct session *s)
{
	(void)s;
	add(arg, "over", NULL);
}

static void
note_close(void *arg, const struct session *s)
{
	ck_assert_ptr_null(s->observer);
	add(arg, "end", NULL);
	free(arg);
}

static const struct observer_hooks all = { note_command, note_header, note_body,
	note_handler, note_would, note_reply, note_message, note_over,
	note_close };
static const struct observer_hooks few = { .reply = note_reply,
	.close = note_close };

static struct str told;

static void
join(struct session *s, char mark, const struct observer_hooks *hooks,
    bool details)
{
	struct note *n = xcalloc(1, sizeof *n);

	*n = (struct note){ .out = &told, .mark = mark };
	n->observer =
	    (struct observer){ .hooks = hooks, .arg = n, .details = details };
	observe_join(s, &n->observer);
}

static enum { NOBODY, ONE, TWO } wanted;

static void
begins(struct session *s)
{
	if (wanted >= ONE)
		join(s, '.', &all, true);
	if (wanted >= TWO)
		join(s, '+', &few, false);
}

static void
expect(const char *words, const char *expected)
{
	struct play p = { 0 };

	observe_sessions(begins);
	observe_sessions(begins); /* the same: told once */
	str_clear(&told);
	play_on(&p, words);
	play_over(&p);
	wanted = NOBODY;
	ck_assert_str_eq(str_c(&told), expected);
}

/* ---- tests -------------------------------------------------------------- */

#define POLICY                                                                 \
	"kumo.on('smtp_server_connection_accepted', function() end) "          \
	"kumo.on('smtp_server_rcpt_to', function(a) "                          \
	"if a.user == 'no' then kumo.reject(550, 'no') end end) "              \
	"kumo.on('smtp_server_message_received', function(msg) "               \
	"msg:prepend_header('X-A', '1') end) "                                 \
	"kumo.on('milter_close', function() end)"
#define BEGIN                                                                  \
	".connect=192.0.2.7:40000 .handler=server_connection_accepted "        \
	".reply=- "
#define END ".close .handler=close .over .end "

static const struct {
	const char *words, *expected;
} rows[] = {
	{ "C Q", BEGIN END },
	{ "C H:a M:<s@a.example> R:<no@b.example> R:<r@b.example> D "
	  "h:From=x b:one b:two E Q",
	    BEGIN ".over .helo=a .reply=- .over .mail=<s@a.example> .reply=- "
		  ".rcpt=<no@b.example> .handler=server_rcpt_to .reply=550 "
		  ".rcpt=<r@b.example> .handler=server_rcpt_to .reply=- "
		  ".data= .reply=- .header=From .body=one .body=two .eom= "
		  ".handler=server_message_received .message=X-A .reply=- "
		  ".over " END },
	{ "C M:<s@a.example> A Q",
	    BEGIN ".over .mail=<s@a.example> .reply=- .abort .over " END },
	{ "C U:FOO Q", BEGIN ".unknown=FOO .reply=- " END },
};

START_TEST(all_is_told_in_order)
{
	policy_use("", POLICY);
	wanted = ONE;
	expect(rows[_i].words, rows[_i].expected);
	policy_done();
}
END_TEST

START_TEST(two_are_told_one_after_the_other)
{
	policy_use("", POLICY);
	wanted = TWO;
	expect("C U:FOO Q",
	    ".connect=192.0.2.7:40000 .handler=server_connection_accepted "
	    ".reply=- +reply=- .unknown=FOO .reply=- +reply=- .close "
	    ".handler=close .over .end +end ");
	policy_done();
}
END_TEST

START_TEST(what_condemned_sessions_are_told_is_told)
{
	policy_use("", "kumo.on('smtp_server_mail_from', function() "
		       "kumo.disconnect(550, 'x', 'FollowWith421') end)");
	wanted = TWO;
	expect("C M:<s@a.example> M:<s@a.example> Q",
	    ".connect=192.0.2.7:40000 .reply=- +reply=- .over "
	    ".mail=<s@a.example> "
	    ".handler=server_mail_from .reply=550 +reply=550 .over "
	    ".mail=<s@a.example> "
	    ".reply=421 +reply=421 .close .over .end +end ");
	policy_done();
}
END_TEST

/* A dry run: what would have been comes behind its handler. */
START_TEST(what_would_have_been)
{
	policy_use("dry_run = true", POLICY);
	wanted = ONE;
	expect("C M:<s@a.example> R:<no@b.example> h:From=x E Q",
	    BEGIN ".over .mail=<s@a.example> .reply=- "
		  ".rcpt=<no@b.example> .handler=server_rcpt_to "
		  "[smtp_server_rcpt_to refused: 550 no] .reply=- "
		  ".header=From .eom= .handler=server_message_received "
		  "[end of message changed: insert header X-A] "
		  ".message=none .reply=- .over " END);
	policy_done();
}
END_TEST

START_TEST(nobody_is_told)
{
	policy_use("", POLICY);
	expect("C M:<> Q", "");
	policy_done();
}
END_TEST

/* A look at unknown commands does not make a condemned session answer them. */
START_TEST(observers_change_nothing)
{
	static const char words[] = "C H:a M:<s@a.example> U:FOO M:<> Q";
	static const char policy[] =
	    "kumo.on('smtp_server_mail_from', function() "
	    "kumo.disconnect(550, 'x') end)";
	struct play p = { 0 };

	observe_need(OBSERVE_COMMANDS);
	policy_use("", policy);
	play_on(&p, words);
	observe_need_no_more(OBSERVE_COMMANDS);
	ck_assert_str_eq(str_c(&p.out),
	    "C -; H -; M 550 x; U -; M 421 mx.example.test disconnecting "
	    "due to previous error!");
	play_over(&p);
	policy_done();
}
END_TEST

/* Who watches needs what no handler asks for. */
START_TEST(needs_follow_the_observers)
{
	struct session *s;
	struct event_needs n;

	policy_use("", "");
	observe_need(OBSERVE_COMMANDS | OBSERVE_HEADERS);
	s = session_new();
	event_open(s);
	n = event_needs(s);
	ck_assert(n.any && n.unknown && n.content);
	ck_assert(!n.body && !n.edits && !n.connect_answers && !n.data);
	observe_need(OBSERVE_BODY);
	event_close(s);
	s = session_new();
	event_open(s);
	observe_need_no_more(OBSERVE_COMMANDS | OBSERVE_HEADERS | OBSERVE_BODY);
	ck_assert(event_needs(s).body); /* as it began */
	event_close(s);
	ck_assert_uint_eq(observe_needs(), 0);
	policy_done();
}
END_TEST

static Suite *
observe_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("observe", &tc);

	tcase_add_loop_test(tc, all_is_told_in_order, 0, UNIT_N(rows));
	tcase_add_test(tc, two_are_told_one_after_the_other);
	tcase_add_test(tc, what_condemned_sessions_are_told_is_told);
	tcase_add_test(tc, what_would_have_been);
	tcase_add_test(tc, nobody_is_told);
	tcase_add_test(tc, needs_follow_the_observers);
	tcase_add_test(tc, observers_change_nothing);
	return s;
}

UNIT_MAIN(observe_suite)
