/*
 * msg:from_header() and its kin, asked by policies.  Where a header comes
 * from makes no difference, so most messages are made by the policy; what the
 * MTA sends is one session at the end.
 */
#include "policy.h"

/*
 * What the rows may use: from(value) is the from_header() of a message with
 * this From:, of(headers) a message; said(f, ...) what f raises, without the
 * place and the traceback.
 */
#define TOOLS                                                                  \
	"local kumo = require 'kumo'\n"                                        \
	"local function of(headers)\n"                                         \
	"  return kumo.make_message('s@a.example', 'r@b.example',\n"           \
	"    headers .. '\\r\\n\\r\\nbody\\r\\n')\n"                           \
	"end\n"                                                                \
	"local function from(value)\n"                                         \
	"  return of('From: ' .. value):from_header()\n"                       \
	"end\n"                                                                \
	"local function said(f, ...)\n"                                        \
	"  local ok, why = pcall(f, ...)\n"                                    \
	"  assert(not ok, 'nothing was raised')\n"                             \
	"  return (tostring(why):gsub('^%S+:%d+: ', ''):gsub('\\n.*', ''))\n"  \
	"end\n"                                                                \
	"local function said_of(value, field)\n"                               \
	"  local h = from(value)\n"                                            \
	"  return said(function() return h[field] end)\n"                      \
	"end\n"

