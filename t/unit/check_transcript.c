#include "milter/transcript.h"
#include "policy.h"

#define FOLDER "/tmp/kumilter-unit-"

/* Items of one session, each as text. */
static void
add_text(void *arg, const json_t *item)
{
	transcript_text(arg, item, false);
}

/* What differs from run to run: "0.123 ms" becomes "T", the folder nothing. */
static void
drop_times(struct str *s)
{
	struct str out = { 0 };

	for (const char *p = str_c(s); *p != '\0'; p++) {
		size_t n = strspn(p, "0123456789.");

		if (n > 0 && strncmp(p + n, " ms", 3) == 0) {
			str_addc(&out, 'T');
			p += n + 2;
		} else if (strncmp(p, FOLDER, strlen(FOLDER)) == 0) {
			p += strlen(FOLDER) + strlen("XXXXXX") - 1;
		} else {
			str_addc(&out, *p);
		}
	}
	str_clear(s);
	str_add(s, out.data, out.len);
	str_fini(&out);
}

START_TEST(a_session_reads_like_this)
{
	static const char expected[] =
	    "S: 220 mx.example.test ESMTP Postfix\n"
	    "C: HELO a\n"
	    "S: 250 mx.example.test\n"
	    "C: MAIL FROM:<a@b.example>\n"
	    "     log info: /init.lua:3: hello\n"
	    "   smtp_server_mail_from(a@b.example)  init.lua:2  T\n"
	    "     conn_meta k = {\"a\":1}\n"
	    "S: 250 2.1.0 Ok\n"
	    "C: RCPT TO:<c@d.example>\n"
	    "S: 250 2.1.5 Ok\n"
	    "C: DATA\n"
	    "S: 354 End data with <CR><LF>.<CR><LF>\n"
	    "C: (the message, 13 bytes, and the final dot)\n"
	    "     log info: smtp_server_message_received: disconnects 451 "
	    "x\\x07\n"
	    "   smtp_server_message_received()  init.lua:5  T\n"
	    "     disconnects with 451 x\\x07 (FollowWith421), at /init.lua:6\n"
	    "S: 451 x \n"
	    "C: MAIL FROM:<>\n"
	    "S: 421 mx.example.test disconnecting due to previous error\n"
	    "   (the connection closes)\n";
	static const char *const lines[] = { "HELO a",
		"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA" };
	struct str out = { 0 };
	struct transcript t = { .item = add_text, .arg = &out };
	struct sim_answer a = { 0 };
	struct sim_client c;
	struct sim *sim;

	policy_use("", "kumo.on('smtp_server_mail_from', function(s, m)\n"
		       "  kumo.log_info('hello')\n"
		       "  m:set_meta('k', {a = 1}) end)\n"
		       "kumo.on('smtp_server_message_received', function()\n"
		       "  kumo.disconnect(451, 'x\\a', 'FollowWith421') end)");
	log_set_level(LOG_LEVEL_INFO);
	sim_client_init(&c);
	transcript_begin(&t);
	sim = transcript_open(&t, &c);
	transcript_greet(&t, sim, &a);
	for (size_t i = 0; i < UNIT_N(lines); i++) {
		sim_answer_fini(&a);
		transcript_command(&t, sim, lines[i], &a);
	}
	sim_answer_fini(&a);
	transcript_content(&t, sim, "Subject: x\n\ny", 13, &a);
	sim_answer_fini(&a);
	transcript_command(&t, sim, "MAIL FROM:<>", &a);
	sim_answer_fini(&a);
	sim_free(sim);
	transcript_end(&t);
	drop_times(&out);
	ck_assert_str_eq(str_c(&out), expected);
	str_fini(&out);
	policy_done();
}
END_TEST

START_TEST(items_become_lines)
{
	static const struct {
		const char *item, *text;
	} rows[] = {
		{ "{\"type\": \"server\", \"code\": 550, \"lines\": "
		  "[\"550-a\", "
		  "\"550 b\\u001b\"], \"closes\": true}",
		    "S: \033[31m550-a\033[0m\nS: \033[31m550 b\\x1b\033[0m\n"
		    "   \033[1m(the connection closes)\033[0m\n" },
		{ "{\"type\": \"message\", \"taken\": true, \"discarded\": "
		  "true, \"edits\": [], \"quarantine\": \"q\"}",
		    "   \033[33mheld in quarantine: q\033[0m\n"
		    "   \033[33mdropped: taken, and delivered to "
		    "nobody\033[0m\n" },
		/* a trace's own */
		{ "{\"type\": \"connect\", \"time\": \"T\", \"client\": "
		  "\"192.0.2.1:25\", \"name\": \"x\\u001b\", \"mta\": "
		  "\"sendmail\", \"epoch\": 3, \"dry_run\": true}",
		    "\033[1m-- T  192.0.2.1:25 (x\\x1b) connects to the MTA, "
		    "sendmail; epoch 3; a dry run\033[0m\n" },
		{ "{\"type\": \"server\", \"by\": \"mta\", \"action\": "
		  "\"discard\"}",
		    "S: \033[2m(the MTA's own; the message is "
		    "dropped)\033[0m\n" },
		{ "{\"type\": \"server\", \"by\": \"policy\", \"code\": 550, "
		  "\"held\": [\"550 no\"]}",
		    "   \033[2m(at MAIL: 550 no)\033[0m\n" },
		{ "{\"type\": \"client\", \"line\": \"MAIL FROM:<>\", "
		  "\"auth\": \"ann\"}",
		    "C: \033[1mMAIL FROM:<>\033[0m\n"
		    "   \033[2m(logged in as ann)\033[0m\n" },
		{ "{\"type\": \"lost\", \"sessions\": 120, \"cut\": 3}",
		    "\033[33m... 120 sessions not shown, and the rest of 3: "
		    "this is read too slowly\033[0m\n" },
		{ "{\"type\": \"skipped\", \"items\": 7}",
		    "   \033[33m... and 7 items more\033[0m\n" },
		{ "{\"type\": \"handler\", \"too_long\": 70000}",
		    "   \033[33m(handler: 70000 bytes are not "
		    "shown)\033[0m\n" },
		{ "{\"type\": \"abort\"}",
		    "   \033[2m(the transaction is given up)\033[0m\n" },
		{ "{\"type\": \"close\", \"at\": 1.5, \"cut\": true}",
		    "\033[1m-- over, after 1.500 ms; not all of it is "
		    "shown\033[0m\n" },
		{ "{\"type\": \"end\"}", "\033[33mthe daemon stops\033[0m\n" },
		{ "{\"type\": \"something else\"}", "" },
		{ "[]", "" },
	};

	for (size_t i = 0; i < UNIT_N(rows); i++) {
		struct str out = { 0 };
		json_t *item = json_loads(rows[i].item, 0, NULL);

		ck_assert_ptr_nonnull(item);
		transcript_text(&out, item, true);
		ck_assert_str_eq(str_c(&out), rows[i].text);
		json_decref(item);
		str_fini(&out);
	}
}
END_TEST

static Suite *
transcript_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("transcript", &tc);

	tcase_add_test(tc, a_session_reads_like_this);
	tcase_add_test(tc, items_become_lines);
	return s;
}

UNIT_MAIN(transcript_suite)
