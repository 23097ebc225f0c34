/*
 * What is found in main.cf, master.cf and sendmail.cf, and the lines for them.
 *
 * Each trap that kumilter-doctor(8) names is a row.
 */
#include "mta_text.h"

#include "milter/clock.h"
#include "milter/doctor.h"

#define SMTP "smtp inet n - n - - smtpd\n"
#define TIMES "milter_command_timeout = 45s\nmilter_content_timeout = 405s\n"
#define TOP "queue_directory = @DIR@\nmail_owner = root\n"
#define GOOD TOP TIMES "smtpd_milters = unix:sock\n"
#define MAX 4

/* Handlers have 40 s, those of the end of a message 400 s. */
static const struct row {
	const char *first, *second; /* main.cf and master.cf; or sendmail.cf */
	/* each "wrong|risky PARAMETER:LINE what | why | paste", in parts */
	const char *expected[MAX];
	const char *listen; /* or the socket */
} postfix[] = {
	{ GOOD, SMTP, { NULL }, NULL },
	/* asked at all */
	{ TOP TIMES, SMTP,
	    { "wrong smtpd_milters:0 the MTA asks no milter | mail passes by "
	      "the policy | smtpd_milters = unix:@DIR@/sock\n"
	      "milter_default_action = tempfail\nmilter_protocol = 6\n"
	      "milter_connect_timeout = 30s\nmilter_command_timeout = 45s\n"
	      "milter_content_timeout = 405s\n" },
	    NULL },
	{ TOP "smtpd_milters = inet:localhost:1\n", SMTP,
	    { "wrong smtpd_milters:3 none of the MTA's milters is this "
	      "policy's |" },
	    NULL },
	{ TOP TIMES "smtpd_milters = inet:localhost:1, unix:sock\n", SMTP,
	    { NULL }, NULL },
	{ TOP TIMES "smtpd_milters = inet:127.0.0.1:8891\n", SMTP, { NULL },
	    "inet:8891@127.0.0.1" },
	{ TOP TIMES "smtpd_milters = inet:127.0.0.1:8892\n", SMTP,
	    { "wrong smtpd_milters:5 none of the MTA's milters" },
	    "inet:8891@127.0.0.1" },
	{ TOP TIMES "smtpd_milters = inet:127.0.0.1:8892\n", SMTP, { NULL },
	    "" },
	/* the socket */
	{ TOP TIMES "smtpd_milters = unix:kumilter.sock\n", SMTP,
	    { "wrong smtpd_milters:5 there is no @DIR@/kumilter.sock | the "
	      "daemon does not run, or listens elsewhere | kumilter serve "
	      "--listen unix:@DIR@/kumilter.sock" },
	    NULL },
	{ TOP TIMES "smtpd_milters = unix:main.cf\n", SMTP,
	    { "wrong smtpd_milters:5 @DIR@/main.cf is no socket" },
	    "unix:@DIR@/main.cf" },
	{ "queue_directory = @DIR@\n" TIMES
	  "mail_owner = daemon\nsmtpd_milters = unix:sock\n",
	    SMTP, { NULL }, NULL },
	{ "queue_directory = @DIR@\n" TIMES
	  "mail_owner = no such user\nsmtpd_milters = unix:sock\n",
	    SMTP, { NULL }, NULL },
	/* a path from / is inside the chroot */
	{ TOP TIMES "smtpd_milters = unix:@DIR@/sock\n", SMTP, { NULL }, NULL },
	{ TOP TIMES "smtpd_milters = unix:@DIR@/sock\n",
	    "smtp inet n - y - - smtpd\n",
	    { "wrong smtpd_milters:5 service smtp runs in the chroot @DIR@, "
	      "where there is no @DIR@/sock | a path from / is one inside the "
	      "chroot; one without counts from queue_directory, in and out of "
	      "it | smtpd_milters = unix:sock" },
	    NULL },
	{ GOOD, "smtp inet n - y - - smtpd\n", { NULL }, NULL },
	/* Sendmail's form, which Postfix does not read */
	{ TOP TIMES "smtpd_milters = inet:8891@kumilter\n", SMTP,
	    { "wrong smtpd_milters:5 a socket in Sendmail's form: PORT@HOST | "
	      "Postfix writes inet:HOST:PORT |" },
	    NULL },
	/* patience */
	{ TOP "smtpd_milters = unix:sock\n", SMTP,
	    { "wrong milter_command_timeout:0 Postfix waits 30 s for an "
	      "answer, a handler may take 40 s | Postfix gives up on the rest "
	      "of the session while the policy still works (event_timeout) | "
	      "milter_command_timeout = 45s",
		"wrong milter_content_timeout:0 Postfix waits 300 s for the "
		"end of a message, its handlers may take 400 s | Postfix gives "
		"up on the message while the policy still works "
		"(message_timeout) | milter_content_timeout = 405s" },
	    NULL },
	{ TOP "milter_command_timeout = 40s\nmilter_content_timeout = 1h\n"
	      "smtpd_milters = unix:sock\n",
	    SMTP, { "wrong milter_command_timeout:3 Postfix waits 40 s" },
	    NULL },
	{ TOP "milter_command_timeout = 41s\nmilter_content_timeout = 401\n"
	      "smtpd_milters = unix:sock\n",
	    SMTP, { NULL }, NULL },
	{ TOP TIMES "smtpd_milters = { unix:sock, command_timeout=1s }\n", SMTP,
	    { "wrong milter_command_timeout:3 Postfix waits 1 s" }, NULL },
	/* what is done without an answer */
	{ GOOD "milter_default_action = accept\n", SMTP,
	    { "risky milter_default_action:6 the default action is accept | "
	      "mail passes unseen while the daemon is away or too slow | "
	      "milter_default_action = tempfail" },
	    NULL },
	{ GOOD "milter_default_action = reject\n", SMTP,
	    { "risky milter_default_action:6 the default action is reject | "
	      "mail is lost to a 5xx" },
	    NULL },
	{ GOOD "milter_default_action = quarantine\n", SMTP, { NULL }, NULL },
	{ TOP TIMES "smtpd_milters = { unix:sock, default_action=accept }\n",
	    SMTP, { "risky milter_default_action:0 the default action" },
	    NULL },
	/* shutdown came with 3.11, where it is the default */
	{ GOOD "milter_default_action = shutdown\n", SMTP,
	    { "wrong milter_default_action:6 this Postfix does not know the "
	      "default action shutdown | clients get 451 4.3.5 Server "
	      "configuration problem; it came with 3.11 |" },
	    NULL },
	{ GOOD "milter_default_action = shutdown\nmail_version = 3.10.9\n",
	    SMTP, { "wrong milter_default_action:6" }, NULL },
	{ GOOD "milter_default_action = shutdown\nmail_version = 3.11-RC1\n",
	    SMTP, { NULL }, NULL },
	{ GOOD "milter_default_action = shutdown\nmail_version = 4.0.0\n", SMTP,
	    { NULL }, NULL },
	/* the protocol */
	{ GOOD "milter_protocol = 4\n", SMTP,
	    { "wrong milter_protocol:6 milter_protocol is below 6 |" }, NULL },
	{ TOP TIMES "smtpd_milters = { unix:sock, protocol=2 }\n", SMTP,
	    { "wrong milter_protocol:0 milter_protocol is below 6 |" }, NULL },
	{ GOOD "milter_protocol = 6\n", SMTP, { NULL }, NULL },
	/* mail without a client */
	{ GOOD "non_smtpd_milters = inet:a:1, unix:sock\n", SMTP,
	    { "risky non_smtpd_milters:6 mail of this machine is asked about, "
	      "too | there is no client: a refusal is a bounce or keeps the "
	      "mail in the queue | non_smtpd_milters =" },
	    NULL },
	{ GOOD "non_smtpd_milters = inet:a:1\n", SMTP, { NULL }, NULL },
	{ GOOD "non_smtpd_milters = {unix:sock,protocol=6}\n", SMTP,
	    { "risky non_smtpd_milters:6 mail of this machine" }, NULL },
	{ GOOD "non_smtpd_milters = unix:sock2 unix:a/unix:sock\n", SMTP,
	    { NULL }, NULL },
	/* services */
	{ GOOD, SMTP "submission inet n - n - - smtpd\n -o smtpd_milters=\n",
	    { "risky smtpd_milters (master.cf):0 service submission asks no "
	      "milter | mail that comes in there passes by the policy |" },
	    NULL },
	/* the order */
	{ TOP TIMES "smtpd_milters = inet:dkim:1 unix:sock\n", SMTP,
	    { "risky smtpd_milters:5 inet:dkim:1 is asked before this policy | "
	      "what the policy changes in a message comes after the "
	      "signature, which then fails | name this policy first" },
	    NULL },
	{ TOP TIMES "smtpd_milters = unix:sock inet:dkim:1\n", SMTP, { NULL },
	    NULL },
	/* all at once */
	{ TOP "smtpd_milters = unix:sock\nmilter_default_action = accept\n"
	      "milter_protocol = 2\n",
	    SMTP,
	    { "wrong milter_command", "wrong milter_content", "risky",
		"wrong milter_protocol" },
	    NULL },
};

