/*
 * Runs t/lua/msys_*.lua as policies: what they assert is asserted while they
 * load.  What needs a session is a row here.
 */
#include "policy.h"

static const char *const files[] = {
	"t/lua/msys_header.lua",
	"t/lua/msys_content.lua",
	"t/lua/msys_part.lua",
	"t/lua/msys_build.lua",
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

#define MODULE(body)                                                           \
	"require 'msys.core' local core = msys.core local mod = {} " body      \
	" msys.registerModule('m', mod) "
#define ON(callout, args, body)                                                \
	"function mod:" callout "(" args ") " body                             \
	" return core.VALIDATE_CONT end "
#define MAIL_(body) ON("validate_mailfrom", "str, ac, vctx", body)
#define RCPT_(body) ON("validate_rcptto", "msg, str, ac, vctx", body)
#define DATA(body) ON("validate_data", "msg, ac, vctx", body)
#define SPOOL(body) ON("validate_data_spool", "msg, ac, vctx", body)
#define EACH(body) ON("validate_data_spool_each_rcpt", "msg, ac, vctx", body)
#define FINAL(body) ON("core_final_validation", "msg, ac, vctx", body)
#define SAY(text) "vctx:set_code(550, '=' .. " text ") "
#define WHY(code)                                                              \
	"local ok, why = pcall(function() " code                               \
	" end) " SAY("tostring(why):gsub('^.-: ', '')")

#define START "C H:a M:<s@a.example> R:<r@b.example> "
#define ALL START "D h:Subject=hi h:X-A=1 h:X-A=2 b:one\r\n E Q"
#define TWO START "R:<t@b.example> D h:Subject=hi b:one\r\n E Q"
#define PASSED "C -; H -; M -; R -; D -; E "
#define BOTH "C -; H -; M -; R -; R -; D -; E "

static const struct {
	const char *name, *policy, *words, *expected;
} rows[] = {
	{ "the least edits: one header", MODULE(DATA("msg:header('X-B', 'b')")),
	    ALL, PASSED "-{+X-B: b}" },
	{ "a header that is replaced", MODULE(DATA("msg:header('X-A', '3')")),
	    ALL, PASSED "-{-X-A#2,-X-A#1,+X-A: 3}" },
	{ "deleted, prepended",
	    MODULE(DATA("msg:header('X-A', '') "
			"msg:header('X-T', 't', 'prepend')")),
	    ALL, PASSED "-{-X-A#2,-X-A#1,^X-T: t}" },
	{ "nothing where nothing changes",
	    MODULE(DATA("msg:raw(msg:raw()) msg:body(msg:body() .. '.\\r\\n') "
			"msg:text_replace('one', 'one') "
			"msg:mime(false):text_replace('one', 'one')")),
	    ALL, PASSED "-" },
	{ "by parts: the changed header alone",
	    MODULE(DATA("msg:mime(false):header('Subject', 'ho')")), ALL,
	    PASSED "-{-Subject#1,+Subject: ho}" },
	{ "the source: the changed value alone",
	    MODULE(DATA("msg:raw_replace('hi', 'ho')")), ALL,
	    PASSED "-{~Subject#1: ho}" },
	{ "edits of all stages, through the copies of two recipients",
	    MODULE(
		DATA("msg:header('X-D', 'd')") SPOOL("msg:header('X-S', 's')")
		    EACH("msg:header('X-E', 'e')") FINAL("msg:header('X-F', "
							 "'f')")),
	    TWO, BOTH "-{+X-D: d,+X-S: s,+X-E: e,+X-F: f}" },
	{ "what one recipient's copy got, the other one's has not",
	    MODULE(EACH("msg:header('X-E', 'e', 'append') "
			"if #msg:header('X-E') > 1 then error('two') end")),
	    TWO, BOTH "-{+X-E: e}" },
	{ "later callouts see what earlier ones did",
	    MODULE(DATA("msg:header('X-D', 'd') msg:body('two\\r\\n.\\r\\n')")
		    EACH(SAY("msg:header('X-D')[1] .. msg:body()"))),
	    ALL, PASSED "550 =dtwo" },
	{ "no content at RCPT", MODULE(RCPT_(WHY("msg:header('X')"))), START,
	    "C -; H -; M -; R 550 =msg:header: the content is there from "
	    "validate_data on" },
	{ "the envelope at RCPT",
	    MODULE(RCPT_(SAY("msg:mailfrom() .. ' ' .. msg:rcptto() .. ' ' .. "
			     "msg:routing_domain()"))),
	    START "R:<T@B.Example>",
	    "C -; H -; M -; R 550 =s@a.example r@b.example b.example; "
	    "R 550 =s@a.example T@B.Example b.example" },
	{ "without route and parameters", MODULE(RCPT_(SAY("msg:rcptto()"))),
	    "C H:a M:<s@a.example> R:<@x.example:r@b.example>_NOTIFY=NEVER",
	    "C -; H -; M -; R 550 =r@b.example" },
	{ "the manual's walk over the parts",
	    "require('msys.dumper') " MODULE(
		EACH("print(msys.dumper.Dumper(msg)) local all = '' "
		     "local msgpart = msg:mime(true); while msgpart ~= nil do "
		     "local ct = msgpart:content_type(); for k, v in pairs(ct) "
		     "do print(k, v) end all = all .. ct.mimetype .. ' ' "
		     "msgpart = msgpart.thread; end " SAY("all .. '.'"))),
	    ALL, PASSED "550 =text/plain ." },
	{ "the null sender", MODULE(RCPT_(SAY("msg:mailfrom() .. '.'"))),
	    "C H:a M:<> R:<r@b.example>", "C -; H -; M -; R 550 =." },
	{ "the sender is set at RCPT",
	    MODULE(RCPT_("msg:mailfrom('new@a.example')")), ALL,
	    PASSED "-{s:new@a.example}" },
	{ "at DATA, through the copies",
	    MODULE(DATA("msg:mailfrom('<>')") EACH("")), TWO, BOTH "-{s:}" },
	{ "for each recipient", MODULE(EACH("msg:mailfrom('new@a.example')")),
	    ALL, PASSED "-{s:new@a.example}" },
	{ "without self",
	    MODULE(EACH("msg.mailfrom('x@a.example') " SAY(
		"msg.mailfrom() .. msg.rcptto()"))),
	    ALL, PASSED "550 =x@a.exampler@b.example" },
	{ "an address that is none", MODULE(DATA(WHY("msg:mailfrom('a b')"))),
	    ALL,
	    PASSED "550 =bad argument #1 to 'set_sender' (\"a b\" is no "
		   "address: local@domain expected)" },
	{ "the recipient is not set at RCPT",
	    MODULE(RCPT_(WHY("msg:rcptto('x@b.example')"))), START,
	    "C -; H -; M -; R 550 =msg:rcptto: it can be set from "
	    "validate_data_spool_each_rcpt on" },
	{ "nor at DATA", MODULE(SPOOL(WHY("msg:rcptto('x@b.example')"))), ALL,
	    PASSED "550 =msg:rcptto: it can be set from "
		   "validate_data_spool_each_rcpt on" },
	{ "but for each recipient",
	    MODULE(EACH("if msg:rcptto() == 'r@b.example' then "
			"msg:rcptto('x@b.example') end")),
	    TWO, BOTH "-{<r@b.example,>x@b.example}" },
	{ "and in the final validation",
	    MODULE(FINAL("msg:rcptto('<x@b.example>')")), ALL,
	    PASSED "-{<r@b.example,>x@b.example}" },
	{ "contexts",
	    MODULE(MAIL_("vctx:set(core.VCTX_CONN, 'c', 1)") DATA(
		"msg:context_set(core.ECMESS_CTX_MESS, 'm', 2) "
		"local e, s = msg:context_exists_and_get(core.ECMESS_CTX_CONN, "
		"'c') " SAY("e .. s .. vctx:get(core.VCTX_MESS, 'm') .. "
			    "msg:context_get(core.VCTX_CONN, 'ehlo_domain') .. "
			    "msg:context_exists(core.VCTX_CONN, 'no') .. "
			    "msg:context_get(core.VCTX_CONN, 'no')"))),
	    ALL, PASSED "550 =112a0" },
	{ "each recipient has a dictionary",
	    MODULE(DATA("msg:context_set(core.VCTX_MESS, 'k', 'd')") EACH(
		"local k = msg:context_get(core.VCTX_MESS, 'k') "
		"msg:context_set(core.VCTX_MESS, 'k', k .. 'e') "
		"if msg:rcptto() == 't@b.example' or k ~= 'd' then " SAY(
		    "msg:context_get(core.VCTX_MESS, 'k')") "end")),
	    TWO, BOTH "-{<t@b.example}" },
	{ "it is gone with the message",
	    MODULE(EACH("local k = msg:context_get(core.VCTX_MESS, 'k') "
			"msg:context_set(core.VCTX_MESS, 'k', 'x') " SAY("k"))),
	    START "D b:x E M:<s@a.example> R:<r@b.example> D b:x E Q",
	    PASSED "550 =; M -; R -; D -; E 550 =" },
	{ "addresses of both ends",
	    MODULE(DATA(SAY(
		"msg:reception_peer('ip') .. ' ' .. msg:reception_peer('port') "
		".. ' ' .. msg:reception_peer() .. ' ' .. "
		"msg:listener_addr('all') .. ' ' .. msg:listener_addr('ip') .. "
		"' ' .. msg:listener_addr('port')"))),
	    ALL,
	    PASSED "550 =192.0.2.7 40000 192.0.2.7:40000 192.0.2.1:25 "
		   "192.0.2.1 25" },
	{ "another flag", MODULE(DATA(WHY("msg:reception_peer('x')"))), ALL,
	    PASSED "550 ='ip', 'port' or 'all' expected, not x" },
	{ "ids: one for each copy, one of all",
	    "ids = {} " MODULE(DATA("ids[1] = tostring(msg.batch_id) == "
				    "tostring(msg.id)")
		    EACH(
			"ids[#ids + 1] = tostring(msg.id) ids[msg.rcptto()] = "
			"tostring(msg.batch_id) " SAY(
			    "tostring(ids[1]) .. tostring(ids[2] ~= ids[3]) .. "
			    "tostring(ids['r@b.example'] == ids['t@b.example'] "
			    "or "
			    "not ids[3]) .. tostring(msg.conn_id == "
			    "ac.conn_id)"))),
	    TWO, BOTH "550 =truetruetruetrue" },
	{ "sizes", MODULE(DATA(SAY("msg:get_message_size()"))), ALL,
	    PASSED "550 =36" },
	{ "discarded", MODULE(DATA("msg:discard() msg:header('X', 'y')")), ALL,
	    PASSED "discard" },
	{ "by a reason", MODULE(SPOOL("msg:discard('no code')")), ALL,
	    PASSED "discard" },
	{ "at RCPT", MODULE(RCPT_("msg:discard('550 x')")), ALL,
	    PASSED "discard" },
	{ "at RCPT, and other callouts",
	    MODULE(RCPT_("msg:discard('550 x')") DATA("")), ALL,
	    PASSED "discard" },
	{ "for the only recipient", MODULE(EACH("msg:discard()")), ALL,
	    PASSED "discard" },
	{ "for one of two",
	    MODULE(EACH("if msg:rcptto() == 't@b.example' then msg:discard() "
			"end")),
	    TWO, BOTH "-{<t@b.example}" },
	{ "for both", MODULE(EACH("msg:discard()")), TWO, BOTH "discard" },
	{ "one discarded, one refused",
	    MODULE(EACH("if msg:rcptto() == 't@b.example' then msg:discard() "
			"else " SAY("'no'") "end")),
	    TWO, BOTH "discard" },
	{ "used when its transaction is over",
	    "local old " MODULE(
		DATA("if old then " WHY("old:header('X')") "end old = msg")),
	    START "D b:x E M:<s@a.example> R:<r@b.example> D b:x E Q",
	    PASSED "-; M -; R -; D -; E 550 =message used after its "
		   "transaction ended" },
	{ "the manual's disclaimer",
	    MODULE(DATA("local p = msg:mime(false) if p.parts == nil then "
			"msg:text_replace('\\r\\n.\\r\\n', "
			"'\\r\\nbye\\r\\n.\\r\\n') end " SAY(
			    "msg:body():gsub('\\r\\n', '|')"))),
	    ALL, PASSED "550 =one|bye|" },
	{ "priority", MODULE(DATA("msg.priority = 1")), ALL, PASSED "-" },
	{ "code does not answer", MODULE(DATA("msg:code(550, 'x')")), ALL,
	    PASSED "-" },
};

START_TEST(row)
{
	policy_use("", rows[_i].policy);
	play_expect(rows[_i].words, rows[_i].expected, rows[_i].name);
	policy_done();
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("msys_message", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, lua_file_runs, 0, UNIT_N(files));
	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
