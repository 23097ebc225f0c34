#include "unit.h"

#include "milter/json_text.h"
#include "milter/record.h"

#include <string.h>

#define NODE "00112233-4455-8667-a788-99aabbccddee"

static void
check_text(json_t *value, const char *expected)
{
	struct str text = { 0 };

	json_text_write(&text, value, false);
	ck_assert_str_eq(str_c(&text), expected);
	str_fini(&text);
	json_decref(value);
}

/* What was written, read again. */
static json_t *
written(const struct record *r)
{
	struct str text = { 0 };
	json_t *json;

	record_write(&text, r);
	ck_assert_ptr_null(strpbrk(str_c(&text), "\r\n"));
	json = json_loadb(str_c(&text), text.len, JSON_ALLOW_NUL, NULL);
	ck_assert_msg(json != NULL, "%s", str_c(&text));
	str_fini(&text);
	return json;
}

START_TEST(a_rejection)
{
	static const char *const rcpt[] = { "" };
	struct record r = {
		.type = RECORD_REJECTION,
		.id = "",
		.sender = "ann@example.com",
		.rcpt = rcpt,
		.n_rcpt = 1,
		.queue = "",
		.code = 550,
		.enhanced = "5.7.1",
		.content = "not\r\nhere\nplease\r",
		.verb = "RCPT TO:",
		.argument = "<a\xff@b>",
		.helo = "client",
		.peer = "192.0.2.1",
		.time = INT64_C(1785585600000000000),
		.created = INT64_C(1785585600123456789),
		.node = NODE,
		.session = NODE,
	};

	check_text(written(&r),
	    "{\"type\":\"Rejection\",\"id\":\"\",\"sender\":"
	    "\"ann@example.com\",\"recipient\":\"\",\"queue\":\"\",\"site\":"
	    "\"\",\"size\":0,\"response\":{\"code\":550,\"enhanced_code\":{"
	    "\"class\":5,\"subject\":7,\"detail\":1},\"content\":\"not here "
	    "please \",\"command\":\"RCPT TO:<a\xef\xbf\xbd@b>\"},"
	    "\"peer_address\":{\"name\":\"client\",\"addr\":\"192.0.2.1\"},"
	    "\"timestamp\":1785585600,\"event_time\":\"2026-08-01T12:00:00Z\","
	    "\"created\":1785585600,\"created_time\":"
	    "\"2026-08-01T12:00:00.123456789Z\",\"num_attempts\":0,"
	    "\"bounce_classification\":\"Uncategorized\",\"egress_pool\":null,"
	    "\"egress_source\":null,\"source_address\":null,"
	    "\"feedback_report\":null,\"meta\":{},\"headers\":{},"
	    "\"delivery_protocol\":null,\"reception_protocol\":null,"
	    "\"nodeid\":\"" NODE "\",\"session_id\":\"" NODE "\"}");
}
END_TEST

START_TEST(a_reception)
{
	static const char *const rcpt[] = { "a@b", "c@d" };
	json_t *names = json_pack("[s]", "CN=x");
	struct record r = { .type = RECORD_RECEPTION,
		.id = "x",
		.sender = "",
		.rcpt = rcpt,
		.n_rcpt = 2,
		.queue = "q",
		.size = 12,
		.code = 250,
		.enhanced = "",
		.content = "",
		.reception_protocol = "ESMTP",
		.tls_cipher = "C",
		.tls_protocol_version = "V",
		.tls_subject = names,
		.node = NODE,
		.session = NODE };
	json_t *json = written(&r);

	ck_assert_str_eq(
	    json_string_value(json_object_get(json, "type")), "Reception");
	ck_assert_uint_eq(
	    json_array_size(json_object_get(json, "recipient")), 2);
	ck_assert(json_is_null(json_object_get(json, "peer_address")));
	ck_assert(json_is_null(json_object_get(
	    json_object_get(json, "response"), "enhanced_code")));
	ck_assert(json_is_null(
	    json_object_get(json_object_get(json, "response"), "command")));
	ck_assert_int_eq(json_integer_value(json_object_get(json, "size")), 12);
	check_text(json_incref(json_object_get(json, "tls_cipher")), "\"C\"");
	check_text(json_incref(json_object_get(json, "tls_peer_subject_name")),
	    "[\"CN=x\"]");
	json_decref(json);
	json_decref(names);
}
END_TEST