#define CF "DZ8.17.1.9/Debian\nO InputMailFilters=kumilter\n"
#define X(what) CF "Xkumilter, " what "\n"
#define T ", T=C:30s;S:30s;R:405s;E:7m"
#define LINE                                                                   \
	"INPUT_MAIL_FILTER(`kumilter', `S=unix:@DIR@/sock, F=T, "              \
	"T=C:30s;S:30s;R:405s;E:405s')dnl"

static const struct row sendmail[] = {
	{ X("S=unix:@DIR@/sock, F=T" T), NULL, { NULL }, NULL },
	{ X("S=local:@DIR@/sock, F=4" T), NULL, { NULL }, NULL },
	{ CF, NULL,
	    { "wrong InputMailFilters:2 the MTA asks no milter | mail passes "
	      "by the policy | " LINE "\n" },
	    NULL },
	{ "O InputMailFilters=a\nXa, S=inet:1@localhost\n", NULL,
	    { "wrong InputMailFilters:1 none of the MTA's milters is this "
	      "policy's |" },
	    NULL },
	{ "O InputMailFilters=a\nXa, S=unix:@DIR@/sock, F=T" T "\n", NULL,
	    { NULL }, NULL },
	/* TCP: its side of it costs 40 ms for each command */
	{ X("S=inet:8891@127.0.0.1, F=T" T), NULL,
	    { "risky S=:3 a TCP socket | Sendmail's side of it costs some 40 "
	      "ms for each command | kumilter serve --listen unix:" },
	    "inet:8891@127.0.0.1" },
	{ X("S=inet6:8891@[::1], F=T" T), NULL, { "risky S=:3 a TCP socket" },
	    "inet6:8891@[::1]" },
	/* the socket */
	{ X("S=unix:@DIR@/none, F=T" T), NULL,
	    { "wrong S=:3 there is no @DIR@/none | the daemon does not run" },
	    NULL },
	{ X("S=unix:@DIR@/sendmail.cf, F=T" T), NULL,
	    { "wrong S=:3 @DIR@/sendmail.cf is no socket" }, NULL },
	/* what is done without an answer */
	{ X("S=unix:@DIR@/sock" T), NULL,
	    { "risky F=:3 no F= | mail passes unseen while the daemon is away "
	      "or too slow | " LINE },
	    NULL },
	{ X("S=unix:@DIR@/sock, F=R" T), NULL,
	    { "risky F=:3 F=R | mail is lost to a 5xx" }, NULL },
	/* patience: R is 10 s unless set, and holds for the end, too */
	{ X("S=unix:@DIR@/sock, F=T"), NULL,
	    { "wrong T=R:3 Sendmail waits 10 s for an answer, a handler may "
	      "take 40 s | Sendmail gives up on the rest of the session while "
	      "the policy still works (event_timeout) | " LINE,
		"wrong T=R, T=E:3 Sendmail waits 10 s for the end of a "
		"message, its handlers may take 400 s | R holds for the end of "
		"a message, too; Sendmail gives up" },
	    NULL },
	{ X("S=unix:@DIR@/sock, F=T, T=R:41s;E:10m"), NULL,
	    { "wrong T=R, T=E:3 Sendmail waits 41 s for the end" }, NULL },
	{ X("S=unix:@DIR@/sock, F=T, T=R:10m"), NULL,
	    { "wrong T=R, T=E:3 Sendmail waits 300 s for the end" }, NULL },
	{ X("S=unix:@DIR@/sock, F=T, T=R:401s;E:401s"), NULL, { NULL }, NULL },
	/* the order */
	{ "O InputMailFilters=sign,k\nXk, S=unix:@DIR@/sock, F=T" T
	  "\nXsign, S=inet:1@opendkim\n",
	    NULL, { "risky InputMailFilters:1 inet:1@opendkim is asked" },
	    NULL },
	{ "O InputMailFilters=opendkim,k\nXk, S=unix:@DIR@/sock, F=T" T
	  "\nXopendkim, S=inet:1@localhost\n",
	    NULL, { "risky InputMailFilters:1 inet:1@localhost is asked" },
	    NULL },
	{ "O InputMailFilters=k,opendkim\nXk, S=unix:@DIR@/sock, F=T" T
	  "\nXopendkim, S=inet:1@localhost\n",
	    NULL, { NULL }, NULL },
	/* who connects */
	{ "O RunAsUser=daemon:daemon\n" X("S=unix:@DIR@/sock, F=T" T), NULL,
	    { NULL }, NULL },
};

