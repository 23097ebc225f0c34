#include "milter/sendmail_list.h"
#include "unit.h"

#include <string.h>

/* What Sendmail 8.17 makes of it; NULL: the same. */
static const struct {
	const char *name, *raw, *expected;
} rows[] = {
	{ "To", "", NULL },
	{ "To", " ", NULL },
	{ "To", "b@c.de", NULL },
	{ "To", "  b@c.de", NULL },
	{ "To", "\tb@c.de", " b@c.de" },
	{ "To", "\n b@c.de", "  b@c.de" },
	{ "To", " \n\tb@c.de,\n\tc@d.de", "   b@c.de, c@d.de" },
	{ "To", " b@c.de  ", " b@c.de" },
	{ "To", " b@c.de,,c@d.de,", " b@c.de, c@d.de" },
	{ "To", " b@c.de ,c@d.de", " b@c.de, c@d.de" },
	{ "To", " \"A, B\" <b@c.de>,(com, ment) c@d.de (x, (y,z))",
	    " \"A, B\" <b@c.de>, (com, ment) c@d.de (x, (y,z))" },
	{ "To", " \"A\\\", B\" <b@c.de>", NULL },
	{ "To", " <@a,@b:c@d.de>", NULL },
	{ "To", " Group:a@b.de,c@d.de;", " Group:a@b.de, c@d.de;" },
	{ "To", " Carl\n  Long\n\tName <c@d.de>", NULL },
	{ "To", " \"no end,a@b.de", NULL },
	{ "To", " (no end,a@b.de", NULL },
	{ "To", " <no end,a@b.de", NULL },
	{ "To", " no end,a@b.de\\", NULL },
	{ "To",
	    " user0@example.net,user1@example.net,user2@example.net,"
	    "user3@example.net,user4@example.net,user5@example.net,"
	    "user6@example.net,user7@example.net",
	    " user0@example.net, user1@example.net, user2@example.net, "
	    "user3@example.net,\n        user4@example.net, "
	    "user5@example.net, user6@example.net,\n        "
	    "user7@example.net" },
	{ "Cc",
	    " N0 <user0@example.net>, N1 <user1@example.net>, "
	    "N2 <user2@example.net>, N3 <user3@example.net>, "
	    "N4 <user4@example.net>, N5 <user5@example.net>, "
	    "N6 <user6@example.net>",
	    " N0 <user0@example.net>, N1 <user1@example.net>, "
	    "N2 <user2@example.net>,\n        N3 <user3@example.net>, "
	    "N4 <user4@example.net>, N5 <user5@example.net>,\n        "
	    "N6 <user6@example.net>" },
};

/* And what it made stays. */
START_TEST(laid_out)
{
	const char *raw = rows[_i].raw, *expected = rows[_i].expected;
	struct str once = { 0 }, twice = { 0 };

	sendmail_list_write(&once, rows[_i].name, raw, strlen(raw));
	ck_assert_str_eq(str_c(&once), expected != NULL ? expected : raw);
	sendmail_list_write(&twice, rows[_i].name, str_c(&once), once.len);
	ck_assert_str_eq(str_c(&twice), str_c(&once));
	str_fini(&once);
	str_fini(&twice);
}
END_TEST

START_TEST(which_fields)
{
	ck_assert(sendmail_list_is("to"));
	ck_assert(sendmail_list_is("Reply-To"));
	ck_assert(!sendmail_list_is("X-To"));
	ck_assert(!sendmail_list_is("Return-Receipt-To"));
	ck_assert(!sendmail_list_is("References"));
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("sendmail_list", &t);

	tcase_add_loop_test(t, laid_out, 0, UNIT_N(rows));
	tcase_add_test(t, which_fields);
	return s;
}

UNIT_MAIN(suite)
