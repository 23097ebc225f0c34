#include "unit.h"

#include "milter/api_names.h"
#include "milter/event_name.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* ---- events ------------------------------------------------------------- */

static const char *const raised[] = {
#define X(id, name) name,
	KUMO_EVENTS(X)
#undef X
};

START_TEST(what_a_session_raises_fires)
{
	const struct api_event *e = api_event_find(raised[_i]);

	ck_assert_msg(e->kind == API_EVENT_FIRES, "%s", raised[_i]);
	ck_assert_str_eq(e->name, raised[_i]);
	ck_assert_ptr_null(e->reason);
}
END_TEST

START_TEST(nothing_else_fires)
{
	const struct api_event *rows;
	size_t n, fires = 0;

	rows = api_events(&n);
	for (size_t i = 0; i < n; i++) {
		fires += rows[i].kind == API_EVENT_FIRES;
		ck_assert_msg((rows[i].kind == API_EVENT_NEVER) ==
				  (rows[i].reason != NULL),
		    "%s", rows[i].name);
		ck_assert_ptr_eq(api_event_find(rows[i].name), &rows[i]);
	}
	ck_assert_uint_eq(fires, UNIT_N(raised));
}
END_TEST

static const struct {
	const char *name;
	enum api_event_kind kind;
	bool multiple;
} events[] = {
	{ "init", API_EVENT_FIRES, false },
	{ "pre_init", API_EVENT_FIRES, true },
	{ "validate_config", API_EVENT_FIRES, true },
	{ "smtp_server_message_received", API_EVENT_FIRES, false },
	{ "smtp_server_auth_plain", API_EVENT_NEVER, false },
	{ "smtp_server_message_deferred_inject", API_EVENT_NEVER, false },
	{ "get_queue_config", API_EVENT_NEVER, true },
	{ "should_enqueue_log_record", API_EVENT_NEVER, true },
	{ "requeue_message", API_EVENT_NEVER, true },
	{ "throttle_insert_ready_queue", API_EVENT_NEVER, true },
	{ "get_acl_definition", API_EVENT_NEVER, true },
	{ "log_disposition_webhook", API_EVENT_NEVER, false },
	{ "tsa_init", API_EVENT_NEVER, false },
	{ "proxy_server_auth_rfc1929", API_EVENT_NEVER, false },
	{ "http_server_validate_auth_basic", API_EVENT_NEVER, false },
	{ "http_server_validate_auth_bearer", API_EVENT_NEVER, false },
	{ "main", API_EVENT_NEVER, false },
	{ "my_key_source", API_EVENT_CUSTOM, false },
	{ "smtp_server_mail_fron", API_EVENT_CUSTOM, false },
	{ "Init", API_EVENT_CUSTOM, false },
	{ "*", API_EVENT_CUSTOM, false },
	{ "", API_EVENT_CUSTOM, false },
};

START_TEST(events_are_found)
{
	const struct api_event *e = api_event_find(events[_i].name);

	ck_assert_msg(
	    e->kind == events[_i].kind && e->multiple == events[_i].multiple,
	    "%s: kind %d, multiple %d", events[_i].name, e->kind, e->multiple);
}
END_TEST

static const struct {
	const char *name, *nearest; /* NULL: no suggestion */
} slips[] = {
	{ "smtp_server_mail_fron", "smtp_server_mail_from" },
	{ "smtp_server_mailfrom", "smtp_server_mail_from" },
	{ "smtp_server_mail", "smtp_server_mail_from" },
	{ "smtp_server_rcpt", "smtp_server_rcpt_to" },
	{ "smtp_server_rctp_to", "smtp_server_rcpt_to" },
	{ "smtp_sever_data", "smtp_server_data" },
	{ "smtp_server_helo", "smtp_server_ehlo" },
	{ "smtp_server_message_recieved", "smtp_server_message_received" },
	{ "SMTP_Server_Ehlo", "smtp_server_ehlo" },
	{ "smtp_server_connection", "smtp_server_connection_accepted" },
	{ "mail_from", "smtp_server_mail_from" },
	{ "rcpt_to", "smtp_server_rcpt_to" },
	{ "message_received", "smtp_server_message_received" },
	{ "inits", "init" },
	{ "preinit", "pre_init" },
	{ "milter_dat", "milter_data" },
	{ "get_listener_domains", "get_listener_domain" },
	/* events themselves, and names that are their author's own */
	{ "init", NULL },
	{ "smtp_server_mail_from", NULL },
	{ "smtp_server_auth_plain", NULL },
	{ "get_queue_config", NULL },
	{ "log_disposition_x", NULL },
	{ "my_key_source", NULL },
	{ "smtp_server_", NULL },
	{ "smtp_server_starttls", NULL },
	{ "int", NULL },
	{ "a", NULL },
	{ "", NULL },
	{ "smtp_server_mail_from_smtp_server_mail_from_smtp_server_mail_from",
	    NULL },
};

