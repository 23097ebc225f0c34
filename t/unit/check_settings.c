#include "unit.h"

#include "milter/clock.h"
#include "milter/settings.h"

#include <string.h>

/* What an option takes, and what it is then; NULL: refused with this word. */
static const struct row {
	const char *key, *value;
	bool number;
	const char *becomes; /* NULL: an error that holds */
	const char *word;
} rows[] = {
	{ "event_timeout", "20s", false, "20s", NULL },
	{ "event_timeout", "1m 30s", false, "1m 30s", NULL },
	{ "event_timeout", "0.5s", false, "500ms", NULL },
	{ "event_timeout", "1ms", false, "1ms", NULL },
	{ "event_timeout", "1h", false, "1h", NULL },
	{ "event_timeout", "2.5", true, "2s 500ms", NULL },
	{ "event_timeout", "0", true, NULL, "out of range" },
	{ "event_timeout", "0ms", false, NULL, "out of range" },
	{ "event_timeout", "999us", false, NULL, "out of range" },
	{ "event_timeout", "61m", false, NULL, "out of range" },
	{ "event_timeout", "ten", false, NULL, "a duration such as" },
	{ "event_timeout", "", false, NULL, "a duration such as" },
	{ "event_timeout", "10", false, NULL, "a duration such as" },
	{ "event_timeout", "-1s", false, NULL, "a duration such as" },
	{ "event_timeout", "-1", true, NULL, "a duration such as" },
	{ "event_timeout", "nan", true, NULL, "a duration such as" },
	{ "event_timeout", "inf", true, NULL, "a duration such as" },
	{ "event_timeout", "1e300", true, NULL, "a duration such as" },
	{ "event_timeout", "true", false, NULL, "a duration such as" },
	{ "message_timeout", "5s", false, "5s", NULL },
	{ "message_timeout", "2h", false, NULL, "out of range" },
	{ "message_timeout", "x", false, NULL, "message_timeout" },
	{ "cpu_limit", "200ms", false, "200ms", NULL },
	{ "cpu_limit", "0.2", true, "200ms", NULL },
	{ "cpu_limit", "0s", false, NULL, "1ms to 1h" },
	{ "cpu_limit", "fast", false, NULL, "cpu_limit" },
	{ "memory_limit", "32MB", false, "33554432", NULL },
	{ "memory_limit", "32MiB", false, "33554432", NULL },
	{ "memory_limit", "1048576", true, "1048576", NULL },
	{ "memory_limit", "1048575", true, NULL, "out of range" },
	{ "memory_limit", "68719476736", true, "68719476736", NULL },
	{ "memory_limit", "68719476737", true, NULL, "out of range" },
	{ "memory_limit", "1e19", true, NULL, "a size such as" },
	{ "memory_limit", "1048576.5", true, NULL, "a size such as" },
	{ "memory_limit", "much", false, NULL, "a size such as" },
	{ "message_limit", "1024", true, "1024", NULL },
	{ "message_limit", "1023", true, NULL, "out of range" },
	{ "message_limit", "10 parsecs", false, NULL, "a size such as" },
	{ "message_memory", "0", true, "0", NULL },
	{ "messages_memory", "0", true, "0", NULL },
	{ "message_memory", "64kB", false, "65536", NULL },
	{ "messages_memory", "64kB", false, "65536", NULL },
	{ "message_memory", "-1", true, NULL, "a size such as" },
	{ "messages_memory", "-1", true, NULL, "a size such as" },
	{ "spool_directory", "/var/spool/x", false, "/var/spool/x", NULL },
	{ "spool_directory", "tmp", false, NULL, "absolute path" },
	{ "spool_directory", "", false, NULL, "absolute path" },
	{ "submit_command", "/bin/mail -x", false, "/bin/mail -x", NULL },
	{ "submit_command", "mail", false, NULL, "with its absolute path" },
	{ "submit_command", "/bin/m\n", false, NULL, "absolute path" },
	{ "http_body_limit", "1MB", false, "1048576", NULL },
	{ "http_body_limit", "1023", true, NULL, "out of range" },
	{ "kumomta_quirks", "true", false, "true", NULL },
	{ "kumomta_quirks", "1", true, NULL, "true or false" },
	{ "dry_run", "true", false, "true", NULL },
	{ "dry_run", "false", false, "false", NULL },
	{ "dry_run", "smtp_server_ehlo validate_data", false,
	    "smtp_server_ehlo validate_data", NULL },
	{ "dry_run", "smtp_server_eh", false, NULL, "is no event of a" },
	{ "dry_run_share", "100", true, "100", NULL },
	{ "dry_run_share", "101", true, NULL, "out of range" },
	{ "monitor_interval", "1 minute", false, "1m", NULL },
	{ "monitor_interval", "0s", false, NULL, "out of range" },
	{ "dns_timeout", "2s", false, "2s", NULL },
	{ "dns_timeout", "0.25", true, "250ms", NULL },
	{ "dns_timeout", "0s", false, NULL, "out of range" },
	{ "dns_servers", "192.0.2.1, [::1]:5353", false,
	    "192.0.2.1:53 [::1]:5353", NULL },
	{ "dns_servers", "resolv.conf", false, "resolv.conf", NULL },
	{ "dns_servers", "", false, NULL, "no DNS server" },
	{ "dns_servers", "ns.example.com", false, NULL, "is no IP address" },
	{ "metrics_listen", "unix:/run/x", false, "unix:/run/x", NULL },
	{ "metrics_listen", "inet:9926@127.0.0.1", false, "inet:9926@127.0.0.1",
	    NULL },
	{ "metrics_listen", "unix:x", false, NULL, "is not 'none'" },
	{ "metrics_listen", "9926", false, NULL, "is not 'none'" },
	{ "header_count_limit", "1", true, "1", NULL },
	{ "header_count_limit", "0", true, NULL, "out of range" },
	{ "header_size_limit", "2048", true, "2048", NULL },
	{ "header_size_limit", "10", true, NULL, "out of range" },
	{ "recipient_limit", "50", true, "50", NULL },
	{ "recipient_limit", "1e7", true, NULL, "out of range" },
	{ "on_error", "disconnect", false, "disconnect", NULL },
	{ "on_error", "tempfail", false, "tempfail", NULL },
	{ "on_error", "accept", false, "accept", NULL },
	{ "on_error", "reject", false, "reject", NULL },
	{ "on_error", "Reject", false, NULL, "'accept' or 'reject'" },
	{ "on_error", "", false, NULL, "on_error" },
	{ "on_error", "1", true, NULL, "on_error" },
	{ "force_disconnect", "code", false, "code", NULL },
	{ "force_disconnect", "drop", false, "drop", NULL },
	{ "force_disconnect", "yes", false, NULL, "'code' or 'drop'" },
	{ "stage_reject", "mail", false, "mail", NULL },
	{ "stage_reject", "rcpt", false, "rcpt", NULL },
	{ "stage_reject", "now", false, "now", NULL },
	{ "stage_reject", "later", false, NULL, "'mail', 'rcpt' or 'now'" },
	{ "data_reject", "eom", false, "eom", NULL },
	{ "data_reject", "now", false, "now", NULL },
	{ "data_reject", "mail", false, NULL, "'eom' or 'now'" },
	{ "batch_handling", "BifurcateAlways", false, "BifurcateAlways", NULL },
	{ "batch_handling", "BatchByDomain", false, "BatchByDomain", NULL },
	{ "batch_handling", "AllInOne", false, "AllInOne", NULL },
	{ "batch_handling", "allinone", false, NULL, "AllInOne" },
	{ "enforce_relay", "true", false, "true", NULL },
	{ "enforce_relay", "false", false, "false", NULL },
	{ "enforce_relay", "1", true, NULL, "true or false" },
	{ "compress_records", "false", false, "false", NULL },
	{ "compress_records", "no", false, NULL, "true or false" },
	{ "jit", "true", false, "true", NULL },
	{ "jit", "on", false, NULL, "true or false" },
	{ "strict", "true", false, "true", NULL },
	{ "strict", "yes", false, NULL, "true or false" },
	{ "states", "1", true, "1", NULL },
	{ "states", "1024", true, "1024", NULL },
	{ "states", "0", true, NULL, "out of range" },
	{ "states", "1025", true, NULL, "out of range" },
	{ "states", "1.5", true, NULL, "1 to 1024" },
	{ "states", "4", false, "4", NULL },
	{ "states", "many", false, NULL, "1 to 1024" },
};

