/*
 * msys.dnsLookup, in a policy's handler and while it loads, against a
 * nameserver of its own.
 */
#include "policy.h"

#include "dns_server.h"
#include "milter/dns.h"

static const struct dns_row zone[] = {
	{ "a.example.com", { "A 192.0.2.1", "A 192.0.2.2", "AAAA ::1" } },
	{ "txt.example.com", { "TXT v=spf1_,-all", "TXT other" } },
	{ "mx.example.com", { "MX 20 b.example.com", "MX 10 a.example.com" } },
	{ "ns.example.com", { "NS ns1.example.com" } },
	{ "7.2.0.192.in-addr.arpa", { "PTR host.example.com" } },
	{ "8.2.0.192.in-addr.arpa",
	    { "PTR none.example.com", "PTR a.example.com" } },
	{ "9.2.0.192.in-addr.arpa", { "SERVFAIL" } },
	{ "10.2.0.192.in-addr.arpa", { "TXT no PTR" } },
	{ "1.2.0.192.in-addr.arpa",
	    { "PTR ns.example.com", "PTR a.example.com" } },
	{ "host.example.com", { "A 192.0.2.9", "A 192.0.2.7" } },
	{ "1.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	  "ip6.arpa",
	    { "PTR six.example.com" } },
	{ "servfail.example.com", { "SERVFAIL" } },
	{ "silent.example.com", { "SILENT" } },
	{ "lines.example.com", { "RAW 16 08610d0a3235302062" } },
};

static struct dns_server *server;

static void
begin(void)
{
	server = dns_server_start(zone, UNIT_N(zone));
}

static void
end(void)
{
	epoch_set_current(NULL);
	dns_server_stop(server);
}

/* ask(...) is the answer as text; what it raises, too. */
#define PRELUDE                                                                \
	"local kumo = require 'kumo' require 'msys.core'\n"                    \
	"local server = '%s'\n"                                                \
	"kumo.milter.configure {"                                              \
	" dns_servers = { server }, dns_timeout = '%s' }\n"                    \
	"local function ask(...)\n"                                            \
	"  local ok, list, why = pcall(msys.dnsLookup, ...)\n"                 \
	"  if not ok then return 'raised ' .. list end\n"                      \
	"  if not list then return tostring(list) .. ' ' .. why end\n"         \
	"  for i, v in ipairs(list) do\n"                                      \
	"    if type(v) == 'table' then list[i] = v[1] + 0 .. ':' .. v[2] "    \
	"end\n"                                                                \
	"  end\n"                                                              \
	"  return table.concat(list, ' ')\n"                                   \
	"end\n"

static const struct {
	const char *call, *answer;
} rows[] = {
	{ "'a.example.com'", "192.0.2.1 192.0.2.2" },
	{ "'a.example.com', 'A'", "192.0.2.1 192.0.2.2" },
	{ "'A.example.com.', 'aaaa'", "::1" },
	{ "'txt.example.com', 'Txt'", "v=spf1 -all other" },
	{ "'mx.example.com', 'MX'", "a.example.com b.example.com" },
	{ "'mx.example.com', 'mx', { priority = true }",
	    "10:a.example.com 20:b.example.com" },
	{ "'a.example.com', 'A', { priority = true }",
	    "0:192.0.2.1 0:192.0.2.2" },
	{ "'mx.example.com', 'mx', { priority = false }",
	    "a.example.com b.example.com" },
	{ "'ns.example.com', 'ns'", "ns1.example.com" },
	{ "'7.2.0.192.in-addr.arpa', 'PTR'", "host.example.com" },
	{ "'192.0.2.7', 'ptr'", "host.example.com" },
	{ "'2001:db8::f1', 'ptr'", "six.example.com" },
	{ "'a.example.com', 'A', { server = server }", "192.0.2.1 192.0.2.2" },
	{ "'none.example.com'", "nil A of none.example.com: no such name" },
	{ "'a.example.com', 'mx'", "nil MX of a.example.com: no such record" },
	{ "'servfail.example.com', 'txt'",
	    "nil TXT of servfail.example.com: the DNS servers cannot tell" },
	{ "''", "nil a name for the DNS has nothing in it" },
	{ "('x'):rep(64) .. '.com'",
	    "nil a name for the DNS has a label of more than 63 bytes" },
	{ "('x.'):rep(1000000)",
	    "nil a name for the DNS has more than 255 bytes" },
	{ "'a\\r\\nb\\0.example.com'",
	    "nil A of a\\013\\010b\\000.example.com: no such name" },
	{ "'a.example.com', 'B'",
	    "raised msys.dnsLookup: \"B\" is no record type; there are A, "
	    "AAAA, TXT, MX, PTR, NS and CNAME" },
	{ "'a.example.com', true",
	    "raised msys.dnsLookup: type: string expected, got boolean" },
	{ "nil", "raised msys.dnsLookup: name: string expected, got nil" },
	{ "'a.example.com', 'A', 'x'",
	    "raised msys.dnsLookup: options: table expected, got string" },
	{ "'a.example.com', 'A', { server = 'ns.example.com' }",
	    "raised msys.dnsLookup: \"ns.example.com\" is no IP address" },
	{ "'a.example.com', 'A', { server = {} }",
	    "raised msys.dnsLookup: server: string expected, got table" },
};

