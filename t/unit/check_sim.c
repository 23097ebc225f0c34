/*
 * The simulated MTA: dialogues, what comes of them.  That real MTAs say the
 * same is t/mta/test_simulator.py's.
 */
#include "milter/sim.h"
#include "policy.h"

/* '|' between what the client says; "." is the content of DATA. */
#define MAIL "EHLO a|MAIL FROM:<s@a.example>|RCPT TO:<r@b.example>|DATA|."
#define MESSAGE "Subject: hi\nX-Old: one\n two\n\nfirst\nsecond\n"

static const struct row {
	const char *name, *config, *policy;
	enum mta mta;
	const char *words, *expected;
} rows[] = {
	{ "no policy", "", "", MTA_POSTFIX, MAIL "|QUIT",
	    "220,250,250,250,354,250,221!" },
	{ "out of order", "", "", MTA_POSTFIX,
	    "DATA|RCPT TO:<a@b>|MAIL FROM:<a@b>|MAIL FROM:<a@b>|DATA|FOO|EHLO",
	    "220,503,503,250,503,554,500,501" },
	{ "on Sendmail", "", "", MTA_SENDMAIL,
	    "DATA|RCPT TO:<a@b>|MAIL FROM:<a@b>|MAIL FROM:<a@b>|DATA|FOO|EHLO",
	    "220,503,503,250,503,503,500,501" },
	{ "421 at connect", "",
	    "kumo.on('smtp_server_connection_accepted', function()\n"
	    "  kumo.reject(421, 'no') end)",
	    MTA_POSTFIX, "", "421 p!" },
	{ "a refusal at connect is told at MAIL, and is the end", "",
	    "kumo.on('smtp_server_connection_accepted', function()\n"
	    "  kumo.reject(550, 'no') end)",
	    MTA_POSTFIX, MAIL "|MAIL FROM:<>", "220,250,550 p,503,503,421 p!" },
	{ "the MTA gives what stage_reject = now lets through",
	    "stage_reject = 'now'",
	    "kumo.on('smtp_server_connection_accepted', function()\n"
	    "  kumo.reject(550, 'no') end)",
	    MTA_SENDMAIL, MAIL "|NOOP", "554 p,250,550 p,550 p,550 p,250" },
	{ "condemned", "",
	    "kumo.on('smtp_server_rcpt_to', function()\n"
	    "  kumo.disconnect(451, 'no') end)",
	    MTA_POSTFIX, MAIL "|NOOP|RSET|MAIL FROM:<>",
	    "220,250,250,451 p,554,250,250,421 p!" },
	{ "a second EHLO of a condemned session: Sendmail says nothing", "",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.disconnect(451, 'no') end)",
	    MTA_SENDMAIL, "EHLO a|MAIL FROM:<>|EHLO b", "220,250,451 p,!" },
	{ "521 closes on Postfix", "",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.reject(521, 'no') end)",
	    MTA_POSTFIX, "EHLO a|MAIL FROM:<>", "220,250,521 p!" },
	{ "and not on Sendmail", "",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.reject(521, 'no') end)",
	    MTA_SENDMAIL, "EHLO a|MAIL FROM:<>|QUIT", "220,250,521 p,221!" },
	{ "refused at DATA, now: the MTA waits in vain", "data_reject = 'now'",
	    "kumo.on('milter_data', function() kumo.reject(550, 'no') end)",
	    MTA_POSTFIX, "EHLO a|MAIL FROM:<>|RCPT TO:<a@b.example>|DATA|DATA",
	    "220,250,250,250,550 p,451 stalls" },
	{ "at the end", "",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  if m:get_data():find('first\\r\\nsecond\\r\\n') then\n"
	    "    kumo.reject(554, 'no') end end)",
	    MTA_POSTFIX, MAIL "|MAIL FROM:<>",
	    "220,250,250,250,354,554 p,250" },
	{ "unknown commands: between messages Sendmail does not ask", "",
	    "kumo.on('milter_unknown_command', function(c)\n"
	    "  kumo.reject(550, c) end)",
	    MTA_SENDMAIL, "FOO x|RSET|FOO x|MAIL FROM:<>|FOO x",
	    "220,550 p,250,500,250,550 p" },
};

static void
add_answer(struct str *out, struct sim_answer *a)
{
	if (out->len > 0)
		str_addc(out, ',');
	if (a->text.len > 0)
		str_addf(out, "%d", a->code);
	if (a->by_policy && a->text.len > 0)
		str_adds(out, " p");
	if (a->stalls)
		str_adds(out, " stalls");
	if (a->closed)
		str_addc(out, '!');
	sim_answer_fini(a);
}

