/*
 * Runs t/lua/kumo_dns.lua as a policy, and sessions whose handlers ask a
 * nameserver of their own.
 */
#include "policy.h"

#include "dns_server.h"
#include "milter/dns.h"

static const struct dns_row zone[] = {
	{ "a.example.com", { "A 192.0.2.1", "AAAA ::1" } },
	{ "4.example.com", { "A 192.0.2.4" } },
	{ "txt.example.com", { "TXT v=spf1_,-all", "TXT other" } },
	{ "mx.example.com", { "MX 20 b.example.com", "MX 10 a.example.com" } },
	{ "null.example.com", { "MX 0 " } },
	{ "7.2.0.192.in-addr.arpa", { "PTR host.example.com" } },
	{ "2.0.0.127.bl.example.com", { "A 127.0.0.2", "TXT listed" } },
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

START_TEST(lua_file_runs)
{
	struct err err;
	struct epoch *e = policy_load("dofile('t/lua/kumo_dns.lua')", 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
}
END_TEST

/* in init; what a handler gives */
#define DEFAULT "kumo.milter.configure { dns_servers = { server } }"
#define CONFIGURED "kumo.dns.configure_resolver { name_servers = { server } }"
#define NAMED                                                                  \
	"kumo.dns.define_resolver('r', { Hickory = { name_servers = { "        \
	"server }, options = { timeout = '100ms', attempts = 1 } } })"
#define BOTH                                                                   \
	"kumo.dns.define_resolver('r', { Aggregate = { "                       \
	"{ Test = { '$ORIGIN a.\\nx A 192.0.2.9\\n' } }, "                     \
	"{ Unbound = { name_servers = { server } } } } })"
#define LIST(call) "table.concat(kumo.dns." call ", ' ')"

static const struct {
	const char *init, *value, *answer;
} rows[] = {
	{ DEFAULT, LIST("lookup_txt('txt.example.com')"),
	    "550 is v=spf1 -all other" },
	{ DEFAULT, LIST("lookup_addr('a.example.com')"),
	    "550 is 192.0.2.1 ::1" },
	{ DEFAULT, LIST("lookup_addr('4.example.com')"), "550 is 192.0.2.4" },
	{ DEFAULT, "#kumo.dns.lookup_addr('none.example.com')", "550 is 0" },
	{ DEFAULT, LIST("lookup_ptr('192.0.2.7')"),
	    "550 is host.example.com." },
	{ DEFAULT, LIST("lookup_mx('mx.example.com').hosts"),
	    "550 is a.example.com. b.example.com." },
	{ DEFAULT, "kumo.dns.lookup_mx('null.example.com').hosts[1]",
	    "550 is ." },
	{ DEFAULT, "kumo.dns.rbl_lookup('127.0.0.2:9', 'bl.example.com')",
	    "550 is 127.0.0.2" },
	{ DEFAULT,
	    "select(2, kumo.dns.rbl_lookup('127.0.0.2', 'bl.example.com'))",
	    "550 is listed" },
	{ DEFAULT,
	    "tostring(kumo.dns.rbl_lookup('127.0.0.3', 'bl.example.com'))",
	    "550 is nil" },
	{ DEFAULT, "try(kumo.dns.lookup_txt, 'servfail.example.com')",
	    "550 is DNS: failed to query DNS for servfail.example.com: the DNS "
	    "servers cannot tell" },
	{ DEFAULT, "try(kumo.dns.lookup_txt, 'a.example.com', 'r')",
	    "550 is resolver r is not defined" },
	{ DEFAULT, "kumo.dns.lookup_txt('lines.example.com')[1]",
	    "550 5.0.0 is a|250 b" },
	{ DEFAULT " kumo.milter.configure { dns_timeout = '100ms' }",
	    "try(kumo.dns.lookup_txt, 'silent.example.com')",
	    "550 is DNS: failed to query DNS for silent.example.com: no answer "
	    "in time" },
	{ DEFAULT " kumo.milter.configure { dns_timeout = '100ms' }",
	    "try(kumo.dns.lookup_addr, 'silent.example.com')",
	    "550 is DNS: failed to query DNS for silent.example.com: no answer "
	    "in time" },
	/* whatever dns_timeout is */
	{ DEFAULT " kumo.milter.configure { event_timeout = '200ms' }",
	    "try(kumo.dns.lookup_txt, 'silent.example.com')",
	    "421 4.3.0 mx.example.test technical difficulties!" },
	{ DEFAULT, "kumo.dns.lookup_txt('servfail.example.com')",
	    "421 4.3.0 mx.example.test technical difficulties!" },
	{ DEFAULT, "try(kumo.dns.define_resolver, 'x', 'HickorySystemConfig')",
	    "550 is kumo.dns.define_resolver: deserialize error: call it in "
	    "kumo.on('init', ...), while processing \"HickorySystemConfig\"" },
	{ CONFIGURED, LIST("lookup_addr('a.example.com')"),
	    "550 is 192.0.2.1 ::1" },
	{ NAMED, LIST("lookup_addr('a.example.com', 'r')"),
	    "550 is 192.0.2.1 ::1" },
	{ NAMED, "try(kumo.dns.lookup_txt, 'silent.example.com', 'r')",
	    "550 is DNS: failed to query DNS for silent.example.com: no answer "
	    "in time" },
	{ BOTH, LIST("lookup_addr('a.example.com', 'r')"),
	    "550 is 192.0.2.1 ::1" },
	{ BOTH, LIST("lookup_addr('x.a', 'r')"), "550 is 192.0.2.9" },
};

#define POLICY                                                                 \
	"local kumo = require 'kumo'\n"                                        \
	"local server = '%s'\n"                                                \
	"local function try(...)\n"                                            \
	"  local ok, why = pcall(...)\n"                                       \
	"  return ok and 'fine' or (why:gsub('^.-init.lua:%%d+: ', ''))\n"     \
	"end\n"                                                                \
	"kumo.on('init', function()\n"                                         \
	"  kumo.milter.configure { dns_timeout = '20s', states = 2 }\n"        \
	"  %s end)\n"                                                          \
	"kumo.on('smtp_server_mail_from', function()\n"                        \
	"  kumo.reject(550, 'is ' .. (%s)) end)\n"

START_TEST(session_row)
{
	char *text =
	    xasprintf(POLICY, server->address, rows[_i].init, rows[_i].value);
	char *expected = xasprintf("C -; M %s", rows[_i].answer);
	struct err err;
	struct epoch *e = policy_load(text, 0, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	play_expect("C M:<s@a.example> Q", expected, rows[_i].value);
	free(text);
	free(expected);
}
END_TEST

/* A client that is in no list costs one question. */
START_TEST(rbl_asks_once)
{
	char *text = xasprintf(POLICY, server->address, CONFIGURED,
	    "tostring(kumo.dns.rbl_lookup('127.0.0.3', 'bl.example.com'))");
	struct err err;
	struct epoch *e = policy_load(text, 0, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	play_expect("C M:<s@a.example> Q", "C -; M 550 is nil", "rbl");
	ck_assert_int_eq(atomic_load(&server->questions), 1);
	free(text);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dns_lua", &t);

	if (!dns_is_built())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, lua_file_runs);
	tcase_add_loop_test(t, session_row, 0, UNIT_N(rows));
	tcase_add_test(t, rbl_asks_once);
	return s;
}

UNIT_MAIN(suite)
