/*
 * Runs files of t/lua as policies, and sessions whose messages are checked.
 */
#include "policy.h"

#include "milter/dns.h"
#include "milter/public_suffix.h"

static const char *const files[] = {
	"dofile('t/lua/kumo_spf.lua')",
	"dofile('t/lua/kumo_dmarc.lua')",
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

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("auth_lua", &t);

	if (!dns_is_built() || !public_suffix_is_built())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, lua_file_runs, 0, UNIT_N(files));
	tcase_add_loop_test(t, session_row, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