static const struct {
	const char *lua, *expected; /* tostring() of the expression */
} rows[] = {
	/* one mailbox */
	{ "from('Ann <ann@Host.Example>').domain", "Host.Example" },
	{ "from('Ann <ann@Host.Example>').user", "ann" },
	{ "from('Ann <ann@Host.Example>').email", "ann@Host.Example" },
	{ "from('Ann <ann@Host.Example>').name", "Ann" },
	{ "from('ann@host.example').name", "nil" },
	{ "from('\"\" <a@b>').name == ''", "true" },
	{ "from('=?utf-8?q?J=C3=BC?= X <a@b>').name", "J\xc3\xbc X" },
	{ "#from('\"a\\\\\\0b\" <a@b>').name", "2" }, /* headers drop NULs */
	{ "#from('=?utf-8?q?a=00b?= <a@b>').name", "3" },
	{ "from('\"a b\"@c').user", "a b" },
	{ "from('\"a b\"@c').email", "\"a b\"@c" },
	/* KumoMTA reads b"@c.example there */
	{ "from('\"a@b\"@c.example').domain", "c.example" },
	{ "from('ann@\\r\\n host.example\\r\\n\\t(x)').domain",
	    "host.example" },
	{ "from('J\\252rgen <a@b>').name", "J\xfcrgen" },
	{ "type(from('a@b'))", "userdata" },

	/* not one mailbox */
	{ "said_of('a@b, c@d', 'domain')", "is not a simple single address" },
	{ "said_of('a@b, c@d', 'user')", "is not a simple single address" },
	{ "said_of('a@b, c@d', 'email')", "is not a simple single address" },
	{ "said_of('a@b, c@d', 'name')", "is not a simple single address" },
	{ "said_of('x:;, y:;', 'domain')", "is not a simple single address" },
	{ "said_of('x:a@b;', 'domain')", "is not a simple address" },
	{ "said_of('x:;', 'name')", "is not a simple address" },
	{ "said_of('', 'domain')", "no addresses" },
	{ "said_of(',', 'email')", "no addresses" },
	{ "from('<>').email", "nil" },
	{ "from('X <>').name", "X" },
	{ "said_of('<>', 'user')", "no address" },
	{ "said_of('<>', 'domain')", "no address" },
	{ "said_of('a@b', 'nope')", "attempt to get an unknown field 'nope'" },
	{ "said(function() from('a@b').user = 'x' end)",
	    "attempt to set an unknown field 'user'" },

	/* lists */
	{ "#from('a@b').list", "1" },
	{ "#from('').list", "0" },
	{ "#from('a@b, x:c@d, e@f;, y:;, <>').list", "4" },
	{ "from('a@b, x:c@d, E <e@f>;').list[3].name", "E" },
	{ "from('a@b, x:c@d, E <e@f>;').list[2].name", "nil" },
	{ "from('a@b, x:c@d, E <e@f>;').list[2].user", "c" },
	{ "from('a@b, x:c@d, E <e@f>;').list[2].domain", "d" },
	{ "from('a@b, x:c@d, E <e@f>;').list[2].email", "c@d" },
	{ "from('<>').list[1].email", "nil" },
	{ "said(function() return from('<>').list[1].user end)", "no address" },
	{ "said(function() return from('a@b').list[1].list end)",
	    "attempt to get an unknown field 'list'" },
	{ "getmetatable(from('a@b').list)", "false" },

	/* JSON */
	{ "from('a@b')", "[{\"Address\":{\"name\":null,\"address\":"
			 "\"a@b\"}}]" },
	{ "from('')", "[]" },
	{ "from('<>')", "[{\"Address\":{\"name\":null,\"address\":null}}]" },
	{ "from('A <a@b>, G:c@d, \"E F\" <e@f>;, H:;')",
	    "[{\"Address\":{\"name\":\"A\",\"address\":\"a@b\"}},"
	    "{\"Group\":{\"name\":\"G\",\"addresses\":["
	    "{\"name\":null,\"address\":\"c@d\"},"
	    "{\"name\":\"E F\",\"address\":\"e@f\"}]}},"
	    "{\"Group\":{\"name\":\"H\",\"addresses\":[]}}]" },
	{ "from('\"\":a@b;')", "[{\"Group\":{\"name\":null,\"addresses\":["
			       "{\"name\":null,\"address\":\"a@b\"}]}}]" },
	{ "from('A <a@b>').list[1]", "{\"name\":\"A\",\"address\":\"a@b\"}" },
	{ "from('\"q\\\\\"\\\\\\\\/\" <\"\\\\\" \"@b>').list[1]",
	    "{\"name\":\"q\\\"\\\\/\",\"address\":\"\\\"\\\\\\\" \\\"@b\"}" },
	{ "from('=?utf-8?q?=00=08=09=0a=0c=0d=1f=7f=C3=BC?= <a@b>').list[1]",
	    "{\"name\":\"\\u0000\\b\\t\\n\\f\\r\\u001f\x7f\xc3\xbc\","
	    "\"address\":\"a@b\"}" },
	{ "from('J\\252\\195\\188 <a@b>').list[1]",
	    "{\"name\":\"J\xef\xbf\xbd\xc3\xbc\",\"address\":\"a@b\"}" },
	{ "from('\"\\195\" <a@b>').list[1]",
	    "{\"name\":\"\xef\xbf\xbd\",\"address\":\"a@b\"}" },

	/* which header */
	{ "of('X: y'):from_header()", "nil" },
	{ "of('X: y'):to_header()", "nil" },
	{ "of('X: y'):get_address_header('Cc')", "nil" },
	{ "of('fRoM: a@b'):from_header().email", "a@b" },
	{ "of('From: a@b\\r\\nFrom: c@d'):from_header().email", "a@b" },
	{ "of('From: c@d\\r\\nTo: e@f'):to_header().email", "e@f" },
	{ "of('Reply-To: a@b'):get_address_header('reply-to').user", "a" },
	{ "said(of('X: y').get_address_header, of('X: y'))",
	    "bad argument #2 to '?' (error converting Lua nil to String "
	    "(expected string or number))" },

	/* no addresses in it */
	{ "said(from, 'nobody')", "From: at byte 8: '@' expected, found the "
				  "end" },
	{ "said(from, 'a..b@c')", "From: at byte 4: a word expected, found "
				  "'.'" },
	{ "said(from, 'a@x <b@y>')", "From: at byte 6: ',' expected, found "
				     "'<'" },
	{ "said(function() return of('Cc: a@'):get_address_header('cc') end)",
	    "cc: at byte 4: a domain expected, found the end" },
	/* and yet its text can be had */
	{ "of('From: nobody'):get_first_named_header_value('From')", "nobody" },
};

