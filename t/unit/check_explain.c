#include "unit.h"

#include "milter/cli_explain.h"
#include "milter/explain.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define MAX_ARGS 24

/* Standard output and error of one run of the verb. */
struct run {
	int status;
	char out[16384], err[4096];
};

static void
read_back(FILE *f, int fd, int saved, char *buf, size_t size)
{
	size_t n;

	fflush(fd == 1 ? stdout : stderr);
	dup2(saved, fd);
	close(saved);
	rewind(f);
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	fclose(f);
}

/* args: words separated by blanks; TEXT comes last. */
static void
run_verb(struct run *run, const char *args, const char *text)
{
	FILE *out = tmpfile(), *err = tmpfile();
	int saved_out, saved_err, argc = 0;
	char words[512], *argv[MAX_ARGS], *last = NULL;

	snprintf(words, sizeof words, "explain-reply %s", args);
	for (char *w = strtok_r(words, " ", &last); w != NULL;
	     w = strtok_r(NULL, " ", &last))
		argv[argc++] = w;
	if (text != NULL)
		argv[argc++] = (char *)(uintptr_t)text;
	argv[argc] = NULL;

	fflush(stdout);
	saved_out = dup(1);
	saved_err = dup(2);
	dup2(fileno(out), 1);
	dup2(fileno(err), 2);
	run->status = cli_explain(argc, argv);
	read_back(out, 1, saved_out, run->out, sizeof run->out);
	read_back(err, 2, saved_err, run->err, sizeof run->err);
}

#define MX "--json --host mx.example.test "
#define DUE "421 mx.example.test disconnecting due to previous error"
#define SM_DUE "421 4.0.0 mx.example.test disconnecting due to previous error"

/* In "lines" and at_mail, '|' between lines; "" is [], at_mail NULL null. */
static const struct {
	const char *args, *text;
	int code;
	const char *given_at, *lines, *at_mail;
	bool closes;
	const char *next; /* NULL: not condemned */
} answers[] = {
	{ "--mta postfix --stage mail 421", "mta.example.com go away!", 421,
	    "mail", "421 mta.example.com go away!", NULL, true, NULL },
	{ "--mta sendmail --stage mail 421", "mta.example.com go away!", 421,
	    "mail", "421 4.0.0 mta.example.com go away!", NULL, true, NULL },
	{ "--mta postfix --stage connect 421", "x", 421, "connect",
	    "421 mx.example.test Service unavailable - try again later", NULL,
	    true, NULL },
	{ "--mta postfix --stage connect 550", "5.7.1 x", 550, "mail",
	    "550 5.7.1 x", NULL, false, DUE },
	{ "--mta sendmail --stage connect 550", "5.7.1 x", 550, "mail",
	    "550 5.7.1 <a@example.org>... x", NULL, false, SM_DUE },
	{ "--mta sendmail --stage connect --address b@x 550", "5.7.1 x", 550,
	    "mail", "550 5.7.1 <b@x>... x", NULL, false, SM_DUE },
	{ "--mta postfix --stage connect --stage-reject rcpt 550", "x", 550,
	    "rcpt", "550 x", NULL, false, DUE },
	{ "--mta postfix --stage connect --stage-reject now 550", "x", 550,
	    "connect", "554 mx.example.test ESMTP not accepting connections",
	    "550 x", false, NULL },
	{ "--mta sendmail --stage connect --stage-reject now 450", "x", 450,
	    "connect", "", "451 4.3.2 Please try again later", false, NULL },
	{ "--mta postfix --stage helo 550", "x", 550, "mail", "550 x", NULL,
	    false, NULL },
	{ "--mta postfix --stage helo --mode FollowWith421 550", "x", 550,
	    "mail", "550 x", NULL, false, DUE },
	{ "--mta postfix --stage helo --mode If421 550", "x", 550, "mail",
	    "550 x", NULL, false, NULL },
	{ "--mta postfix --stage rcpt --mode ForceDisconnect 550", "x", 550,
	    "rcpt", "550 x", NULL, false, DUE },
	{ "--mta postfix --stage rcpt --mode ForceDisconnect "
	  "--force-disconnect drop 550",
	    "5.7.1 x", 521, "rcpt", "521 5.7.1 x", NULL, true, NULL },
	{ "--mta sendmail --stage rcpt --mode ForceDisconnect "
	  "--force-disconnect drop 451",
	    "4.7.1 x", 421, "rcpt", "421 4.7.1 x", NULL, true, NULL },
	{ "--mta postfix --stage data 554", "x\\ny", 554, "eom",
	    "554-5.0.0 x|554 5.0.0 y", NULL, false, NULL },
	{ "--mta postfix --stage data --data-reject now 554", "x\ny", 554,
	    "data", "554-5.0.0 x|554 5.0.0 y", NULL, false, NULL },
	{ "--mta postfix --stage unknown 500", "x", 500, "unknown", "500 x",
	    NULL, false, NULL },
	{ "--mta postfix --stage eom 451", "100%", 451, "eom", "451 4.0.0 100%",
	    NULL, false, NULL },
};

