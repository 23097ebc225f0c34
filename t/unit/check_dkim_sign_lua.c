/*
 * Runs t/lua/kumo_dkim_sign.lua as a policy, and sessions that sign.
 */
#include "policy.h"

#include "milter/hash.h"

START_TEST(lua_file_runs)
{
	struct err err;
	struct epoch *e =
	    policy_load("dofile('t/lua/kumo_dkim_sign.lua')", 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_unref(e);
}
END_TEST

#define KEY "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
#define SIGN                                                                   \
	"kumo.on('key', function(name) kumo.sleep(0.01) return name == "       \
	"'none' and 'x' or '-----BEGIN PRIVATE KEY-----\\n" KEY                \
	"\\n-----END PRIVATE KEY-----\\n' end) "                               \
	"local function sign(msg, name) msg:dkim_sign("                        \
	"kumo.dkim.ed25519_signer { domain = 'a.example', selector = 's', "    \
	"headers = { 'From', 'Subject' }, "                                    \
	"key = { event_name = 'key', event_args = { name } } }) end "
#define SESSION                                                                \
	"C H:a M:<s@a.example> R:<r@b.example> R:<q@c.example> D "             \
	"h:From=s@a.example h:Subject=x b:text E"

static const struct {
	const char *handlers, *says;
} rows[] = {
	/* one waits for the key in its event; all batches have one signature */
	{ "kumo.on('smtp_server_message_received', function(msg) "
	  "sign(msg, msg:recipient().user) "
	  "kept = kept or msg:get_all_headers()[1][2] "
	  "if kept ~= msg:get_all_headers()[1][2] then "
	  "kumo.reject(550, 'another') end "
	  "msg:remove_all_named_headers 'DKIM-Signature' end)",
	    "-" },
	{ "kumo.on('smtp_server_data', function(msg) "
	  "sign(msg) msg:remove_all_named_headers 'Subject' "
	  "local data = msg:get_data() "
	  "kumo.reject(550, tostring(data:find('^DKIM%-Signature: v=1; "
	  "a=ed25519%-sha256; ')) .. tostring(data:find 'h=from:subject')) "
	  "end)",
	    "550 5.0.0 193" },
	{ "kumo.on('smtp_server_data', function(msg) "
	  "local ok, why = pcall(sign, msg, 'none') "
	  "kumo.reject(550, why:match('key: .*')) end)",
	    "550 key: it is no private key, neither in PEM nor in DER" },
	/* a message that is over, and one that another session still has */
	{ "kumo.on('smtp_server_data', function(msg) kept = msg end) "
	  "kumo.on('smtp_server_mail_from', function() if kept then "
	  "kumo.reject(550, select(2, pcall(sign, kept)):match('[^ ]* (.*)')) "
	  "end end)",
	    "-; M 550 message used after its transaction ended" },
};

START_TEST(in_sessions)
{
	char *body = xasprintf(SIGN "local kept %s", rows[_i].handlers);
	struct play p = { 0 };
	const char *at;

	policy_use("cpu_limit = '30s'", body);
	play_on(&p, SESSION);
	if (strchr(rows[_i].says, ';') != NULL)
		play_on(&p, "M:<s@a.example>");
	at = strstr(str_c(&p.out), "; E ");
	ck_assert_ptr_nonnull(at);
	ck_assert_str_eq(at + 4, rows[_i].says);
	play_over(&p);
	policy_done();
	free(body);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dkim_sign_lua", &t);

	if (!hash_is_built())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_test(t, lua_file_runs);
	tcase_add_loop_test(t, in_sessions, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
