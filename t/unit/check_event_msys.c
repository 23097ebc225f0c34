/*
 * Momentum's modules at their stages: order, verdicts, failures, recipients
 * one by one.
 */
#include "policy.h"

#define MODULE(name, body)                                                     \
	"do local mod = {} " body " msys.registerModule('" name "', mod) end "
#define ON(callout, args, body)                                                \
	"function mod:" callout "(" args ") " body " end "
#define MSYS "require 'msys.core' local core = msys.core "
#define CONT "return core.VALIDATE_CONT "
#define DONE "return core.VALIDATE_DONE "
#define MAIL_(body) ON("validate_mailfrom", "str, ac, vctx", body)
#define RCPT_(body) ON("validate_rcptto", "msg, str, ac, vctx", body)
#define EACH(body)                                                             \
	ON("validate_data_spool_each_rcpt", "msg, ac, vctx",                   \
	    "local rcpt = vctx:get(core.VCTX_MESS, 'rcptto_localpart') " body)
#define DATA(body) ON("validate_data", "msg, ac, vctx", body)
#define SAY(text) "vctx:set_code(550, " text ") "

static const struct {
	const char *name, *policy, *words, *expected;
} rows[] = {
	{ "a module that goes on",
	    MODULE("a", MAIL_(CONT) RCPT_(CONT) DATA(CONT) EACH(CONT)),
	    "C H:a M:<s@a.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; D -; E -" },
	{ "set_code at each stage",
	    MODULE("a", RCPT_("vctx:set_code('550', '5.7.1 ' .. str) " CONT)),
	    "C H:a M:<s@a.example> R:<r@b.example> Q",
	    "C -; H -; M -; R 550 5.7.1 RCPT TO:<r@b.example>" },
	{ "at connect it is held until MAIL, and then the session is over",
	    MODULE("a", ON("validate_connect", "ac, vctx",
			    SAY("'x' .. tostring(ac.remote_addr)") DONE)),
	    "C H:a M:<s@a.example> M:<s@a.example> Q",
	    "C -; H -; M 550 x192.0.2.7:40000; "
	    "M 421 mx.example.test disconnecting due to previous error!" },
	{ "core_validate_accept comes first",
	    MODULE("a", ON("core_validate_accept", "ac, vctx",
			    "self.family = core.ec_sockaddr_family("
			    "ac.remote_addr) == core.AF_INET " CONT)
			    ON("validate_connect", "ac, vctx",
				SAY("tostring(self.family)") DONE)),
	    "C H:a M:<s@a.example> Q", "C -; H -; M 550 true" },
	{ "it refuses, and no validate_connect runs",
	    MODULE("a",
		ON("core_validate_accept", "ac, vctx", SAY("'no'") DONE)
		    ON("validate_connect", "ac, vctx", SAY("'never'") DONE)),
	    "C H:a M:<s@a.example> Q", "C -; H -; M 550 no" },
	{ "the message, from the accept construct",
	    MODULE("a", MAIL_("self.none = core."
			      "accept_construct_get_message_construct(ac)"
			      ".message == nil " CONT)
			    RCPT_(SAY("tostring(self.none) .. tostring(msg == "
				      "core.accept_construct_get_message_"
				      "construct(ac).message)") CONT)),
	    "C H:a M:<s@a.example> R:<r@b.example> Q",
	    "C -; H -; M -; R 550 truetrue" },
	{ "at HELO until a HELO is accepted",
	    MODULE(
		"a", ON("validate_ehlo", "str, ac, vctx",
			 "if str == 'EHLO bad' then " SAY("'no'") "end " CONT)),
	    "C H:bad M:<s@a.example> H:good M:<s@a.example> Q",
	    "C -; H -; M 550 no; H -; M -" },
	{ "disconnect with 421 closes at once",
	    MODULE("a", MAIL_("vctx:disconnect(421, 'Go away dude') " DONE)),
	    "C H:a M:<s@a.example> Q", "C -; H -; M 421 Go away dude!" },
	{ "with another code at the next command",
	    MODULE("a", MAIL_("vctx:disconnect(550, 'no') " DONE)),
	    "C H:a M:<s@a.example> M:<s@a.example> Q",
	    "C -; H -; M 550 no; "
	    "M 421 mx.example.test disconnecting due to previous error!" },
	{ "disconnect() alone", MODULE("a", MAIL_("vctx:disconnect() " DONE)),
	    "C H:a M:<s@a.example> Q",
	    "C -; H -; M 421 mx.example.test closing transmission channel!" },
	{ "the flag without a code",
	    MODULE("a", MAIL_("vctx.disconnect = 1 " DONE)),
	    "C H:a M:<s@a.example> R:<r@b.example> Q",
	    "C -; H -; M -; "
	    "R 421 mx.example.test disconnecting due to previous error!" },
	{ "fields of the structure",
	    MODULE("a", MAIL_("vctx.code = 451 vctx.note = vctx.code .. ' x' "
			      "vctx.disconnect = 0 " DONE)),
	    "C H:a M:<s@a.example> M:<s@a.example> Q",
	    "C -; H -; M 451 4.0.0 451 x; M 451 4.0.0 451 x" },
	{ "CONT with a code: later modules run, the code counts",
	    MODULE("a", MAIL_(SAY("'one'") CONT))
		MODULE("b", MAIL_("vctx.note = vctx.note .. 'two' " CONT))
		    MODULE("c", MAIL_("vctx.note = vctx.note .. 'three' " DONE))
			MODULE("d", MAIL_(SAY("'never'") DONE)),
	    "C H:a M:<s@a.example> Q", "C -; H -; M 550 onetwothree" },
	{ "the code is of one phase",
	    MODULE(
		"a", RCPT_("if str:find('bad') then " SAY("'no'") "end " CONT)),
	    "C H:a M:<s@a.example> R:<bad@b.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R 550 no; R -; D -; E -" },
	{ "2xx goes on", MODULE("a", MAIL_("vctx:set_code(250, 'fine') " DONE)),
	    "C H:a M:<s@a.example> Q", "C -; H -; M -" },
	{ "codes that are none raise",
	    MODULE("a", MAIL_("local ok, why = pcall(vctx.set_code, vctx, 354, "
			      "'x') " SAY("why:gsub('^.-: ', '')") DONE)),
	    "C H:a M:<s@a.example> Q",
	    "C -; H -; M 550 5.0.0 354 is no code to answer with (200 to 299, "
	    "400 to "
	    "599)" },
	{ "an error", MODULE("a", MAIL_("error('x')")),
	    "C H:a M:<s@a.example> Q",
	    "C -; H -; M 421 mx.example.test temporary issue, please retry "
	    "your "
	    "message later!" },
	{ "an error behind a code ends the stage",
	    MODULE("a", MAIL_(SAY("'no'") CONT)) MODULE("b", MAIL_("error()")),
	    "C H:a M:<s@a.example> Q",
	    "C -; H -; M 421 mx.example.test temporary issue, please retry "
	    "your "
	    "message later!" },
	{ "no return is CONT, and keeps the code",
	    MODULE("a", MAIL_(SAY("'no'"))), "C H:a M:<s@a.example> Q",
	    "C -; H -; M 550 no" },
	{ "AGAIN is CONT",
	    MODULE("a", MAIL_("return core.VALIDATE_AGAIN"))
		MODULE("b", MAIL_(SAY("'b'") DONE)),
	    "C H:a M:<s@a.example> Q", "C -; H -; M 550 b" },
	{ "kumo's handlers come first",
	    "kumo.on('smtp_server_mail_from', function() kumo.reject(550, "
	    "'kumo') end) " MODULE("a", MAIL_(SAY("'msys'") DONE)),
	    "C H:a M:<s@a.example> Q", "C -; H -; M 550 kumo" },
	{ "kumo.reject in a callout",
	    MODULE("a", MAIL_("kumo.reject(551, 'kumo')")),
	    "C H:a M:<s@a.example> Q", "C -; H -; M 551 kumo" },
	{ "self is the session's and finds the module's functions",
	    MODULE("a", MAIL_("self.n = (self.n or 0) + 1 " CONT)
			    ON("say", "", "return self.n .. 'x' ") RCPT_(
				SAY("self:say() .. tostring(mod.n)") DONE)),
	    "C H:a M:<s@a.example> A M:<s@a.example> R:<r@b.example> Q",
	    "C -; H -; M -; M -; R 550 5.0.0 2xnil" },
	{ "_TLS is shared by the session's modules",
	    MODULE("a", MAIL_("_TLS.x = (_TLS.x or 0) + 1 " CONT))
		MODULE("b", RCPT_(SAY("'n' .. _TLS.x") DONE)),
	    "C H:a M:<s@a.example> R:<r@b.example> @2 C H:a M:<s@a.example> "
	    "R:<r@b.example> Q @1 Q",
	    "C -; H -; M -; R 550 n1; C -; H -; M -; R 550 n1" },
	{ "a module is left out",
	    MODULE(
		"a", ON("validate_connect", "ac, vctx",
			 "vctx:set(core.VCTX_CONN, '__bypass_b', true) " CONT))
		MODULE("b", MAIL_(SAY("'b'") DONE)),
	    "C H:a M:<s@a.example> Q", "C -; H -; M -" },
	{ "the stages at the end, in their order",
	    "local seen = '' " MODULE("a",
		DATA("seen = seen .. '1' " CONT) ON("validate_rcptto_list",
		    "list, vctx", "seen = seen .. '2' .. list[1] " CONT)
		    ON("validate_rcptto_list_final", "list, vctx",
			"seen = seen .. '3' " CONT) ON("validate_data_spool",
			"msg, ac, vctx", "seen = seen .. '4' " CONT)
			EACH("seen = seen .. '5' " CONT)
			    ON("core_final_validation", "msg, ac, vctx",
				SAY("seen .. '6'"))),
	    "C H:a M:<s@a.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; D -; E 550 5.0.0 12r@b.example3456" },
	{ "one stage refuses, the next do not run",
	    MODULE("a", DATA(SAY("'first'") CONT) ON("validate_data_spool",
			    "msg, ac, vctx", SAY("'second'") CONT)),
	    "C H:a M:<s@a.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; D -; E 550 first" },
	{ "core_final_validation2",
	    MODULE(
		"a", ON("core_final_validation2", "msg, ac, vctx", "return 2")),
	    "C H:a M:<s@a.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; D -; E 451 4.7.1 deferred by policy" },
	{ "one of two recipients is refused",
	    MODULE("a", EACH("if rcpt == 'bad' then " SAY("'no'") "end " CONT)),
	    "C H:a M:<s@a.example> R:<bad@b.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; R -; D -; E -{<bad@b.example}" },
	{ "one is to come again later: all are, or its mail were lost",
	    MODULE("a",
		EACH("if rcpt == 'late' then "
		     "vctx:set_code(451, 'later') "
		     "elseif rcpt == 'bad' then " SAY("'no'") "end " CONT)),
	    "C H:a M:<s@a.example> R:<bad@b.example> R:<late@b.example> "
	    "R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; R -; R -; D -; E 451 later" },
	{ "both are: the first code", MODULE("a", EACH(SAY("rcpt") CONT)),
	    "C H:a M:<s@a.example> R:<one@b.example> R:<two@b.example> D E Q",
	    "C -; H -; M -; R -; R -; D -; E 550 one" },
	{ "a failure for one of two is one for all",
	    MODULE("a", EACH("if rcpt == 'bad' then error('x') end " CONT)),
	    "C H:a M:<s@a.example> R:<r@b.example> R:<bad@b.example> "
	    "R:<t@b.example> D E Q",
	    "C -; H -; M -; R -; R -; R -; D -; E 421 mx.example.test "
	    "temporary issue, please retry your message later!" },
	{ "disconnect for one of two: behind the message",
	    MODULE("a", EACH("if rcpt == 'bad' then vctx:disconnect(550, 'x') "
			     "end " CONT)),
	    "C H:a M:<s@a.example> R:<bad@b.example> R:<r@b.example> D E "
	    "M:<s@a.example> Q",
	    "C -; H -; M -; R -; R -; D -; E -{<bad@b.example}; "
	    "M 421 mx.example.test disconnecting due to previous error!" },
	{ "the flag without a code skips no callout",
	    MODULE(
		"a", DATA("vctx.disconnect = 1 " CONT) ON("validate_data_spool",
			 "msg, ac, vctx", "vctx:add_header() " CONT)),
	    "C H:a M:<s@a.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; D -; E 421 mx.example.test temporary issue, "
	    "please retry your message later!" },
	{ "and ends the session",
	    MODULE("a", DATA("vctx.disconnect = 1 " CONT)
			    ON("validate_data_spool", "msg, ac, vctx", CONT)),
	    "C H:a M:<s@a.example> R:<r@b.example> D E M:<s@a.example> Q",
	    "C -; H -; M -; R -; D -; E -; "
	    "M 421 mx.example.test disconnecting due to previous error!" },
	{ "recipients are added and removed",
	    MODULE("a",
		RCPT_("vctx:add_recipient('x@b.example') " CONT) DATA(
		    "vctx:remove_recipient{'r@b.example'} "
		    "vctx:add_recipient{'y@b.example', 'z@b.example'} " CONT)),
	    "C H:a M:<s@a.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; D -; E "
	    "-{<r@b.example,>x@b.example,>y@b.example,>z@b.example}" },
	{ "in validate_rcptto alone, too",
	    MODULE("a", RCPT_("vctx:add_recipient('x@b.example') " CONT)),
	    "C H:a M:<s@a.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; D -; E -{>x@b.example}" },
	{ "a loop from 0 over the list",
	    MODULE("a",
		DATA("local l, all = vctx:recipient_list(), '' "
		     "for i = 0, #l do all = all .. l[i] .. ';' end " SAY("all")
			 CONT)),
	    "C H:a M:<s@a.example> R:<r@b.example> R:<t@b.example> D E Q",
	    "C -; H -; M -; R -; R -; D -; E 550 ;r@b.example;t@b.example;" },
	{ "the list is replaced",
	    MODULE("a", DATA("vctx:recipient_list{'n@b.example'} " CONT)),
	    "C H:a M:<s@a.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; D -; E -{<r@b.example,>n@b.example}" },
	{ "the list is final",
	    MODULE("a", EACH("local ok, why = pcall(vctx.add_recipient, vctx, "
			     "'x@b.example') " SAY("why:match('final')") CONT)),
	    "C H:a M:<s@a.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; D -; E 550 final" },
	{ "the message's dictionary ends with its transaction",
	    MODULE("a", MAIL_("vctx:set(core.VCTX_CONN, 'c', 1) local old = "
			      "vctx:get(core.VCTX_MESS, 'm') "
			      "vctx:set(core.VCTX_MESS, 'm', old .. 'x') " CONT)
			    RCPT_(SAY("vctx:get(core.VCTX_MESS, 'm') .. "
				      "vctx:get(core.VCTX_CONN, 'c')") DONE)),
	    "C H:a M:<s@a.example> R:<r@b.example> A M:<s@a.example> "
	    "R:<r@b.example> Q",
	    "C -; H -; M -; R 550 x1; M -; R 550 x1" },
};