static struct epoch *
load(const char *timeout, const char *rest)
{
	char *head = xasprintf(PRELUDE, server->address, timeout);
	char *text = xasprintf("%s%s", head, rest);
	struct err err;
	struct epoch *e = policy_load(text, 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	free(head);
	free(text);
	return e;
}

START_TEST(answers)
{
	char *rest = xasprintf("kumo.on('smtp_server_mail_from', function()\n"
			       "  kumo.reject(550, 'is ' .. ask(%s)) end)\n",
	    rows[_i].call);
	char *expected = xasprintf("C -; M 550 is %s", rows[_i].answer);
	struct play p = { 0 };

	epoch_set_current(load("20s", rest));
	play_on(&p, "C M:<s@a.example> Q");
	ck_assert_str_eq(str_c(&p.out), expected);
	play_over(&p);
	free(rest);
	free(expected);
}
END_TEST

/* At the top level, where nothing can be given back while it waits. */
START_TEST(answers_while_loading)
{
	epoch_set_current(load("20s",
	    "assert(ask('a.example.com', 'A', { server = server }) =="
	    " '192.0.2.1 192.0.2.2')\n"
	    "assert(ask('txt.example.com', 'TXT') == 'v=spf1 -all other')\n"));
}
END_TEST

START_TEST(timeout_is_an_answer)
{
	epoch_set_current(load("100ms",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.reject(550, ask('silent.example.com')) end)\n"));
	play_expect("C M:<s@a.example> Q",
	    "C -; M 550 nil A of silent.example.com: no answer in time",
	    "timeout");
}
END_TEST

/* event_timeout ends the handler, whatever dns_timeout is. */
START_TEST(event_timeout_wins)
{
	epoch_set_current(load("20s",
	    "kumo.milter.configure { event_timeout = '200ms' }\n"
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.reject(550, ask('silent.example.com')) end)\n"));
	play_expect("C M:<s@a.example> Q",
	    "C -; M 421 4.3.0 mx.example.test technical difficulties!",
	    "timeout");
}
END_TEST

/* What stands in a record does not end a line of the reply. */
START_TEST(text_is_made_safe)
{
	epoch_set_current(load("20s",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.reject(550, ask('lines.example.com', 'TXT')) end)\n"));
	play_expect(
	    "C M:<s@a.example> Q", "C -; M 550 5.0.0 a|250 b", "two lines");
}
END_TEST

static const struct {
	const char *ip, *answer; /* results, reverse_dns, fcdns_status */
} forwards[] = {
	{ "ac.remote_addr", "true nil nil host.example.com true" },
	{ "{ ip = '192.0.2.1' }", "true nil nil a.example.com true" },
	{ "{ ip = '192.0.2.8' }", "false nil NXDOMAIN none.example.com false" },
	{ "{ ip = '192.0.2.99' }", "false NXDOMAIN nil  false" },
	{ "{ ip = '192.0.2.10' }", "false nil nil  false" },
	{ "{ ip = '' }", "false nil nil  false" },
	{ "{ ip = '192.0.2.9' }",
	    "false PTR of 9.2.0.192.in-addr.arpa: the DNS servers cannot "
	    "tell nil  false" },
};

START_TEST(name_leads_back)
{
	char *rest = xasprintf(
	    "local core, mod = msys.core, {}\n"
	    "function mod:validate_mailfrom(str, ac, vctx)\n"
	    "  local a, b, c = msys.pbp.fcdns_check({ remote_addr = %s },"
	    " vctx)\n"
	    "  vctx:set_code(550, ('%%s %%s %%s %%s %%s'):format(tostring(a),"
	    " tostring(b), tostring(c), vctx:get(core.VCTX_CONN,"
	    " 'reverse_dns'), vctx:get(core.VCTX_CONN, 'fcdns_status')))\n"
	    "  return core.VALIDATE_DONE end msys.registerModule('a', mod)\n",
	    forwards[_i].ip);
	char *expected = xasprintf("C -; M 550 %s", forwards[_i].answer);

	epoch_set_current(load("20s", rest));
	play_expect("C M:<s@a.example> Q", expected, forwards[_i].ip);
	free(rest);
	free(expected);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("msys_dns", &t);

	if (!dns_is_built())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_loop_test(t, answers, 0, UNIT_N(rows));
	tcase_add_loop_test(t, name_leads_back, 0, UNIT_N(forwards));
	tcase_add_test(t, answers_while_loading);
	tcase_add_test(t, timeout_is_an_answer);
	tcase_add_test(t, event_timeout_wins);
	tcase_add_test(t, text_is_made_safe);
	return s;
}

UNIT_MAIN(suite)