START_TEST(slips_are_recognised)
{
	const char *nearest = api_event_nearest(slips[_i].name);

	ck_assert_pstr_eq(nearest, slips[_i].nearest);
}
END_TEST

/* ---- functions ---------------------------------------------------------- */

START_TEST(rows_are_well_formed)
{
	const struct api_stub *rows;
	size_t n;

	rows = api_stubs(&n);
	ck_assert_uint_gt(n, 50);
	for (size_t i = 0; i < n; i++) {
		const char *name = rows[i].name;
		size_t len = strlen(name);

		ck_assert_msg(strspn(name, "abcdefghijklmnopqrstuvwxyz"
					   "0123456789_.") == len,
		    "%s", name);
		ck_assert_msg(strchr(name, '.') != NULL && name[0] != '.' &&
				  name[len - 1] != '.',
		    "%s", name);
		ck_assert_msg((rows[i].result == API_STUB_MISSING) ==
				  (rows[i].notice == NULL),
		    "%s", name);
		/* the first of equal names, so there are none */
		ck_assert_msg(api_stub_find(name) == &rows[i], "%s", name);
	}
}
END_TEST

static const struct {
	const char *name;
	enum api_stub_result result;
} functions[] = {
	{ "kumo.define_spool", API_STUB_NOTHING },
	{ "kumo.configure_log_hook", API_STUB_NOTHING },
	{ "kumo.start_http_listener", API_STUB_NOTHING },
	{ "kumo.get_memory_hard_limit", API_STUB_NIL },
	{ "kumo.make_egress_path", API_STUB_OBJECT },
	{ "kumo.shaping.load", API_STUB_OBJECT },
	{ "kumo.dns.set_mx_timeout", API_STUB_NOTHING },
	{ "kumo.api.inject.inject_v1", API_STUB_OBJECT },
	{ "kumo.string.normalize_smtp_response", API_STUB_ARGUMENT },
	{ "tsa.start_http_listener", API_STUB_NOTHING },
	{ "proxy.start_proxy_listener", API_STUB_NOTHING },
	{ "kumo.string.eval_template", API_STUB_MISSING },
	{ "kumo.nats.connect", API_STUB_MISSING },
};

START_TEST(functions_are_found)
{
	const struct api_stub *stub = api_stub_find(functions[_i].name);

	ck_assert_msg(stub != NULL, "%s", functions[_i].name);
	ck_assert_int_eq(stub->result, functions[_i].result);
}
END_TEST

static const char *const built[] = { "kumo.make_throttle", "kumo.time.now",
	"kumo.memoize", "kumo.fs.glob", "kumo.on", "kumo.reject",
	"kumo.disconnect", "kumo.version", "kumo.log_error", "kumo.log_warn",
	"kumo.log_info", "kumo.log_debug", "kumo.set_diagnostic_log_filter",
	"kumo.sleep", "kumo.time.sleep", "kumo.traceback",
	"kumo.get_event_registrars", "kumo.start_esmtp_listener",
	"kumo.make_listener_domain", "kumo.configure_local_logs",
	"kumo.make_queue_config", "kumo.validation_failed",
	"kumo.available_parallelism", "kumo.string.split",
	"kumo.encode.hex_decode", "kumo.digest.sha1", "kumo.uuid.parse",
	"kumo.json_parse", "kumo.serde.toml_load", "kumo", "kumo.",
	"kumo.no_such", "" };

START_TEST(what_is_built_has_no_row)
{
	ck_assert_msg(api_stub_find(built[_i]) == NULL, "%s", built[_i]);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("api_names", &t);

	tcase_add_loop_test(t, what_a_session_raises_fires, 0, UNIT_N(raised));
	tcase_add_test(t, nothing_else_fires);
	tcase_add_loop_test(t, events_are_found, 0, UNIT_N(events));
	tcase_add_loop_test(t, slips_are_recognised, 0, UNIT_N(slips));
	tcase_add_test(t, rows_are_well_formed);
	tcase_add_loop_test(t, functions_are_found, 0, UNIT_N(functions));
	tcase_add_loop_test(t, what_is_built_has_no_row, 0, UNIT_N(built));
	return s;
}

UNIT_MAIN(suite)
