/*
 * Runs files of t/lua as policies, and sessions whose messages are checked.
 */
#include "policy.h"

#include "milter/dns.h"
#include "milter/hash.h"
#include "milter/public_suffix.h"

static const char *const files[] = {
	"dofile('t/lua/kumo_spf.lua')",
	"dofile('t/lua/kumo_dmarc.lua')",
	"dofile('t/lua/kumo_dkim_verify.lua')",
};

START_TEST(lua_file_runs)
{
	struct err err;
	struct epoch *e = policy_load(files[_i], 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_unref(e);
}
END_TEST

#define POLICY                                                                 \
	"local kumo = require 'kumo'\n"                                        \
	"kumo.on('init', function()\n"                                         \
	"  kumo.dns.configure_test_resolver { [[\n"                            \
	"$ORIGIN example.com.\n"                                               \
	"good 300 IN TXT \"v=spf1 ip4:192.0.2.7 -all\"\n"                      \
	"bad  300 IN TXT \"v=spf1 -all exp=exp.%%{d}\"\n"                      \
	"exp.bad 300 IN TXT \"go to https://example.com/?%%{i}\"\n"            \
	"helo 300 IN TXT \"v=spf1 ip4:192.0.2.7 -all\"\n"                      \
	"bare 300 IN TXT \"v=spf1\"\n"                                         \
	"]] }\n"                                                               \
	"  %s\n"                                                               \
	"end)\n"                                                               \
	"kumo.on('smtp_server_data', function(msg)\n"                          \
	"  local spf = kumo.spf.check_msg(msg)\n"                              \
	"  if spf.disposition == 'fail' then\n"                                \
	"    kumo.reject(550, '5.7.23 ' .. spf.result.reason)\n"               \
	"  end\n"                                                              \
	"  msg:add_authentication_results('mx', { spf.result })\n"             \
	"end)\n"

#define ADDED(result, reason, from)                                            \
	"-{^Authentication-Results: mx;\n\tspf=" result " reason=\"" reason    \
	"\"\n\tsmtp.helo=helo.example.com\n\t"                                 \
	"smtp.mailfrom=" from "}"

static const struct {
	const char *init, *sender, *answer;
} rows[] = {
	{ "", "<ann@good.example.com>",
	    ADDED("pass", "matched 'ip4:192.0.2.7' directive",
		"ann@good.example.com") },
	{ "", "<ann@bad.example.com>",
	    "550 5.7.23 go to https://example.com/?192.0.2.7" },
	{ "", "<>",
	    ADDED("pass", "matched 'ip4:192.0.2.7' directive", "\"\"") },
	{ "", "<ann@bare.example.com>",
	    ADDED("neutral", "default result", "ann@bare.example.com") },
	{ "kumo.milter.configure { kumomta_quirks = true }",
	    "<ann@bare.example.com>",
	    ADDED("none", "no SPF records found for bare.example.com",
		"ann@bare.example.com") },
};

START_TEST(session_row)
{
	char *text = xasprintf(POLICY, rows[_i].init);
	char *words = xasprintf("C H:helo.example.com M:%s R:<b@example.org> "
				"h:From=a@example.org b:x E Q",
	    rows[_i].sender);
	char *expected = xasprintf("C -; H -; M -; R -; E %s", rows[_i].answer);
	struct err err;
	struct epoch *e = policy_load(text, 0, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	play_expect(words, expected, rows[_i].sender);
	epoch_set_current(NULL);
	free(text);
	free(words);
	free(expected);
}
END_TEST

/* What KumoMTA says of the same mail. */
#define DMARC                                                                  \
	"local kumo = require 'kumo'\n"                                        \
	"kumo.on('init', function()\n"                                         \
	"  kumo.milter.configure { kumomta_quirks = %s }\n"                    \
	"  kumo.dns.configure_test_resolver { [[\n"                            \
	"$ORIGIN example.com.\n"                                               \
	"_dmarc.none  300 IN TXT \"v=DMARC1; p=none\"\n"                       \
	"_dmarc.zero  300 IN TXT \"v=DMARC1; p=reject; pct=0\"\n"              \
	"_dmarc.two  300 IN TXT \"v=DMARC1; p=reject; x=y\"\n"                 \
	"]] }\n"                                                               \
	"end)\n"                                                               \
	"kumo.on('smtp_server_data', function(msg)\n"                          \
	"  local d = kumo.dmarc.check_msg(msg, {}, nil,\n"                     \
	"    { method = 'spf', result = 'none' }, false)\n"                    \
	"  kumo.reject(550, ('%%s %%s %%s (%%s)'):format(d.disposition,\n"     \
	"    d.result.result, d.result.reason, d.result.props and\n"           \
	"    d.result.props['header.from'] or 'nobody'))\n"                    \
	"end)\n"

static const struct {
	const char *from, *rfc, *quirks;
} dmarc_rows[] = {
	{ "h:From=a@no.example.com",
	    "None none no DMARC records found for no.example.com "
	    "(no.example.com)",
	    "PermError permerror no DMARC records found for "
	    "_dmarc.example.com (nobody)" },
	{ "h:From=a@none.example.com",
	    "None fail No aligned DKIM or SPF (none.example.com)",
	    "None none No aligned DKIM or SPF (nobody)" },
	{ "h:From=a@zero.example.com",
	    "Quarantine fail sampled_out due to pct=0 (zero.example.com)",
	    "Pass pass sampled_out due to pct=0 (nobody)" },
	{ "h:From=a@two.example.com",
	    "Reject fail No aligned DKIM or SPF (two.example.com)",
	    "PermError permerror no DMARC records found for "
	    "_dmarc.example.com (nobody)" },
	{ "h:From=a@none.example.com h:From=b@two.example.com",
	    "PermError permerror several From: fields (nobody)",
	    "None none No aligned DKIM or SPF (nobody)" },
	{ "h:To=a@none.example.com",
	    "PermError permerror no From: field (nobody)",
	    "None None Only single 'From:' header supported (nobody)" },
	{ "h:From=nobody:;", "None none From: has no domain (nobody)",
	    "None None 'From:' header missing domain (nobody)" },
};

static void
play_dmarc(const char *quirks, const char *from, const char *answer)
{
	char *text = xasprintf(DMARC, quirks);
	char *words = xasprintf("C H:helo.example.com M:<x@example.net> "
				"R:<b@example.org> %s b:x E Q",
	    from);
	char *expected = xasprintf("C -; H -; M -; R -; E 550 %s", answer);
	struct err err;
	struct epoch *e = policy_load(text, 0, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	play_expect(words, expected, from);
	epoch_set_current(NULL);
	free(text);
	free(words);
	free(expected);
}

START_TEST(dmarc_row)
{
	play_dmarc("false", dmarc_rows[_i].from, dmarc_rows[_i].rfc);
	play_dmarc("true", dmarc_rows[_i].from, dmarc_rows[_i].quirks);
}
END_TEST

/* Momentum's key, where a module looks at it. */
#define MODULE                                                                 \
	"local kumo = require 'kumo' require 'msys.core'\n"                    \
	"local MESS = msys.core.VCTX_MESS\n"                                   \
	"kumo.on('init', function()\n"                                         \
	"  kumo.dns.configure_test_resolver { [[\n"                            \
	"$ORIGIN example.com.\n"                                               \
	"good 300 IN TXT \"v=spf1 ip4:192.0.2.7 -all\"\n"                      \
	"bad  300 IN TXT \"v=spf1 -all\"\n"                                    \
	"soft 300 IN TXT \"v=spf1 ~all\"\n"                                    \
	"loop 300 IN TXT \"v=spf1 include:loop.example.com -all\"\n"           \
	"helo 300 IN TXT \"v=spf1 ip4:192.0.2.7 -all\"\n"                      \
	"]] }\n"                                                               \
	"end)\n"                                                               \
	"local mod = {}\n"                                                     \
	"local function get(vctx) return vctx:get(MESS, 'spf_status') end\n"   \
	"%s\n"                                                                 \
	"msys.registerModule('spf', mod)\n"
#define AT_MAIL                                                                \
	"function mod:validate_mailfrom(str, ac, vctx)\n"                      \
	"  vctx:set_code(550, '5.7.23 ' .. get(vctx))\n"                       \
	"  return msys.core.VALIDATE_DONE\n"                                   \
	"end"
#define AT_RCPT(body)                                                          \
	"function mod:validate_rcptto(msg, str, ac, vctx)\n" body              \
	"  vctx:set_code(550, got)\n"                                          \
	"  return msys.core.VALIDATE_DONE\n"                                   \
	"end"

static const struct {
	const char *body, *words, *expected;
} msys_rows[] = {
	{ AT_MAIL,
	    "C H:helo.example.com M:<a@good.example.com> "
	    "M:<a@bad.example.com> M:<a@soft.example.com> "
	    "M:<a@none.example.com> M:<> M:<a@loop.example.com> Q",
	    "C -; H -; M 550 5.7.23 pass; M 550 5.7.23 fail; "
	    "M 550 5.7.23 softfail; M 550 5.7.23 none; M 550 5.7.23 pass; "
	    "M 550 5.7.23 permerror" },
	{ "function mod:validate_ehlo(str, ac, vctx)\n"
	  "  vctx:set_code(550, 'x' .. get(vctx))\n"
	  "  return msys.core.VALIDATE_DONE\n"
	  "end",
	    "C H:helo.example.com M:<a@good.example.com> Q",
	    "C -; H -; M 550 x" },
	{ AT_RCPT("local got = msys.expandMacro('%{vctx_mess:spf_status}') .. "
		  "vctx:exists(MESS, 'spf_status') .. "
		  "vctx:delete(MESS, 'spf_status') .. get(vctx)"),
	    "C H:helo.example.com M:<a@bad.example.com> R:<b@example.org> Q",
	    "C -; H -; M -; R 550 fail11" },
	/* another module's word for it */
	{ "function mod:validate_mailfrom(str, ac, vctx)\n"
	  "  vctx:set(MESS, 'spf_status', 'mine')\n"
	  "  return msys.core.VALIDATE_CONT\n"
	  "end\n" AT_RCPT("local got = get(vctx)"),
	    "C H:helo.example.com M:<a@bad.example.com> R:<b@example.org> Q",
	    "C -; H -; M -; R 550 mine" },
};

START_TEST(msys_row)
{
	char *text = xasprintf(MODULE, msys_rows[_i].body);
	struct err err;
	struct epoch *e = policy_load(text, 0, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	play_expect(
	    msys_rows[_i].words, msys_rows[_i].expected, msys_rows[_i].body);
	epoch_set_current(NULL);
	free(text);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("auth_lua", &t);

	if (!dns_is_built() || !public_suffix_is_built() || !hash_is_built())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, lua_file_runs, 0, UNIT_N(files));
	tcase_add_loop_test(t, session_row, 0, UNIT_N(rows));
	tcase_add_loop_test(t, dmarc_row, 0, UNIT_N(dmarc_rows));
	tcase_add_loop_test(t, msys_row, 0, UNIT_N(msys_rows));
	return s;
}

UNIT_MAIN(suite)