START_TEST(row)
{
	char *body = xasprintf(MSYS "%s", rows[_i].policy);

	policy_use("", body);
	play_expect(rows[_i].words, rows[_i].expected, rows[_i].name);
	policy_done();
	free(body);
}
END_TEST

/* Keys that the MTA has an answer for, as validate_rcptto sees them. */
static const struct {
	const char *dict, *key, *value;
} keys[] = {
	{ "CONN", "ehlo_string", "EHLO client.example" },
	{ "CONN", "ehlo_domain", "client.example" },
	{ "CONN", "auth_user", "" },
	{ "CONN", "tls", "" },
	{ "CONN", "connection_message_count", "1" },
	{ "CONN", "connection_rcpt_count", "1" },
	{ "CONN", "message_rcpt_count", "0" },
	{ "CONN", "pathway", "default" },
	{ "CONN", "white", "yes" },
	{ "CONN", "black", "" },
	{ "MESS", "mailfrom_string", "MAIL FROM:<@x.example:a.b@a.example>" },
	{ "MESS", "mailfrom_localpart", "a.b" },
	{ "MESS", "mailfrom_domain", "a.example" },
	{ "MESS", "rcptto_string", "RCPT TO:<r@b.example>" },
	{ "MESS", "rcptto_localpart", "r" },
	{ "MESS", "rcptto_domain", "b.example" },
};

