/*
 * Runs t/lua/kumo_*.lua as policies: what they assert is asserted while they
 * load.
 */
#include "policy.h"

static const char *const files[] = {
	"t/lua/kumo_string.lua",
	"t/lua/kumo_encode.lua",
	"t/lua/kumo_regex.lua",
	"t/lua/kumo_map.lua",
	"t/lua/kumo_map_file.lua",
	"t/lua/kumo_digest.lua",
	"t/lua/kumo_serde.lua",
	"t/lua/kumo_time.lua",
	"t/lua/kumo_fs.lua",
	"t/lua/kumo_config.lua",
	"t/lua/kumo_file_type.lua",
	"t/lua/kumo_top.lua",
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

/* In a handler, where other sessions go on meanwhile. */
START_TEST(glob_waits)
{
	policy_use("cpu_limit = '30s'",
	    "kumo.on('smtp_server_mail_from', function(sender) "
	    "local found = kumo.fs.uncached_glob('kumo?fs.l*a', 't/lua') "
	    "local ok, why = pcall(kumo.fs.glob, '{') "
	    "kumo.reject(550, #found .. found[1] .. tostring(ok) .. "
	    "why:match('a brace.*')) end)");
	play_expect("C H:a M:<s@a.example> Q",
	    "C -; H -; M 550 5.0.0 1kumo_fs.luafalsea brace without its end",
	    "glob");
	policy_done();
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("data_lua", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, lua_file_runs, 0, UNIT_N(files));
	tcase_add_test(tcase, glob_waits);
	return s;
}

UNIT_MAIN(suite)