static void
play_words(struct sim *sim, const char *words, struct str *out)
{
	char *copy = xstrdup(words), *rest, *w;
	struct sim_answer a = { 0 };
	bool wants = false;

	sim_greet(sim, &a);
	add_answer(out, &a);
	for (w = strtok_r(copy, "|", &rest); w != NULL && sim_is_open(sim);
	     w = strtok_r(NULL, "|", &rest)) {
		if (strcmp(w, ".") != 0)
			sim_command(sim, w, &a);
		else if (wants)
			sim_content(sim, MESSAGE, strlen(MESSAGE), &a);
		else
			continue;
		wants = a.wants_content;
		add_answer(out, &a);
	}
	free(copy);
}

START_TEST(dialogues)
{
	const struct row *r = &rows[_i];
	struct sim_client c;
	struct str out = { 0 };
	struct sim *sim;

	policy_use(r->config, r->policy);
	sim_client_init(&c);
	c.mta = r->mta;
	sim = sim_open(&c, NULL);
	play_words(sim, r->words, &out);
	ck_assert_msg(strcmp(str_c(&out), r->expected) == 0,
	    "%s\nexpected %s\ngot      %s", r->name, r->expected, str_c(&out));
	sim_free(sim);
	str_fini(&out);
	policy_done();
}
END_TEST

/* What would be delivered is what the policy left. */
START_TEST(edits_are_done)
{
	struct sim_client c;
	struct str out = { 0 };
	struct sim *sim;

	policy_use("", "kumo.on('smtp_server_message_received', function(m)\n"
		       "  m:remove_all_named_headers 'X-Old'\n"
		       "  m:prepend_header('X-New', 'a')\n"
		       "  m:append_header('X-Last', 'z')\n"
		       "  m:set_recipient 'other@b.example'\n"
		       "  m:set_meta('k', 'v')\n"
		       "  m:quarantine 'why'\n"
		       "end)");
	sim_client_init(&c);
	sim = sim_open(&c, NULL);
	play_words(sim, MAIL, &out);
	str_clear(&out);
	sim_mail_write(&out, &sim_result(sim)->after);
	ck_assert_str_eq(str_c(&out),
	    "X-New: a\r\nSubject: hi\r\nX-Last: z\r\n\r\nfirst\r\nsecond\r\n");
	str_clear(&out);
	sim_mail_write(&out, &sim_result(sim)->before);
	ck_assert_str_eq(str_c(&out),
	    "Subject: hi\r\nX-Old: one\r\n two\r\n\r\nfirst\r\nsecond\r\n");
	ck_assert_uint_eq(sim_result(sim)->after.n_rcpts, 1);
	ck_assert_str_eq(sim_result(sim)->after.rcpt[0], "<other@b.example>");
	ck_assert_str_eq(sim_result(sim)->after.quarantine, "why");
	ck_assert_str_eq(
	    json_string_value(json_object_get(sim_result(sim)->meta, "k")),
	    "v");
	sim_free(sim);
	str_fini(&out);
	policy_done();
}
END_TEST

/* Who a client is reaches the policy, and macros that were asked for. */
START_TEST(clients_are_described)
{
	static const struct sim_macro macro[] = { { "{daemon_name}",
	    "submission" } };
	struct sim_client c;
	struct sim_answer a = { 0 };
	struct str out = { 0 };
	struct sim *sim;

	policy_use("", "kumo.on('smtp_server_mail_from', function(a, m)\n"
		       "  kumo.reject(550, table.concat({\n"
		       "    m:get_meta 'received_from',\n"
		       "    m:get_meta 'received_via',\n"
		       "    m:get_meta 'authn_id',\n"
		       "    m:get_meta 'tls_protocol_version',\n"
		       "    m:get_meta 'hostname'}, ' ')) end)");
	sim_client_init(&c);
	ck_assert_int_eq(ip_parse(&c.ip, "2001:db8::1", NULL), 0);
	c.user = "ann";
	c.tls_version = "TLSv1.3";
	c.macro = macro;
	c.n_macros = 1;
	sim = sim_open(&c, NULL);
	sim_greet(sim, &a);
	sim_answer_fini(&a);
	sim_command(sim, "EHLO a", &a);
	sim_answer_fini(&a);
	sim_command(sim, "MAIL FROM:<>", &a);
	str_adds(&out, str_c(&a.text));
	sim_answer_fini(&a);
	sim_free(sim);
	ck_assert_str_eq(str_c(&out),
	    "550 [2001:db8::1]:40000 192.0.2.25:25 ann TLSv1_3 "
	    "mx.example.test");
	str_fini(&out);
	policy_done();
}
END_TEST

static Suite *
sim_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("sim", &tc);

	tcase_add_loop_test(tc, dialogues, 0, (int)UNIT_N(rows));
	tcase_add_test(tc, edits_are_done);
	tcase_add_test(tc, clients_are_described);
	return s;
}

UNIT_MAIN(sim_suite)