START_TEST(key)
{
	char *body = xasprintf(
	    MSYS MODULE("a", RCPT_(SAY("'=' .. vctx:get(core.VCTX_%s, "
				       "'%s')") DONE)),
	    keys[_i].dict, keys[_i].key);
	char *expected = xasprintf("C -; H -; M -; R 550 =%s", keys[_i].value);

	policy_use("contexts = {{ peer = '192.0.2.0/24', set = { white = 'yes' "
		   "} }, { peer = '10.0.0.0/8', set = { black = 'yes' } }}",
	    body);
	play_expect(
	    "C H:client.example M:<@x.example:a.b@a.example> R:<r@b.example> Q",
	    expected, keys[_i].key);
	policy_done();
	free(expected);
	free(body);
}
END_TEST

/* Loading: what a policy is refused for. */
static const struct {
	const char *policy, *error; /* NULL: it loads */
} loads[] = {
	{ MODULE("a", ON("init", "", "return true")), NULL },
	{ MODULE("a", ON("init", "", "return 0")), NULL },
	{ MODULE("a", ON("init", "", "return false")),
	    "module a: init() returned false, not true" },
	{ MODULE("a", ON("init", "", "")),
	    "module a: init() returned nil, not true" },
	{ MODULE("a", ON("rsrc_setup", "", "return nil")),
	    "module a: rsrc_setup() returned nil, not true" },
	{ MODULE("a", ON("init", "", "error('no file')")), "no file" },
	{ "msys.registerModule('a')",
	    "msys.registerModule: a name and a table expected, got string and "
	    "nil" },
	{ "kumo.on('init', function() kumo.milter.configure{ scriptlets = { { "
	  "name = 'x', source = 'no.such.file' } } } end)",
	    "Unable to open 'no.such.file', errno=2 No such file or "
	    "directory" },
	{ "kumo.on('init', function() kumo.milter.configure{ scriptlets = { { "
	  "name = 'x' } } } end)",
	    "scriptlets: entry 1: source is missing" },
	{ "kumo.on('init', function() kumo.milter.configure{ scriptlets = { { "
	  "name = 'x', source = 'x', extra = 1 } } } end)",
	    "unknown key \"extra\"" },
	{ "kumo.on('init', function() kumo.milter.configure{ contexts = { { "
	  "peer = '192.0.2.1/24', set = {} } } } end)",
	    "contexts: entry 1: peer: " },
	{ "require 'msys.nonesuch'", "module 'msys.nonesuch' not found" },
};