/* Text with the folder in it; to be freed. */
static char *
placed(const char *text)
{
	struct str s = { 0 };

	for (const char *at; (at = strstr(text, "@DIR@")) != NULL;
	     text = at + strlen("@DIR@")) {
		str_add(&s, text, (size_t)(at - text));
		str_adds(&s, mta_dir);
	}
	str_adds(&s, text);
	return str_take(&s);
}

struct seen {
	struct str text[16];
	int n;
};

static void
on_found(void *arg, const struct doctor_finding *f)
{
	struct seen *seen = arg;

	ck_assert_int_lt(seen->n, 16);
	ck_assert_msg(f->file[0] == '/', "%s", f->file);
	str_addf(&seen->text[seen->n++], "%s %s:%d %s | %s | %s",
	    f->kind == DOCTOR_WRONG ? "wrong" : "risky", f->parameter, f->line,
	    f->what, f->why, f->paste);
}

static int
look(struct seen *seen, enum mta mta, const struct mta_config *c,
    const char *listen)
{
	char *sock = placed(listen != NULL ? listen : "unix:@DIR@/sock");
	struct doctor_needs needs = { .listen = *sock != '\0' ? sock : NULL,
		.event_timeout = 40 * CLOCK_S,
		.message_timeout = 400 * CLOCK_S };
	int n = doctor_look(mta, c, &needs, on_found, seen);

	ck_assert_int_eq(n, seen->n);
	free(sock);
	return n;
}