START_TEST(a_policy_asks)
{
	char *text = xasprintf("%serror(tostring(%s), 0)", TOOLS, rows[_i].lua);
	struct err err;
	struct epoch *e = policy_load(text, 1, &err);
	size_t n = strlen(rows[_i].expected);
	char *got;

	ck_assert_ptr_null(e);
	/* the error of a load has a head and perhaps a traceback */
	got = strstr(err.msg, "init.lua: ");
	got = got != NULL ? got + 10 : err.msg;
	ck_assert_msg(strncmp(got, rows[_i].expected, n) == 0 &&
			  (got[n] == '\0' || got[n] == '\n'),
	    "%s\nexpected %s\ngot      %s", rows[_i].lua, rows[_i].expected,
	    got);
	free(text);
}
END_TEST

/* Its own memory, counted and collected: entries outlive their header. */
static const char keeps[] = TOOLS
    "local entries = {}\n"
    "for i = 1, 200 do\n"
    "  entries[i] = from(('x@y, '):rep(i) .. 'last' .. i .. '@z').list[i + 1]\n"
    "  if i % 20 == 0 then collectgarbage() end\n"
    "end\n"
    "collectgarbage()\n"
    "for i = 1, 200 do assert(entries[i].user == 'last' .. i) end\n"
    "local m, h = of('From: a@b')\n"
    "h = m:from_header()\n"
    "m:remove_all_named_headers('From')\n"
    "assert(m:from_header() == nil and h.email == 'a@b')\n"
    "m:append_header('From', 'c@d')\n"
    "assert(m:from_header().email == 'c@d')\n"
    "m = nil collectgarbage() assert(h.email == 'a@b')\n"
    "local before = collectgarbage('count')\n"
    "local big = of('To: ' .. ('a@b,'):rep(20000)):to_header()\n"
    "assert(collectgarbage('count') - before > 1000)\n"
    "assert(#big.list == 20000)\n"
    "error('fine', 0)\n";

START_TEST(a_header_is_a_copy)
{
	struct err err;

	ck_assert_ptr_null(policy_load(keeps, 1, &err));
	ck_assert_msg(strstr(err.msg, "fine") != NULL, "%s", err.msg);
}
END_TEST

START_TEST(a_session_asks)
{
	policy_use("", "kumo.on('smtp_server_message_received', function(msg)\n"
		       "  local from = msg:from_header()\n"
		       "  if not from then kumo.reject(550, 'no From') end\n"
		       "  if #from.list > 1 then kumo.reject(550, 'two') end\n"
		       "  if from.domain ~= 'good.example' then\n"
		       "    kumo.reject(550, 'not ' .. from.domain)\n"
		       "  end\n"
		       "end)");
	play_expect("C H:c M:<> R:<r@b> D h:From=Ann_<ann@good.example> b:x E "
		    "M:<> R:<r@b> D h:From=(ann@good.example)_e@bad.example E "
		    "M:<> R:<r@b> D h:From=a@good.example,b@c E "
		    "M:<> R:<r@b> D h:To=a@good.example E",
	    "C -; H -; M -; R -; D -; E -; M -; R -; D -; E 550 not "
	    "bad.example; M -; R -; D -; E 550 two; M -; R -; D -; "
	    "E 550 no From",
	    "From of a session");
	policy_done();
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("address_header", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, a_policy_asks, 0, UNIT_N(rows));
	tcase_add_test(tcase, a_header_is_a_copy);
	tcase_add_test(tcase, a_session_asks);
	return s;
}

UNIT_MAIN(suite)