START_TEST(loading)
{
	char *text = xasprintf(
	    "local kumo = require 'kumo' " MSYS "%s", loads[_i].policy);
	struct err err = { "" };
	struct epoch *e = policy_load(text, 2, &err);

	if (loads[_i].error == NULL)
		ck_assert_msg(e != NULL, "%s: %s", loads[_i].policy, err.msg);
	else
		ck_assert_msg(
		    e == NULL && strstr(err.msg, loads[_i].error) != NULL,
		    "%s: %s", loads[_i].policy, err.msg);
	epoch_unref(e);
	free(text);
}
END_TEST

/* Nothing of Momentum's is in a state that does not ask for it. */
START_TEST(only_where_it_is_asked_for)
{
	policy_use("", "kumo.on('smtp_server_mail_from', function() "
		       "kumo.reject(550, tostring(msys)) end)");
	play_expect("C H:a M:<s@a.example> Q", "C -; H -; M 550 nil", "msys");
	policy_done();
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("event_msys", &tcase);

	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	tcase_add_loop_test(tcase, key, 0, UNIT_N(keys));
	tcase_add_loop_test(tcase, loading, 0, UNIT_N(loads));
	tcase_add_test(tcase, only_where_it_is_asked_for);
	return s;
}

UNIT_MAIN(suite)