static void
expect(struct seen *seen, const char *const *expected, const char *text)
{
	int n = 0;

	for (; n < MAX && expected[n] != NULL; n++) {
		char *part = placed(expected[n]);

		ck_assert_msg(n < seen->n, "%s\n-> no %s", text, part);
		ck_assert_msg(
		    strncmp(str_c(&seen->text[n]), part, strlen(part)) == 0,
		    "%s\n-> %s\nnot %s", text, str_c(&seen->text[n]), part);
		free(part);
	}
	ck_assert_msg(
	    n == seen->n, "%s\n-> %s, too", text, str_c(&seen->text[n]));
	for (int i = 0; i < seen->n; i++)
		str_fini(&seen->text[i]);
}

START_TEST(of_postfix)
{
	const struct row *r = &postfix[_i];
	struct seen seen = { .n = 0 };
	struct mta_config c;

	mta_postfix(&c, r->first, r->second);
	look(&seen, MTA_POSTFIX, &c, r->listen);
	expect(&seen, r->expected, r->first);
}
END_TEST

START_TEST(of_sendmail)
{
	const struct row *r = &sendmail[_i];
	struct seen seen = { .n = 0 };
	struct mta_config c;

	mta_sendmail(&c, r->first);
	look(&seen, MTA_SENDMAIL, &c, r->listen);
	expect(&seen, r->expected, r->first);
}
END_TEST

/* Rights to the socket, for one who is neither its owner nor root. */
static const struct {
	mode_t folder, sock;
	const char *expected[MAX];
} rights[] = {
	{ 0755, 0666, { NULL } },
	{ 0711, 0662, { NULL } },
	{ 0755, 0660,
	    { "wrong smtpd_milters:3 daemon may not write to @DIR@/sock | "
	      "connecting to a socket takes the right to write to it | "
	      "kumilter serve --socket-group daemon --socket-mode 0660" } },
	{ 0755, 0664, { "wrong smtpd_milters:3 daemon may not write to" } },
	{ 0700, 0666,
	    { "wrong smtpd_milters:3 daemon may not enter @DIR@ | the MTA "
	      "cannot reach the socket | chmod a+x @DIR@" } },
};

