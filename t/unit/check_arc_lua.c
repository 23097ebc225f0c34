/*
 * Runs t/lua/kumo_arc*.lua as policies, and sessions that seal.
 */
#include "policy.h"

#include "milter/arc.h"
#include "milter/dns.h"

static const char *const files[] = {
	"dofile('t/lua/kumo_arc.lua')",
	"dofile('t/lua/kumo_arc_seal.lua')",
};

START_TEST(lua_file_runs)
{
	struct err err;
	struct epoch *e = policy_load(files[_i], 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_unref(e);
}
END_TEST

/* The key of RFC 8463; the resolver has no keys. */
#define POLICY                                                                 \
	"local KEY = '-----BEGIN PRIVATE KEY-----\\n"                          \
	"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\\n"  \
	"-----END PRIVATE KEY-----\\n' "                                       \
	"kumo.on('pre_init', function() "                                      \
	"kumo.dns.configure_test_resolver { [[\n$ORIGIN x.\n]] } end) "        \
	"local kept, n = nil, 0 "                                              \
	"local function seal(msg) msg:arc_seal(kumo.dkim.ed25519_signer { "    \
	"domain = 'a.example', selector = 's', headers = { 'From' }, "         \
	"key = { key_data = KEY } }, 'mx', {}) end "                           \
	"kumo.on(%s)"

static const struct {
	const char *config, *handler, *fields, *says;
} rows[] = {
	/* all batches have one seal */
	{ "",
	    "'smtp_server_message_received', function(msg) seal(msg) "
	    "local text = msg:get_data() "
	    "if text ~= (kept or text) then kumo.reject(550, 'another') end "
	    "kept = text n = n + 1 "
	    "if n == 2 then kumo.reject(550, 'the same') end end",
	    "", "550 the same" },
	/* a chain that fails */
	{ "",
	    "'smtp_server_data', function(msg) seal(msg) "
	    "kumo.reject(550, msg:get_data():match('cv=%a+')) end",
	    "h:ARC-Seal=x ", "550 cv=fail" },
	{ "kumomta_quirks = true",
	    "'smtp_server_data', function(msg) seal(msg) "
	    "kumo.reject(550, msg:get_data():match('^[^:]+')) end",
	    "h:ARC-Seal=x ", "550 ARC-Seal" },
	/* who had it last */
	{ "",
	    "'smtp_server_data', function(msg) "
	    "msg:add_authentication_results('mx', { msg:arc_verify() }) "
	    "kumo.reject(550, msg:get_all_headers()[1][2]) end",
	    "h:ARC-Seal=x ",
	    "550 mx; arc=fail reason=\"ARC-Seal without a valid instance\" "
	    "smtp.remote-ip=192.0.2.7" },
	{ "kumomta_quirks = true",
	    "'smtp_server_data', function(msg) "
	    "msg:add_authentication_results('mx', { msg:arc_verify() }) "
	    "kumo.reject(550, msg:get_all_headers()[1][2]) end",
	    "h:ARC-Seal=x ",
	    "550 mx; arc=fail reason=\"ARC-Seal without a valid instance\" "
	    "header.oldest-pass=0" },
	/* none at all, of a message that had one */
	{ "",
	    "'smtp_server_data', function(msg) "
	    "msg:remove_all_named_headers 'ARC-Seal' seal(msg) "
	    "kumo.reject(550, msg:get_data():match('cv=%a+')) end",
	    "h:ARC-Seal=x ", "550 cv=none" },
	/* a message that is over */
	{ "",
	    "'smtp_server_data', function(msg) kept = msg end) "
	    "kumo.on('smtp_server_mail_from', function() if kept then "
	    "kumo.reject(550, select(2, pcall(seal, kept)):match("
	    "'message used .*')) end end",
	    "", "-; M 550 message used after its transaction ended" },
};

START_TEST(in_sessions)
{
	char *body = xasprintf(POLICY, rows[_i].handler);
	char *words = xasprintf("C H:a M:<s@a.example> R:<r@b.example> "
				"R:<q@c.example> D %sh:From=s@a.example "
				"b:text E",
	    rows[_i].fields);
	struct play p = { 0 };
	const char *at;

	policy_use(rows[_i].config, body);
	play_on(&p, words);
	if (strstr(rows[_i].says, "; M") != NULL)
		play_on(&p, "M:<s@a.example>");
	at = strstr(str_c(&p.out), "; E ");
	ck_assert_ptr_nonnull(at);
	ck_assert_str_eq(at + 4, rows[_i].says);
	play_over(&p);
	policy_done();
	free(words);
	free(body);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("arc_lua", &t);

	if (!arc_is_built() || !dns_is_built())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, lua_file_runs, 0, UNIT_N(files));
	tcase_add_loop_test(t, in_sessions, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