START_TEST(option_takes)
{
	const struct row *r = &rows[_i];
	struct settings s, before;
	struct err err = { "" };
	char value[64];
	int rc;

	memset(&s, 0, sizeof s);
	settings_init(&s);
	before = s;
	rc = settings_set(&s, r->key, r->value, r->number, &err);
	if (r->becomes != NULL) {
		ck_assert_msg(rc == 0, "%s", err.msg);
		settings_get(&s, r->key, value, sizeof value);
		ck_assert_str_eq(value, r->becomes);
		return;
	}
	ck_assert_msg(rc == -1, "%s = %s was taken", r->key, r->value);
	ck_assert_msg(strncmp(err.msg, r->key, strlen(r->key)) == 0 &&
			  strstr(err.msg, r->word) != NULL,
	    "%s", err.msg);
	ck_assert_msg(
	    memcmp(&s, &before, sizeof s) == 0, "changed by %s", r->value);
	ck_assert_int_eq(
	    settings_set(&s, r->key, r->value, r->number, NULL), -1);
}
END_TEST

static bool
is_tested(const char *key, bool good)
{
	for (size_t i = 0; i < UNIT_N(rows); i++)
		if (strcmp(rows[i].key, key) == 0 &&
		    (rows[i].becomes != NULL) == good)
			return true;
	return false;
}

