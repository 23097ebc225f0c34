/*
 * Runs t/lua/extras_*.lua, the tests of conf/policy-extras, each as a policy.
 */
#include "policy.h"

#include "milter/dns.h"

static const char *const files[] = {
	"t/lua/extras_site.lua",
	"t/lua/extras_greylist.lua",
	"t/lua/extras_dnsbl.lua",
	"t/lua/extras_helo.lua",
	"t/lua/extras_users.lua",
	"t/lua/extras_rspamd.lua",
	"t/lua/extras_clamav.lua",
};

START_TEST(lua_file_runs)
{
	char *text = xasprintf("dofile('%s')", files[_i]);
	struct err err;
	struct epoch *e = policy_load(text, 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_unref(e);
	free(text);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("policy_extras", &t);

	if (!dns_is_built())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, lua_file_runs, 0, UNIT_N(files));
	return s;
}

UNIT_MAIN(suite)
