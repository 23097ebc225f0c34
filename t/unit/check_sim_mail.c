#include "unit.h"

#include "milter/sim_mail.h"
#include "milter/xmalloc.h"

#include <string.h>

/* Any line ends in, CRLF out; what is no field ends the headers. */
static const struct {
	const char *name, *in, *out;
} reads[] = {
	{ "plain", "A: b\n\nbody\n", "A: b\r\n\r\nbody\r\n" },
	{ "CRLF", "A: b\r\nC:d\r\n\r\nbody\r\n",
	    "A: b\r\nC:d\r\n\r\nbody\r\n" },
	{ "folds", "A: b\n c\n\td\nE: f\n\n",
	    "A: b\r\n c\r\n\td\r\nE: f\r\n\r\n" },
	{ "no body", "A: b\n", "A: b\r\n\r\n" },
	{ "no header", "\nbody\n", "\r\nbody\r\n" },
	{ "no field at all", "just text\nmore: text\n",
	    "\r\njust text\r\nmore: text\r\n" },
	{ "a line that is none ends them", "A: b\nfoo bar: c\nD: e\n",
	    "A: b\r\n\r\nfoo bar: c\r\nD: e\r\n" },
	{ "empty value", "A:\n\n", "A:\r\n\r\n" },
	{ "no last newline", "A: b\n\nbody", "A: b\r\n\r\nbody\r\n" },
	{ "nothing", "", "\r\n" },
};

static void
check_text(const struct sim_mail *m, const char *expected, const char *name)
{
	struct str out = { 0 };

	sim_mail_write(&out, m);
	ck_assert_msg(strcmp(str_c(&out), expected) == 0,
	    "%s: expected\n%sgot\n%s", name, expected, str_c(&out));
	str_fini(&out);
}

START_TEST(messages_are_read)
{
	struct sim_mail m = { 0 }, copy;

	sim_mail_read(&m, reads[_i].in, strlen(reads[_i].in));
	check_text(&m, reads[_i].out, reads[_i].name);
	sim_mail_copy(&copy, &m);
	sim_mail_fini(&m);
	check_text(&copy, reads[_i].out, reads[_i].name);
	sim_mail_fini(&copy);
}
END_TEST

/* On "A: 1", "B: 2", "a: 3", as the MTAs do it. */
static const struct {
	const char *name;
	struct edit edit;
	const char *fields;
} edits[] = {
	{ "delete the second", { EDIT_DELETE_HEADER, 2, "A", NULL, NULL },
	    "A: 1\r\nB: 2\r\n" },
	{ "delete what is not there",
	    { EDIT_DELETE_HEADER, 3, "A", NULL, NULL },
	    "A: 1\r\nB: 2\r\na: 3\r\n" },
	{ "change", { EDIT_CHANGE_HEADER, 1, "b", " x", NULL },
	    "A: 1\r\nB: x\r\na: 3\r\n" },
	{ "change what is not there adds it",
	    { EDIT_CHANGE_HEADER, 1, "C", " x", NULL },
	    "A: 1\r\nB: 2\r\na: 3\r\nC: x\r\n" },
	{ "on top", { EDIT_INSERT_HEADER, 0, "C", " x", NULL },
	    "C: x\r\nA: 1\r\nB: 2\r\na: 3\r\n" },
	{ "below the MTA's own", { EDIT_INSERT_HEADER, 1, "C", " x", NULL },
	    "C: x\r\nA: 1\r\nB: 2\r\na: 3\r\n" },
	{ "second", { EDIT_INSERT_HEADER, 2, "C", " x", NULL },
	    "A: 1\r\nC: x\r\nB: 2\r\na: 3\r\n" },
	{ "past the end", { EDIT_INSERT_HEADER, 99, "C", " x", NULL },
	    "A: 1\r\nB: 2\r\na: 3\r\nC: x\r\n" },
	{ "at the end", { EDIT_ADD_HEADER, 0, "A", " x", NULL },
	    "A: 1\r\nB: 2\r\na: 3\r\nA: x\r\n" },
};

START_TEST(edits_are_done)
{
	static const char text[] = "A: 1\nB: 2\na: 3\n\nbody\n";
	struct sim_mail m = { 0 };
	char *expected = xasprintf("%s\r\nbody\r\n", edits[_i].fields);

	sim_mail_read(&m, text, sizeof text - 1);
	sim_mail_edit(&m, &edits[_i].edit, NULL);
	check_text(&m, expected, edits[_i].name);
	free(expected);
	sim_mail_fini(&m);
}
END_TEST

START_TEST(envelopes_and_bodies_change)
{
	static const struct edit list[] = {
		{ EDIT_SENDER, 0, "<new@a.example>", NULL, NULL },
		{ EDIT_DELETE_RCPT, 0, "<one@b.example>", NULL, NULL },
		{ EDIT_DELETE_RCPT, 0, "<nobody@b.example>", NULL, NULL },
		{ EDIT_ADD_RCPT, 0, "<two@b.example>", NULL, NULL },
		{ EDIT_BODY, 0, "", NULL, NULL },
		{ EDIT_QUARANTINE, 0, "why", NULL, NULL },
	};
	struct sim_mail m = { 0 };
	static const struct body_limits limits = {
		.memory = 100, .total = 1 << 20, .folder = "/tmp"
	};
	struct body *body = body_new();
	struct err err;

	ck_assert_int_eq(body_add(body, "other\r\n", 7, &limits, &err), 0);
	sim_mail_sender(&m, "<old@a.example>");
	sim_mail_add_rcpt(&m, "<one@b.example>");
	sim_mail_read(&m, "A: 1\n\nbody\n", 11);
	for (size_t i = 0; i < UNIT_N(list); i++)
		sim_mail_edit(&m, &list[i], body);
	ck_assert_str_eq(m.sender, "<new@a.example>");
	ck_assert_uint_eq(m.n_rcpts, 1);
	ck_assert_str_eq(m.rcpt[0], "<two@b.example>");
	ck_assert_str_eq(m.quarantine, "why");
	check_text(&m, "A: 1\r\n\r\nother\r\n", "body");
	body_unref(body);
	sim_mail_fini(&m);
}
END_TEST

static Suite *
sim_mail_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("sim_mail", &tc);

	tcase_add_loop_test(tc, messages_are_read, 0, (int)UNIT_N(reads));
	tcase_add_loop_test(tc, edits_are_done, 0, (int)UNIT_N(edits));
	tcase_add_test(tc, envelopes_and_bodies_change);
	return s;
}

UNIT_MAIN(sim_mail_suite)