static void
join(struct str *out, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		str_addf(out, "%s%s", i == 0 ? "" : "|",
		    json_string_value(json_array_get(list, i)));
}

static void
check_answer(int i, const json_t *o)
{
	struct str lines = { 0 }, at_mail = { 0 };
	const json_t *later = json_object_get(o, "at_mail");
	const char *next = json_string_value(json_object_get(o, "next"));
	const char *at;

	join(&lines, json_object_get(o, "lines"));
	join(&at_mail, later);
	at = json_string_value(json_object_get(o, "given_at"));
	ck_assert_msg(
	    json_integer_value(json_object_get(o, "code")) == answers[i].code &&
		strcmp(at, answers[i].given_at) == 0 &&
		strcmp(str_c(&lines), answers[i].lines) == 0,
	    "row %d: %s: at %s \"%s\"", i, answers[i].args, at, str_c(&lines));
	ck_assert_msg(
	    json_is_null(later) == (answers[i].at_mail == NULL) &&
		strcmp(str_c(&at_mail),
		    answers[i].at_mail ? answers[i].at_mail : "") == 0,
	    "row %d: %s: at mail \"%s\"", i, answers[i].args, str_c(&at_mail));
	ck_assert_msg(
	    json_is_true(json_object_get(o, "closes")) == answers[i].closes,
	    "row %d: %s: closes", i, answers[i].args);
	ck_assert_msg(json_is_true(json_object_get(o, "condemned")) ==
			      (answers[i].next != NULL) &&
			  (next == NULL) == (answers[i].next == NULL) &&
			  (next == NULL || strcmp(next, answers[i].next) == 0),
	    "row %d: %s: next %s", i, answers[i].args, next ? next : "null");
	str_fini(&lines);
	str_fini(&at_mail);
}

START_TEST(json_says_what_happens)
{
	struct run run;
	char args[512];
	json_t *o;

	snprintf(args, sizeof args, MX "%s", answers[_i].args);
	run_verb(&run, args, answers[_i].text);
	ck_assert_msg(
	    run.status == 0, "row %d: %d, %s", _i, run.status, run.err);
	ck_assert_str_eq(run.err, "");
	o = json_loads(run.out, 0, NULL);
	ck_assert_msg(o != NULL, "row %d: no JSON: %s", _i, run.out);
	check_answer(_i, o);
	json_decref(o);
}
END_TEST

/* Questions that cannot be asked, and the words that say so. */
static const struct {
	const char *args, *text, *says;
} misuses[] = {
	{ "", NULL, "--mta and --stage are needed" },
	{ "--mta postfix 550", "x", "--mta and --stage are needed" },
	{ "--stage mail 550", "x", "--mta and --stage are needed" },
	{ "--mta postfix --stage mail 550", NULL, "CODE and TEXT" },
	{ "--mta postfix --stage mail 550 x", "y", "CODE and TEXT" },
	{ "--mta exim --stage mail 550", "x", "\"exim\" is no MTA" },
	{ "--mta postfix --stage data2 550", "x", "\"data2\" is no stage" },
	{ "--mta postfix --stage close 550", "x", "nothing can be said" },
	{ "--mta postfix --stage mail 250", "x",
	    "250: a refusal's code is 400 to 599; kumilter treats any other "
	    "as an error of the policy" },
	{ "--mta postfix --stage mail 600", "x", "400 to 599" },
	{ "--mta postfix --stage mail 399", "x", "400 to 599" },
	{ "--mta postfix --stage mail 99999999999999999999", "x",
	    "400 to 599" },
	{ "--mta postfix --stage mail 5x0", "x", "\"5x0\" is no code" },
	{ "--mta postfix --stage mail --mode force 550", "x",
	    "--mode: reject, or expected one of 'If421'" },
	{ "--mta postfix --stage mail --stage-reject eom 550", "x",
	    "'mail', 'rcpt' or 'now'" },
	{ "--mta postfix --stage mail --frobnicate 550", "x",
	    "--frobnicate: unknown option" },
	{ "--mta postfix --stage", NULL, "--stage needs a value" },
};