/* No recipient at all is an empty array, as in KumoMTA. */
START_TEST(nobody)
{
	struct record r = { .id = "",
		.sender = "",
		.queue = "",
		.enhanced = "",
		.content = "",
		.node = "",
		.session = "" };
	json_t *json = written(&r);

	check_text(json_incref(json_object_get(json, "recipient")), "[]");
	json_decref(json);
}
END_TEST

static const struct {
	const char *names, *expected;
} metas[] = {
	{ "[]", "{}" },
	{ "[\"a\"]", "{\"a\":1}" },
	{ "[\"A\"]", "{}" },
	{ "[\"none\", \"null\"]", "{}" },
	{ "[\"x_*\"]", "{\"x_1\":\"one\",\"x_\":[]}" },
	{ "[\"x_1\", \"x_*\", \"a\"]", "{\"x_1\":\"one\",\"x_\":[],\"a\":1}" },
	{ "[\"*\"]",
	    "{\"a\":1,\"null\":null,\"x_1\":\"one\",\"x_\":[],\"xy\":{}}" },
	{ "[\"\"]", "{}" },
};

START_TEST(metadata)
{
	json_t *names = json_loads(metas[_i].names, 0, NULL);
	json_t *meta = json_loads("{\"a\": 1, \"null\": null, \"x_1\": "
				  "\"one\", \"x_\": [], \"xy\": {}}",
	    0, NULL);

	check_text(record_pick_meta(names, meta), metas[_i].expected);
	check_text(record_pick_meta(NULL, meta), "{}");
	json_decref(names);
	json_decref(meta);
}
END_TEST

static const struct {
	const char *names, *expected;
} headers[] = {
	{ "[]", "{}" },
	{ "[\"subject\"]", "{\"Subject\":\"hello\"}" },
	{ "[\"x-a\"]", "{\"X-A\":[\"one\",\"two\"]}" },
	{ "[\"X*\"]", "{\"X-A\":[\"one\",\"two\"],\"x-b\":\"zw\xc3\xb6lf\"}" },
	{ "[\"x-b\", \"X-*\"]",
	    "{\"X-A\":[\"one\",\"two\"],\"x-b\":\"zw\xc3\xb6lf\"}" },
	{ "[\"none\", \"\"]", "{}" },
	{ "[\"raw\"]", "{\"Raw\":\"\xef\xbf\xbd\"}" },
};

START_TEST(header_fields)
{
	struct headers h = { 0 };
	json_t *names = json_loads(headers[_i].names, 0, NULL);

	headers_received(&h, "Subject", " hello");
	headers_received(&h, "X-A", " one");
	headers_received(&h, "x-b", " =?utf-8?q?zw=C3=B6lf?=");
	headers_received(&h, "x-a", "\n two");
	headers_received(&h, "Raw", " \xff");
	headers_received(&h, "X\xff", " name");
	check_text(record_pick_headers(names, &h), headers[_i].expected);
	json_decref(names);
	headers_fini(&h);
}
END_TEST

START_TEST(identities)
{
	char a[RECORD_UUID], b[RECORD_UUID];

	record_node(a);
	record_node(b);
	ck_assert_str_eq(a, b);
	ck_assert_uint_eq(strlen(a), RECORD_UUID - 1);
	ck_assert(a[8] == '-' && a[14] == '8' && a[19] == 'a');
	record_session(b, "0123456789abcdef", NODE);
	ck_assert_str_eq(b, "01234567-89ab-8cde-af00-99aabbccddee");
	/* made at 2026-08-01T12:00:00.0000001Z */
	ck_assert_int_eq(record_created("858ba0018da011f1800001020304ffff"),
	    INT64_C(1785585600000000100));
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("record", &t);

	tcase_add_test(t, a_rejection);
	tcase_add_test(t, a_reception);
	tcase_add_test(t, nobody);
	tcase_add_loop_test(t, metadata, 0, UNIT_N(metas));
	tcase_add_loop_test(t, header_fields, 0, UNIT_N(headers));
	tcase_add_test(t, identities);
	return s;
}

UNIT_MAIN(suite)
