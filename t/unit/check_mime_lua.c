/*
 * Runs t/lua/mime_*.lua as policies: what they assert at their top level is
 * asserted while they load, what they do in smtp_server_message_received in a
 * session.
 */
#include "policy.h"

static const char *const files[] = {
	"t/lua/mime_part.lua",
	"t/lua/mime_build.lua",
	"t/lua/mime_headers.lua",
	"t/lua/mime_values.lua",
	"t/lua/mime_life.lua",
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

#define RECEIVED(code)                                                         \
	"kumo.on('smtp_server_message_received', function(msg) " code " end)"

static const struct {
	const char *name, *policy, *words, *expected;
} rows[] = {
	{ "parse_mime sees the policy's own edits",
	    RECEIVED("msg:append_header('X-A', 'b') "
		     "local p = msg:parse_mime() "
		     "kumo.reject(550, p.headers:get_first_named('x-a').value "
		     ".. p.body .. p.headers:subject())"),
	    "C H:a M:<s@a.example> R:<r@b.example> D h:Subject=hi b:x E Q",
	    "C -; H -; M -; R -; D -; E 550 bxhi" },
	{ "a tree may be kept beyond the message",
	    "local kept\n" RECEIVED("if kept then kumo.reject(550, kept.body) "
				    "end kept = msg:parse_mime()"),
	    "C H:a M:<s@a.example> R:<r@b.example> D h:A=b b:first E "
	    "M:<s@a.example> R:<r@b.example> D h:A=b b:second E Q",
	    "C -; H -; M -; R -; D -; E -; M -; R -; D -; E 550 first" },
	{ "append_text_plain",
	    RECEIVED("local yes = msg:append_text_plain('two') "
		     "local no = msg:append_text_html('x') "
		     "kumo.reject(550, tostring(yes) .. tostring(no) .. "
		     "msg:get_data():match('\\r\\n\\r\\n(.*)'):gsub('\\r\\n', "
		     "'|'))"),
	    "C H:a M:<s@a.example> R:<r@b.example> D h:A=b b:one E Q",
	    "C -; H -; M -; R -; D -; E 550 truefalseone|two|" },
	{ "append_text_html before the body ends",
	    RECEIVED("msg:append_text_html('<hr>') "
		     "kumo.reject(550, "
		     "(msg:parse_mime().body:gsub('\\r\\n', '')))"),
	    "C H:a M:<s@a.example> R:<r@b.example> D "
	    "h:Content-Type=text/html b:<body>x</BODY></html> E Q",
	    "C -; H -; M -; R -; D -; E 550 <body>x<hr></BODY></html>" },
	{ "trees that are kept count as the policy's memory",
	    RECEIVED("local kept, big = {}, ('y'):rep(2^20) "
		     "for i = 1, 500 do kept[i] = msg:parse_mime() "
		     "kept[i].body = big end"),
	    "C H:a M:<s@a.example> R:<r@b.example> D h:A=b b:one E Q",
	    "C -; H -; M -; R -; D -; "
	    "E 421 4.3.0 mx.example.test technical difficulties!" },
	{ "append_text_plain: what nobody can read is left alone",
	    RECEIVED("local ok, why = pcall(msg.append_text_plain, msg, 'x') "
		     "kumo.reject(550, tostring(ok) .. tostring(why))"),
	    "C H:a M:<s@a.example> R:<r@b.example> D "
	    "h:Content-Type=text/plain;_charset=x-none b:\xff E Q",
	    "C -; H -; M -; R -; D -; E 550 false"
	    "the text is in a charset that is not known" },
};

START_TEST(message_row)
{
	policy_use("cpu_limit = '30s'", rows[_i].policy);
	play_expect(rows[_i].words, rows[_i].expected, rows[_i].name);
	policy_done();
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("mime_lua", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, lua_file_runs, 0, UNIT_N(files));
	tcase_add_loop_test(tcase, message_row, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
