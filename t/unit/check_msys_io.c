/*
 * Runs t/lua/msys_*.lua of databases, files and mail as policies, and sessions
 * that ask a database.
 */
#include "policy.h"

static const char *const files[] = {
	"t/lua/msys_db.lua",
	"t/lua/msys_file.lua",
	"t/lua/msys_stubs.lua",
	"t/lua/msys_policyeditor.lua",
};

START_TEST(lua_file_runs)
{
	char *text = xasprintf("dofile('%s')", files[_i]);
	struct err err;
	struct epoch *e = policy_load(text, 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	epoch_set_current(NULL);
	free(text);
}
END_TEST

#define CALLOUT(name, args, body)                                              \
	"local msys = require 'msys' local editor = msys.policyeditor "        \
	"local core, mod = msys.core, {} function mod:" name "(" args          \
	") " body                                                              \
	" return core.VALIDATE_CONT end msys.registerModule('m', mod)"
#define MAIL_(body) CALLOUT("validate_mailfrom", "str, ac, vctx", body)
#define RCPT_(body) CALLOUT("validate_rcptto", "msg, str, ac, vctx", body)
#define DATA(body) CALLOUT("validate_data", "msg, ac, vctx", body)
#define SAY(text) "vctx:set_code(550, " text ")"

static const struct {
	const char *name, *config, *policy, *words, *expected;
} rows[] = {
	{ "policyeditor: dictionaries; what is not there is nil", "",
	    MAIL_("local c, v = {}, {} "
		  "local a = editor.vctx_conn_get(c, v, { key = 'x' }) "
		  "local b = editor.vctx_conn_set(c, v, { key = 'x', "
		  "value = 7 }) "
		  "editor.vctx_mess_set(c, v, { key = 'e', value = '' }) "
		  "local e = editor.vctx_mess_get(c, v, { key = 'e' }) "
		  "local d = editor.vctx_mess_get(c, v, { key = 'x' }) " SAY(
		      "tostring(a) .. b .. e .. tostring(d) .. "
		      "vctx:get(core.VCTX_CONN, 'x')")),
	    "C H:a M:<s@a.example> Q", "C -; H -; M 550 nil7nil7" },
	{ "pbp: lists", "",
	    MAIL_("local function on(names) return tostring("
		  "msys.pbp.check_whitelist(vctx, "
		  "{ honor_whitelist = names })) end "
		  "local a = on('one') "
		  "msys.pbp.set_whitelist(vctx, 'one', true) "
		  "msys.pbp.set_whitelist(vctx, 'two', false) " SAY(
		      "a .. on('one') .. on({ 'two' }) .. on({ 'two', 'one' "
		      "}) .. on(nil)")),
	    "C H:a M:<s@a.example> Q",
	    "C -; H -; M 550 falsetruefalsetruefalse" },
	{ "policyeditor: the message", "",
	    DATA("local c, v = { ec_message = msg }, {} "
		 "local out = {} "
		 "for _, f in ipairs { 'get_mailfrom', 'get_rcptto', "
		 "'get_mess_recv_from', 'get_mess_recv_via' } do "
		 "out[#out + 1] = editor[f](c, v, {}) end "
		 "out[#out + 1] = editor.get_mess_recv_from(c, v, "
		 "{ ip_only = 1 }) "
		 "out[#out + 1] = editor.get_header(c, v, "
		 "{ header = 'subject' }) "
		 "out[#out + 1] = tostring(editor.get_header(c, v, "
		 "{ header = 'X-No' })) "
		 "out[#out + 1] = editor.del_header(c, v, "
		 "{ header = 'Subject' }) "
		 "out[#out + 1] = #msg:header('Subject') " SAY(
		     "table.concat(out, ' ')")),
	    "C H:a M:<s@a.example> R:<r@b.example> D h:Subject=hi E Q",
	    "C -; H -; M -; R -; D -; E 550 s@a.example r@b.example "
	    "192.0.2.7:40000 192.0.2.1:25 192.0.2.7 hi nil Subject 0" },
	{ "policyeditor: at RCPT", "",
	    RCPT_("local c = { ec_message = msg } " SAY(
		"editor.get_mailfrom(c, {}, {}) .. ' ' .. "
		"editor.get_rcptto(c, {}, {})")),
	    "C H:a M:<s@a.example> R:<r@b.example> Q",
	    "C -; H -; M -; R 550 s@a.example r@b.example" },
	{ "pbp: lists of a message, and a list alone", "",
	    MAIL_("local function on(names) return tostring("
		  "msys.pbp.check_whitelist(vctx, names)) end "
		  "msys.pbp.set_whitelist(vctx, core.VCTX_MESS, 'm', true) "
		  "msys.pbp.set_whitelist(vctx, core.VCTX_CONN, 'c', true) "
		  "msys.pbp.set_whitelist(vctx, core.VCTX_CONN, 'd', false) "
		  "local before = on('c') "
		  "msys.pbp.set_whitelist(vctx, 'c', false) " SAY(
		      "before .. on({ 'x', 'm' }) .. on('c') .. on('d') .. "
		      "on(nil)")),
	    "C H:a M:<s@a.example> Q",
	    "C -; H -; M 550 truetruefalsefalsefalse" },
	{ "pbp: sizes", "",
	    MAIL_(
		"local size = msys.pbp.size_in_bytes "
		"local ok, why = pcall(size, 'much') "
		"assert(not ok and why:find('such as \"30m\"', 1, true)) " SAY(
		    "size('30m') .. ' ' .. size(7) .. ' ' .. size('1.5 KB') "
		    ".. ' ' .. size('1g')")),
	    "C H:a M:<s@a.example> Q",
	    "C -; H -; M 550 5.0.0 31457280 7 1536 1073741824" },
	{ "no effect: the mail goes on", "",
	    DATA("msys.registerControl('x', print) msg.priority = 1 "
		 "msg:binding('b') msg:binding_group('g') "
		 "assert(msg.priority == 1 and not msg:is_mcmt()) "
		 "assert(msg:get_delivery_method() == 'smtp') "),
	    "C H:a M:<s@a.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; D -; E -" },
	{ "strict: it is an error", "strict = true",
	    DATA("local ok, why = pcall(msg.binding, msg, 'b') " SAY(
		"tostring(ok) .. why:match(' has.*')")),
	    "C H:a M:<s@a.example> R:<r@b.example> D E Q",
	    "C -; H -; M -; R -; D -; E 550 false has no effect in a milter: "
	    "delivery is the MTA's job" },
	{ "strict: also outside pcall", "strict = true",
	    MAIL_("msys.smpp.send()"), "C H:a M:<s@a.example> Q",
	    "C -; H -; M 421 mx.example.test temporary issue, please retry "
	    "your message later!" },
	{ "a query that fails is a temporary failure", "",
	    RCPT_("msys.db.query('none', 'select 1')"),
	    "C H:a M:<s@a.example> R:<r@b.example> Q",
	    "C -; H -; M -; R 421 mx.example.test temporary issue, please "
	    "retry your message later!" },
};

START_TEST(session_row)
{
	policy_use(rows[_i].config, rows[_i].policy);
	play_expect(rows[_i].words, rows[_i].expected, rows[_i].name);
	policy_done();
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("msys_io", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, lua_file_runs, 0, UNIT_N(files));
	tcase_add_loop_test(tcase, session_row, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