START_TEST(of_rights)
{
	struct seen seen = { .n = 0 };
	struct mta_config c;
	char path[256];

	mta_postfix(&c,
	    "queue_directory = @DIR@\nmail_owner = daemon\n"
	    "smtpd_milters = unix:sock\n" TIMES,
	    SMTP);
	c.filter[0].line = 0;
	mta_path(path, sizeof path, "sock");
	ck_assert_int_eq(chmod(path, rights[_i].sock), 0);
	ck_assert_int_eq(chmod(mta_dir, rights[_i].folder), 0);
	look(&seen, MTA_POSTFIX, &c, NULL);
	expect(&seen, rights[_i].expected, "rights");
}
END_TEST

/* What is printed; and of it nothing is found. */
static const struct {
	enum mta mta;
	const char *listen;
	int event, message; /* s */
	const char *expected;
} lines[] = {
	{ MTA_POSTFIX, NULL, 10, 60,
	    "smtpd_milters = unix:kumilter/milter.sock\n"
	    "milter_default_action = tempfail\n"
	    "milter_protocol = 6\n"
	    "milter_connect_timeout = 30s\n"
	    "milter_command_timeout = 30s\n"
	    "milter_content_timeout = 300s\n" },
	{ MTA_POSTFIX, "unix:/var/spool/postfix/a/b", 100, 1000,
	    "smtpd_milters = unix:a/b\n"
	    "milter_default_action = tempfail\n"
	    "milter_protocol = 6\n"
	    "milter_connect_timeout = 30s\n"
	    "milter_command_timeout = 105s\n"
	    "milter_content_timeout = 1005s\n" },
	{ MTA_POSTFIX, "inet:8891", 1, 1,
	    "smtpd_milters = inet:127.0.0.1:8891"
	    "\n" },
	{ MTA_POSTFIX, "inet:8891@mx.example", 1, 1,
	    "smtpd_milters = inet:mx.example:8891\n" },
	{ MTA_POSTFIX, "inet6:8891@[::1]", 1, 1,
	    "smtpd_milters = inet:[::1]:8891\n" },
	{ MTA_SENDMAIL, NULL, 10, 60,
	    "INPUT_MAIL_FILTER(`kumilter', `S=unix:/run/kumilter-milter.sock, "
	    "F=T, T=C:30s;S:30s;R:90s;E:300s')dnl\n" },
	{ MTA_SENDMAIL, "inet:8891", 10, 600,
	    "INPUT_MAIL_FILTER(`kumilter', `S=inet:8891@127.0.0.1, F=T, "
	    "T=C:30s;S:30s;R:605s;E:605s')dnl\n" },
	{ MTA_SENDMAIL, "unix:/a", 200, 60,
	    "INPUT_MAIL_FILTER(`kumilter', `S=unix:/a, F=T, "
	    "T=C:30s;S:30s;R:205s;E:300s')dnl\n" },
};

START_TEST(printed)
{
	struct doctor_needs needs = { .listen = lines[_i].listen,
		.event_timeout = lines[_i].event * CLOCK_S,
		.message_timeout = lines[_i].message * CLOCK_S };
	struct str out = { 0 };

	doctor_print_config(&out, lines[_i].mta, &needs);
	ck_assert_msg(strncmp(str_c(&out), lines[_i].expected,
			  strlen(lines[_i].expected)) == 0,
	    "%s\nnot %s", str_c(&out), lines[_i].expected);
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("doctor", &t);

	tcase_add_checked_fixture(t, mta_setup, mta_teardown);
	tcase_add_loop_test(t, of_postfix, 0, UNIT_N(postfix));
	tcase_add_loop_test(t, of_sendmail, 0, UNIT_N(sendmail));
	tcase_add_loop_test(t, of_rights, 0, UNIT_N(rights));
	tcase_add_loop_test(t, printed, 0, UNIT_N(lines));
	return s;
}

UNIT_MAIN(suite)
