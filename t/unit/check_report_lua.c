/*
 * Runs t/lua/report.lua as a policy: what it asserts, it asserts in a session,
 * and then it refuses the message.
 */
#include "policy.h"

#define SESSION "C H:a M:<s@a.example> R:<r@b.example> D h:A=b b:x E Q"
#define PASSED "C -; H -; M -; R -; D -; "

START_TEST(lua_file_runs)
{
	policy_use("cpu_limit = '30s'", "dofile('t/lua/report.lua')");
	play_expect(SESSION, PASSED "E 550 all is well", "report.lua");
	policy_done();
}
END_TEST

/* A report that Lua has no room for ends the handler, and leaks nothing. */
static const struct {
	const char *limit, *reply;
} sizes[] = {
	{ "64MiB", "550 5.0.0 9000" },
	{ "2MiB", "421 4.3.0 mx.example.test technical difficulties!" },
};

START_TEST(large_report)
{
	char *config = xasprintf(
	    "cpu_limit = '30s', memory_limit = '%s'", sizes[_i].limit);
	char *expected = xasprintf(PASSED "E %s", sizes[_i].reply);

	policy_use(config,
	    "kumo.on('smtp_server_message_received', function(msg) "
	    "msg:set_data('Content-Type: multipart/report; boundary=b\\r\\n"
	    "\\r\\n--b\\r\\nContent-Type: "
	    "message/delivery-status\\r\\n\\r\\nStatus:1.1.1' "
	    ".. ('\\r\\n\\r\\nStatus:1.1.1'):rep(9000)) "
	    "msg:parse_mime() "
	    "kumo.reject(550, #msg:parse_rfc3464().per_recipient) end)");
	play_expect(SESSION, expected, sizes[_i].limit);
	policy_done();
	free(config);
	free(expected);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("report_lua", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, lua_file_runs);
	tcase_add_loop_test(tcase, large_report, 0, UNIT_N(sizes));
	return s;
}

UNIT_MAIN(suite)