/* Presets are what the table says, and the table's text can be set. */
START_TEST(every_option_has_a_preset)
{
	size_t n;
	const struct settings_row *row = settings_rows(&n);
	struct settings s;
	struct err err;
	char value[64], again[64];

	settings_init(&s);
	ck_assert_uint_ge(n, 14);
	for (size_t i = 0; i < n; i++) {
		ck_assert_msg(row[i].help[0] != '\0' && row[i].form[0] != '\0',
		    "%s", row[i].name);
		settings_get(&s, row[i].name, value, sizeof value);
		if (strcmp(row[i].name, "states") == 0) { /* by the CPUs */
			ck_assert_str_eq(value, row[i].preset);
			continue;
		}
		ck_assert_msg(settings_set(&s, row[i].name, row[i].preset,
				  false, &err) == 0,
		    "%s", err.msg);
		settings_get(&s, row[i].name, again, sizeof again);
		ck_assert_str_eq(again, value);
	}
}
END_TEST

START_TEST(every_option_is_tested)
{
	size_t n;
	const struct settings_row *row = settings_rows(&n);

	for (size_t i = 0; i < n; i++)
		ck_assert_msg(is_tested(row[i].name, true) &&
				  is_tested(row[i].name, false),
		    "%s: a value that fits and one that does not are missing",
		    row[i].name);
}
END_TEST

START_TEST(presets)
{
	struct settings s;

	settings_init(&s);
	ck_assert_int_eq(s.event_timeout, 10 * CLOCK_S);
	ck_assert_int_eq(s.message_timeout, 60 * CLOCK_S);
	ck_assert_int_eq(s.cpu_limit, CLOCK_S);
	ck_assert_int_eq(s.on_error, ON_ERROR_DISCONNECT);
	ck_assert_int_eq(s.stage_reject, STAGE_REJECT_MAIL);
	ck_assert_int_eq(s.data_reject, DATA_REJECT_EOM);
	ck_assert_int_eq(s.batch_handling, BATCH_BIFURCATE);
	ck_assert(
	    !s.jit && !s.strict && !s.enforce_relay && s.compress_records);
	ck_assert_int_eq(s.states, 0);
}
END_TEST

START_TEST(unknown_key_is_named_with_those_that_exist)
{
	static const char *const keys[] = { "", "cpulimit", "CPU_LIMIT",
		"cpu_limit " };
	struct settings s;
	struct err err;

	settings_init(&s);
	for (size_t i = 0; i < UNIT_N(keys); i++) {
		ck_assert_int_eq(
		    settings_set(&s, keys[i], "1s", false, &err), -1);
		ck_assert_ptr_nonnull(
		    strstr(err.msg, "is no option of kumo.milter.configure"));
		ck_assert_ptr_nonnull(strstr(err.msg, " cpu_limit"));
		ck_assert_ptr_nonnull(strstr(err.msg, "states"));
		ck_assert_int_eq(err.msg[0], '"');
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("settings", &t);

	tcase_add_loop_test(t, option_takes, 0, UNIT_N(rows));
	tcase_add_test(t, every_option_has_a_preset);
	tcase_add_test(t, every_option_is_tested);
	tcase_add_test(t, presets);
	tcase_add_test(t, unknown_key_is_named_with_those_that_exist);
	return s;
}

UNIT_MAIN(suite)
