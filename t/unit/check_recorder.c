/*
 * What of a session is in its line.
 */
#include "milter/hash.h"
#include "milter/observe.h"
#include "milter/recorder.h"
#include "milter/recording_text.h"
#include "policy.h"

#define POLICY                                                                 \
	"kumo.on('smtp_server_connection_accepted', function() end) "          \
	"kumo.on('smtp_server_rcpt_to', function(a) "                          \
	"if a.user == 'no' then kumo.reject(550, '5.1.1 no ' .. a.email) end " \
	"end) "                                                                \
	"kumo.on('smtp_server_message_received', function(msg) "               \
	"msg:prepend_header('X-A', 'ann@a.example') "                          \
	"msg:set_data(msg:get_data() .. 'more\\r\\n') end)"
#define WORDS                                                                  \
	"C H:h.example M:<ann@a.example> R:<no@b.example> R:<r@b.example> "    \
	"h:Subject=hi h:From=ann@a.example b:one b:two E Q"

static struct recorder_options options;
static json_t *line;
static bool was_cut;

static void
take(void *arg, const char *text, size_t len, bool cut)
{
	struct err err;

	(void)arg;
	line = json_loadb(text, len, 0, NULL);
	ck_assert_msg(line != NULL, "%.*s", (int)len, text);
	ck_assert_msg(recording_check(line, &err) == 0, "%s", err.msg);
	was_cut = cut;
}

static void
begins(struct session *s)
{
	observe_join(s, recorder_new(&options));
}

static void
record(const char *policy, const char *words)
{
	struct play p = { 0 };

	options.done = take;
	observe_sessions(begins);
	policy_use("", policy);
	play_on(&p, words);
	play_over(&p);
	policy_done();
	ck_assert_ptr_nonnull(line);
}

static void
forget(void)
{
	json_decref(line);
	line = NULL;
	options = (struct recorder_options){ 0 };
}

/* Step number i, or that member of it as JSON. */
static const json_t *
step(size_t i)
{
	return json_array_get(json_object_get(line, "steps"), i);
}

static void
expect(size_t i, const char *key, const char *expected)
{
	const json_t *value = json_object_get(step(i), key);
	char *text = value != NULL
			 ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY)
			 : xstrdup("");

	ck_assert_msg(strcmp(text, expected) == 0,
	    "step %zu, %s: expected %s, got %s", i, key, expected, text);
	free(text);
}

START_TEST(a_session)
{
	static const char *const steps[] = { "connect", "helo", "mail", "rcpt",
		"rcpt", "eom", "close" };

	options =
	    (struct recorder_options){ .content = true, .body = SIZE_MAX };
	record(POLICY, WORDS);
	ck_assert_uint_eq(
	    json_array_size(json_object_get(line, "steps")), UNIT_N(steps));
	for (size_t i = 0; i < UNIT_N(steps); i++)
		ck_assert_str_eq(
		    json_string_value(json_object_get(step(i), "do")),
		    steps[i]);
	ck_assert_str_eq(
	    json_string_value(json_object_get(line, "mta")), "postfix");
	ck_assert_str_eq(json_string_value(json_object_get(
			     json_object_get(line, "client"), "address")),
	    "192.0.2.7");
	ck_assert_ptr_nonnull(json_object_get(
	    json_object_get(step(0), "macros"), "{daemon_addr}"));
	expect(0, "reply", "\"continue\"");
	expect(1, "text", "\"h.example\"");
	expect(2, "text", "\"<ann@a.example>\"");
	expect(3, "reply", "{\"code\":550,\"text\":\"5.1.1 no no@b.example\"}");
	expect(4, "reply", "\"continue\"");
	expect(5, "headers",
	    "[[\"Subject\",\" hi\"],[\"From\",\" ann@a.example\"]]");
	expect(5, "body", "\"onetwo\"");
	expect(5, "size", "6");
	expect(5, "edits",
	    "[{\"edit\":\"insert header\",\"name\":\"X-A\","
	    "\"value\":\" ann@a.example\"},"
	    "{\"edit\":\"replace body\",\"size\":12,\"body\":"
	    "\"onetwomore\\r\\n\"}]");
	ck_assert_str_eq(
	    json_string_value(json_object_get(
		json_array_get(json_object_get(step(5), "handlers"), 0),
		"event")),
	    "smtp_server_message_received");
	ck_assert(!was_cut);
	forget();
}
END_TEST

START_TEST(bodies_are_bounded)
{
	options = (struct recorder_options){ .content = true, .body = 4 };
	record(POLICY, WORDS);
	expect(5, "body", "\"onet\"");
	expect(5, "size", "6");
	expect(5, "edits",
	    "[{\"edit\":\"insert header\",\"name\":\"X-A\","
	    "\"value\":\" ann@a.example\"},"
	    "{\"edit\":\"replace body\",\"size\":12}]");
	forget();
	options = (struct recorder_options){ .content = true };
	record(POLICY, WORDS);
	expect(5, "body", "");
	expect(5, "size", "6");
	forget();
	record(POLICY, WORDS); /* without its content */
	expect(5, "headers", "");
	expect(5, "size", "");
	forget();
}
END_TEST

/* No word of what was redacted is anywhere in the line. */
START_TEST(redacted)
{
	struct redaction r;
	struct err err;
	char *text;

	if (!hash_is_built())
		return;
	ck_assert_int_eq(redaction_parse(&r, "addresses,subject", &err), 0);
	options = (struct recorder_options){ .content = true, .redaction = &r };
	record(POLICY, WORDS);
	text = json_dumps(line, 0);
	ck_assert_ptr_null(strstr(text, "ann@"));
	ck_assert_ptr_null(strstr(text, "no@"));
	ck_assert_ptr_null(strstr(text, " hi"));
	ck_assert_ptr_nonnull(strstr(text, "@a.example"));
	ck_assert_ptr_nonnull(strstr(text, "(redacted)"));
	ck_assert_ptr_nonnull(
	    strstr(text, "[\"addresses\", \"header:subject\"]"));
	free(text);
	redaction_fini(&r);
	forget();
}
END_TEST

/* More than a line may have: the begin stays. */
START_TEST(long_sessions_are_cut)
{
	struct play p = { 0 };
	char *word = xmalloc(1 << 20);
	size_t n;

	memset(word, 'x', 1 << 20);
	memcpy(word, "U:", 2);
	word[(1 << 20) - 1] = '\0';
	options.done = take;
	observe_sessions(begins);
	policy_use("", "");
	play_on(&p, "C");
	for (size_t i = 0; i < (RECORDER_MAX >> 20) + 5; i++)
		play_on(&p, word);
	play_over(&p);
	policy_done();
	free(word);
	ck_assert(was_cut);
	ck_assert(json_is_true(json_object_get(line, "cut")));
	n = json_array_size(json_object_get(line, "steps"));
	ck_assert_uint_gt(n, 10);
	ck_assert_uint_lt(n, RECORDER_MAX >> 20);
	forget();
}
END_TEST

START_TEST(steps_are_marked)
{
	static const long mark = 7;

	options.mark = &mark;
	record("", "C H:a Q");
	expect(1, "n", "7");
	forget();
}
END_TEST

static Suite *
recorder_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("recorder", &tc);

	tcase_add_test(tc, a_session);
	tcase_add_test(tc, bodies_are_bounded);
	tcase_add_test(tc, redacted);
	tcase_add_test(tc, long_sessions_are_cut);
	tcase_add_test(tc, steps_are_marked);
	return s;
}

UNIT_MAIN(recorder_suite)
