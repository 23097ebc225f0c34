/*
 * Runs t/lua/msys_*.lua of patterns, codecs, JSON and dumps as policies, and
 * expandMacro in sessions.
 */
#include "milter/address.h"
#include "milter/regex.h"
#include "policy.h"

static const char *const files[] = {
	"t/lua/msys_pcre.lua",
	"t/lua/msys_codec.lua",
	"t/lua/msys_json.lua",
	"t/lua/msys_dumper.lua",
	"t/lua/msys_macro.lua",
};

START_TEST(lua_file_runs)
{
	char *text;
	struct err err;
	struct epoch *e;

	if ((_i == 0 && !regex_is_built_in()) ||
	    (_i == 1 && !address_knows_idn()))
		return;
	text = xasprintf("dofile('%s')", files[_i]);
	e = policy_load(text, 1, &err);
	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	epoch_set_current(NULL);
	free(text);
}
END_TEST

#define MODULE(body)                                                           \
	"require 'msys.core' local mod = {} " body                             \
	" msys.registerModule('a', mod)"
/* The end of the message is answered with what a text expands to. */
#define SAYS(text)                                                             \
	MODULE("function mod:validate_data(msg, ac, vctx) "                    \
	       "local s = msys.expandMacro('" text "') "                       \
	       "vctx:set_code(550, (s:gsub('\\r\\n', '|'))) "                  \
	       "return msys.core.VALIDATE_DONE end")

#define TO_MAIL "C H:helo.example M:<strong-bad@email.example.com> "
#define TO_END TO_MAIL "R:<r@b.example> D "
#define BEFORE "C -; H -; M -; R -; D -; E 550 "