START_TEST(misuse_is_named)
{
	struct run run;

	run_verb(&run, misuses[_i].args, misuses[_i].text);
	ck_assert_msg(
	    run.status == EX_USAGE && strstr(run.err, misuses[_i].says) != NULL,
	    "row %d: %s: %d, \"%s\"", _i, misuses[_i].args, run.status,
	    run.err);
	ck_assert_str_eq(run.out, "");
	ck_assert_int_eq(strncmp(run.err, "kumilter explain-reply: ", 24), 0);
}
END_TEST

START_TEST(help_is_no_error)
{
	struct run run;

	run_verb(&run, "--help", NULL);
	ck_assert_int_eq(run.status, 0);
	ck_assert_ptr_nonnull(strstr(run.out, "usage: kumilter explain-reply"));
}
END_TEST

/* Phrases that the answer in words has, besides the lines themselves. */
static const struct {
	const char *args, *text, *says;
} words[] = {
	{ "--mta postfix --stage mail 421", "x", "at MAIL (at once):" },
	{ "--mta postfix --stage mail 421", "x", "    421 x\n" },
	{ "--mta postfix --stage mail 421", "x", "then closes" },
	{ "--mta postfix --stage connect 550", "x", "reads, at MAIL:" },
	{ "--mta postfix --stage connect 550", "x", "condemned" },
	{ "--mta postfix --stage connect 550", "x", "    " DUE "\n" },
	{ "--mta postfix --stage connect 421", "x", "text is lost" },
	{ "--mta postfix --stage helo 550", "x", "every MAIL gets this" },
	{ "--mta postfix --stage data 550", "x", "end of the message" },
	{ "--mta postfix --stage data --data-reject now 550", "x", "hang" },
	{ "--mta postfix --stage mail 550", "100%", "doubled" },
	{ "--mta postfix --stage mail 550", "4.1.1 x", "class was made" },
	{ "--mta postfix --stage mail 550", "", "kumilter's own" },
	{ "--mta postfix --stage mail 550", "\xff", "not UTF-8" },
	{ "--mta sendmail --stage mail 550", "\xc3\xa9", "not ASCII" },
	{ "--mta sendmail --stage mail 521", "x", "not close on 521" },
	{ "--mta sendmail --stage mail 550", "x", "address in front" },
	{ "--mta postfix --stage unknown 550", "x", "Postfix 3.12" },
	{ "--mta sendmail --stage helo --stage-reject now 550", "x",
	    "reads nothing of it at HELO" },
	{ "--mta postfix --stage helo --stage-reject now 521", "x",
	    "once it has said this 521" },
	{ "--mta postfix --stage rcpt --mode ForceDisconnect 550", "x",
	    "kumo.disconnect(550, ..., 'ForceDisconnect') at RCPT" },
};

START_TEST(words_say_what_matters)
{
	struct run run;
	char args[512];

	snprintf(
	    args, sizeof args, "--host mx.example.test %s", words[_i].args);
	run_verb(&run, args, words[_i].text);
	ck_assert_int_eq(run.status, 0);
	ck_assert_msg(strstr(run.out, words[_i].says) != NULL,
	    "row %d: %s: no \"%s\" in\n%s", _i, words[_i].args, words[_i].says,
	    run.out);
}
END_TEST

START_TEST(names_may_be_any_bytes)
{
	struct run run;
	json_t *o;

	run_verb(&run,
	    "--json --host m\xff --mta sendmail --address \xfe@x "
	    "--mode FollowWith421 --stage mail 550",
	    "\xff");
	ck_assert_int_eq(run.status, 0);
	o = json_loads(run.out, 0, NULL);
	ck_assert_ptr_nonnull(o);
	ck_assert_str_eq(json_string_value(json_object_get(o, "next")),
	    "421 4.0.0 m? disconnecting due to previous error");
	ck_assert_str_eq(
	    json_string_value(json_array_get(json_object_get(o, "lines"), 0)),
	    "550 5.0.0 <\\xfe@x>... ?");
	json_decref(o);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("explain", &t);

	tcase_add_loop_test(t, json_says_what_happens, 0, UNIT_N(answers));
	tcase_add_loop_test(t, misuse_is_named, 0, UNIT_N(misuses));
	tcase_add_test(t, help_is_no_error);
	tcase_add_loop_test(t, words_say_what_matters, 0, UNIT_N(words));
	tcase_add_test(t, names_may_be_any_bytes);
	return s;
}

UNIT_MAIN(suite)
