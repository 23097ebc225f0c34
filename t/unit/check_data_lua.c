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
	"t/lua/kumo_digest.lua",
	"t/lua/kumo_serde.lua",
	"t/lua/kumo_time.lua",
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

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("data_lua", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, lua_file_runs, 0, UNIT_N(files));
	return s;
}

UNIT_MAIN(suite)