static const struct {
	const char *name, *policy, *words, *expected;
} rows[] = {
	{ "dictionaries",
	    MODULE("function mod:validate_mailfrom(str, ac, vctx) "
		   "vctx:set(msys.core.VCTX_CONN, '#k', 'v') "
		   "vctx:set(msys.core.VCTX_MESS, 'a b', '1') "
		   "vctx:set_code(550, msys.expandMacro("
		   "'%{vctx_conn:#k}%{vctx_mess:a b}%{vctx_conn:no}.%{"
		   "vctx_conn:ehlo_domain} %{vctx_mess:mailfrom_string}')) "
		   "return msys.core.VALIDATE_DONE end"),
	    TO_MAIL "Q",
	    "C -; H -; M 550 v1.helo.example "
	    "MAIL FROM:<strong-bad@email.example.com>" },
	{ "what is no macro stays", /* a '%' is doubled for libmilter */
	    SAYS("x% %{x} %{} %{vctx_conn:} %{spfv1:q} %{spfv1:d0} %{my:x} "
		 "%{ %{rfc822:x} %{rfc2822:x} %{rfc2822:body,} %{i"),
	    TO_END "h:A=b b:x E Q",
	    BEFORE "x%% %%{x} %%{} %%{vctx_conn:} %%{spfv1:q} %%{spfv1:d0} "
		   "%%{my:x} %%{ %%{rfc822:x} %%{rfc2822:x} "
		   "%%{rfc2822:body,} %%{i" },
	{ "one inside what is none", SAYS("%{ %{i} %{a%{v}}"), TO_END "E Q",
	    BEFORE "%%{ 192.0.2.7 %%{ain-addr}" },
	{ "SPF: sender and domain",
	    SAYS("%{spfv1:s} %{spfv1:o} %{spfv1:d} %{spfv1:d4} %{spfv1:d3} "
		 "%{spfv1:d2} %{spfv1:d1} %{spfv1:dr} %{spfv1:d2r}"),
	    TO_END "E Q",
	    BEFORE "strong-bad@email.example.com email.example.com "
		   "email.example.com email.example.com email.example.com "
		   "example.com com com.example.email example.email" },
	{ "SPF: local part",
	    SAYS("%{spfv1:l} %{spfv1:l-} %{spfv1:lr} %{spfv1:lr-} "
		 "%{spfv1:l1r-} %{l} %{S}"),
	    TO_END "E Q",
	    BEFORE "strong-bad strong.bad strong-bad bad.strong strong "
		   "strong-bad strong-bad%%40email.example.com" },
	{ "SPF: client",
	    SAYS(
		"x %{spfv1:i} %{i} %{ir}.%{spfv1:v}._spf.%{spfv1:d2} %{c} %{h} "
		"%{r}"),
	    TO_END "E Q",
	    BEFORE "x 192.0.2.7 192.0.2.7 7.2.0.192.in-addr._spf.example.com "
		   "192.0.2.7 helo.example mx.example.test" },
	{ "SPF: the null sender is postmaster at the name of HELO",
	    SAYS("%{s} %{l} %{o} %{d}"),
	    "C H:helo.example M:<> R:<r@b.example> D E Q",
	    BEFORE "postmaster@helo.example postmaster helo.example "
		   "helo.example" },
	{ "a message",
	    SAYS("%{rfc2822:message}/%{rfc2822:message,2}/%{rfc2822:message,4b}"
		 "/%{rfc2822:headers}/%{rfc2822:headers,1}"),
	    TO_END "h:A=b h:C=d b:one\r\ntwo\r\nthree E Q",
	    BEFORE "A: b|C: d||one|two|three|/A: b|C: d|/A: b|/A: b|C: d|"
		   "/A: b|" },
	{ "its body",
	    SAYS("%{rfc2822:body}/%{rfc2822:body,1}/%{rfc2822:body,5b}/"
		 "%{rfc2822:body,0}/%{rfc2822:body,99}"),
	    TO_END "h:A=b b:one\r\ntwo E Q",
	    BEFORE "one|two|/one|/one|/"
		   "/one|two|" },
	{ "its text, which is all there is",
	    SAYS("%{rfc2822:text}/%{rfc2822:text,1}/%{rfc2822:text,1,1}/"
		 "%{rfc2822:text,2}/%{rfc2822:part,1}/%{rfc2822:part,0}"),
	    TO_END "h:Content-Type=text/plain;_charset=iso-8859-1 "
		   "b:gr\xfcn\r\ntwo E Q",
	    BEFORE "gr\xc3\xbcn|two|/Content-Type: text/plain; "
		   "charset=iso-8859-1||gr?n|two|/gr\xc3\xbcn|/"
		   "/Content-Type: text/plain; "
		   "charset=iso-8859-1||gr?n|two|/" },
	{ "parts that hold no others, and those that are texts",
	    SAYS("%{rfc2822:text}/%{rfc2822:text,2}/%{rfc2822:text,2,1}/"
		 "%{rfc2822:part,2}/%{rfc2822:part,3}/%{rfc2822:part,4}"),
	    TO_END "h:Content-Type=multipart/mixed;_boundary=B "
		   "b:--B\r\nContent-Type:text/html\r\n\r\none\r\n"
		   "--B\r\nContent-Type:x/y\r\n\r\ntwo\r\n"
		   "--B\r\n\r\nthree\r\nfour\r\n--B-- E Q",
	    BEFORE "one|/|three|four|/three|/Content-Type:x/y||two|/"
		   "|three|four|/" },
	{ "before there is a message",
	    MODULE("function mod:validate_rcptto(msg, str, ac, vctx) "
		   "vctx:set_code(550, 'x' .. msys.expandMacro("
		   "'%{rfc2822:message}%{rfc2822:text}')) "
		   "return msys.core.VALIDATE_DONE end"),
	    TO_MAIL "R:<r@b.example> Q", "C -; H -; M -; R 550 x" },
};

START_TEST(macro_row)
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
	Suite *s = unit_suite("msys_text_lua", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, lua_file_runs, 0, UNIT_N(files));
	tcase_add_loop_test(tcase, macro_row, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
