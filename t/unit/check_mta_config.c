/*
 * What is read of main.cf, master.cf and sendmail.cf.
 */
#include "mta_text.h"

#include "milter/clock.h"
#include "milter/str.h"

#define SMTP "smtp inet n - n - - smtpd\n"

/* The rest of it, then each filter: socket, path, action, times. */
static void
describe(struct str *out, const struct mta_config *c)
{
	str_addf(
	    out, "%s %s", c->version, c->user[0] != '\0' ? c->user : "root");
	if (c->list_line != 0)
		str_addf(out, " at %d", c->list_line);
	if (c->others[0] != '\0')
		str_addf(out, " others=%s", c->others);
	if (c->chrooted[0] != '\0')
		str_addf(out, " chroot=%s", c->chrooted);
	if (c->unfiltered[0] != '\0')
		str_addf(out, " unfiltered=%s", c->unfiltered);
	for (int i = 0; i < c->n; i++) {
		const struct mta_filter *f = &c->filter[i];

		str_addf(out, "; %s%s%s %s %s %d/%d", f->name,
		    f->name[0] != '\0' ? " " : "", f->socket,
		    f->path[0] != '\0' ? f->path : "-",
		    f->action[0] != '\0' ? f->action : "-",
		    (int)(f->command / CLOCK_S), (int)(f->content / CLOCK_S));
		if (f->protocol != 0 && f->protocol != 6)
			str_addf(out, " protocol %d", f->protocol);
		if (f->line != 0)
			str_addf(out, " at %d", f->line);
	}
}

static void
compare(const struct mta_config *c, const char *expected, const char *text)
{
	struct str got = { 0 };

	describe(&got, c);
	ck_assert_msg(strcmp(str_c(&got), expected) == 0, "%s\n-> %s\nnot %s",
	    text, str_c(&got), expected);
	str_fini(&got);
}

#define HEAD "3.7.11 postfix"

static const struct {
	const char *main_cf, *master_cf, *expected;
} postfix[] = {
	{ "", SMTP, HEAD },
	{ "smtpd_milters =\n", SMTP, HEAD " at 1" },
	/* sockets: a path of its own counts from the queue */
	{ "smtpd_milters = unix:a/b\n", SMTP,
	    HEAD " at 1; unix:a/b /var/spool/postfix/a/b tempfail 30/300" },
	{ "queue_directory = /q\n\nsmtpd_milters=local:a\n", SMTP,
	    HEAD " at 3; local:a /q/a tempfail 30/300" },
	{ "smtpd_milters = unix:/run/a\n", SMTP,
	    HEAD " at 1; unix:/run/a /run/a tempfail 30/300" },
	{ "smtpd_milters = inet:localhost:8891\n", SMTP,
	    HEAD " at 1; inet:localhost:8891 - tempfail 30/300" },
	{ "smtpd_milters = inet:[::1]:8891\n", SMTP,
	    HEAD " at 1; inet:[::1]:8891 - tempfail 30/300" },
	/* several, apart by comma, blank or both */
	{ "smtpd_milters = inet:a:1,inet:b:2 inet:c:3 , inet:d:4\n", SMTP,
	    HEAD " at 1; inet:a:1 - tempfail 30/300; inet:b:2 - tempfail "
		 "30/300; inet:c:3 - tempfail 30/300; inet:d:4 - tempfail "
		 "30/300" },
	/* values of one */
	{ "smtpd_milters = { inet:a:1, default_action=accept, "
	  "command_timeout = 2m, content_timeout=1h } inet:b:2\n",
	    SMTP,
	    HEAD " at 1; inet:a:1 - accept 120/3600; inet:b:2 - tempfail "
		 "30/300" },
	{ "smtpd_milters = {inet:a:1}\n", SMTP,
	    HEAD " at 1; inet:a:1 - tempfail 30/300" },
	{ "smtpd_milters = { inet:a:1 , protocol = 4 }\n", SMTP,
	    HEAD " at 1; inet:a:1 - tempfail 30/300 protocol 4" },
	{ "smtpd_milters = { inet:a:1\n", SMTP,
	    HEAD " at 1; inet:a:1 - tempfail 30/300" },
	{ "smtpd_milters = {}, { }, inet:b:2\n", SMTP,
	    HEAD " at 1; inet:b:2 - tempfail 30/300" },
	/* values of all; the last line of a name is where it is set */
	{ "milter_default_action = accept\nmilter_command_timeout = 1d\n"
	  "milter_content_timeout = 1w\nmilter_protocol = 2\n"
	  "non_smtpd_milters = inet:a:1\nmail_owner = me\n"
	  "mail_version = 3.12-1\nsmtpd_milters = inet:a:1\n",
	    SMTP,
	    "3.12-1 me at 8 others=inet:a:1; inet:a:1 - accept "
	    "86400/604800 protocol 2" },
	{ "milter_command_timeout = 45\nsmtpd_milters = inet:a:1\n", SMTP,
	    HEAD " at 2; inet:a:1 - tempfail 45/300" },
	{ "#smtpd_milters = inet:b:2\nsmtpd_milters_x = y\n"
	  "smtpd_milters\t= inet:a:1\n",
	    SMTP, HEAD " at 3; inet:a:1 - tempfail 30/300" },
	/* services */
	{ "", "smtp inet n - y - - smtpd\n", HEAD " chroot=smtp" },
	{ "", "smtp inet n - - - - smtpd\n", HEAD },
	{ "", "smtp inet n - y - - postscreen\nsmtpd pass - - y - - smtpd\n",
	    HEAD " chroot=smtpd" },
	{ "", "relay unix - - y - - smtp\n", HEAD },
	{ "", SMTP "submission inet n - n - - smtpd\n -o smtpd_milters=\n",
	    HEAD " unfiltered=submission" },
	{ "", SMTP "submission inet n - n - - smtpd\n -o smtpd_milters=x:1\n",
	    HEAD },
	{ "", SMTP " -o smtpd_milters=\n -o smtpd_proxy_filter=x\n",
	    HEAD " unfiltered=smtp" },
	{ "", SMTP " -o non_smtpd_milters=\n", HEAD },
};

START_TEST(of_postfix)
{
	struct mta_config c;

	mta_postfix(&c, postfix[_i].main_cf, postfix[_i].master_cf);
	compare(&c, postfix[_i].expected, postfix[_i].main_cf);
}
END_TEST

#define CF "V10/Berkeley\nDZ8.17.1.9/Debian\n"
#define LIST(list) CF "O InputMailFilters=" list "\n"
#define X "Xkumilter, S=unix:/k, F=T, T=C:5m;S:30s;R:90s;E:5m\n"

static const struct {
	const char *text, *expected;
} sendmail[] = {
	{ "", " root" },
	{ CF, "8.17.1.9 root" },
	/* asked is what is in the list, in its order */
	{ CF X, "8.17.1.9 root" },
	{ LIST("kumilter") X,
	    "8.17.1.9 root at 3; kumilter unix:/k /k T 90/90 at 4" },
	{ LIST("a,kumilter") X "Xa, S=inet:1@localhost, F=R\n",
	    "8.17.1.9 root at 3; a inet:1@localhost - R 10/10 at 5; "
	    "kumilter unix:/k /k T 90/90 at 4" },
	{ LIST("nobody, kumilter") X,
	    "8.17.1.9 root at 3; kumilter unix:/k /k T 90/90 at 4" },
	/* sockets */
	{ LIST("a") "Xa, S=local:/l\n",
	    "8.17.1.9 root at 3; a local:/l /l - 10/10 at 4" },
	{ LIST("a") "Xa, S=/l, F=4\n",
	    "8.17.1.9 root at 3; a /l /l 4 10/10 at 4" },
	{ LIST("a") "Xa, S=inet6:1@[::1]\n",
	    "8.17.1.9 root at 3; a inet6:1@[::1] - - 10/10 at 4" },
	{ LIST("a") "Xa\n", "8.17.1.9 root at 3; a  - - 10/10 at 4" },
	/* times: R holds for the end of a message, too, and E for all of it */
	{ LIST("a") "Xa, S=/l, T=R:10m\n",
	    "8.17.1.9 root at 3; a /l /l - 600/300 at 4" },
	{ LIST("a") "Xa, S=/l, T=E:1h;R:10m;C:1s\n",
	    "8.17.1.9 root at 3; a /l /l - 600/600 at 4" },
	{ LIST("a") "Xa, S=/l, T=S:1m\n",
	    "8.17.1.9 root at 3; a /l /l - 10/10 at 4" },
	{ LIST("a") "Xa, T=R:2m, F=T, S=/l\n",
	    "8.17.1.9 root at 3; a /l /l T 120/120 at 4" },
	/* who connects */
	{ LIST("a") "O RunAsUser=smmta:smmsp\nXa, S=/l\n",
	    "8.17.1.9 smmta at 3; a /l /l - 10/10 at 5" },
	{ CF "#O InputMailFilters=kumilter\n" X, "8.17.1.9 root" },
};

START_TEST(of_sendmail)
{
	struct mta_config c;

	mta_sendmail(&c, sendmail[_i].text);
	compare(&c, sendmail[_i].expected, sendmail[_i].text);
}
END_TEST

/* More filters than there is room for, and longer names. */
START_TEST(bounded)
{
	struct str main_cf = { 0 }, cf = { 0 }, list = { 0 };
	struct mta_config c;

	str_adds(&main_cf, "smtpd_milters =");
	for (int i = 0; i < 100; i++) {
		str_addf(&main_cf, " inet:a:%d%s", i, i == 99 ? "\n" : "");
		str_addf(&cf, "Xf%d, S=/%d\n", i, i);
		str_addf(&list, "%sf%d", i > 0 ? "," : "", i);
	}
	mta_postfix(&c, str_c(&main_cf), SMTP);
	ck_assert_int_eq(c.n, MTA_FILTERS_MAX);
	str_addf(&cf, "O InputMailFilters=%s\n", str_c(&list));
	mta_sendmail(&c, str_c(&cf));
	ck_assert_int_eq(c.n, MTA_FILTERS_MAX);
	str_clear(&cf);
	str_adds(&cf, "O InputMailFilters=");
	for (int i = 0; i < 3000; i++)
		str_addc(&cf, 'y');
	str_adds(&cf, "\nX");
	for (int i = 0; i < 3000; i++)
		str_addc(&cf, 'y');
	str_adds(&cf, ", S=unix:/");
	for (int i = 0; i < 3000; i++)
		str_addc(&cf, 'z');
	mta_sendmail(&c, str_c(&cf));
	ck_assert_int_eq(c.n, 1);
	ck_assert_uint_lt(strlen(c.filter[0].path), sizeof c.filter[0].path);
	str_clear(&main_cf);
	str_adds(&main_cf, "smtpd_milters = unix:");
	for (int i = 0; i < 3000; i++)
		str_addc(&main_cf, 'z');
	str_addc(&main_cf, '\n');
	mta_postfix(&c, str_c(&main_cf), SMTP);
	ck_assert_int_eq(c.n, 1);
	str_fini(&main_cf);
	str_fini(&cf);
	str_fini(&list);
}
END_TEST

START_TEST(not_there)
{
	struct mta_config c;
	struct err err;

	ck_assert_int_eq(mta_config_sendmail(&c, "/no/such/file", &err), -1);
	ck_assert_str_eq(err.msg, "/no/such/file: No such file or directory");
	ck_assert_int_eq(mta_config_postfix(&c, "/no/such", &err), -1);
	ck_assert_str_eq(err.msg, "postconf -c /no/such failed");
	setenv("PATH", "/no/such:", 1);
	ck_assert_int_eq(mta_config_postfix(&c, mta_dir, &err), -1);
	ck_assert_str_eq(err.msg, "postconf: No such file or directory");
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("mta_config", &t);

	tcase_add_checked_fixture(t, mta_setup, mta_teardown);
	tcase_add_loop_test(t, of_postfix, 0, UNIT_N(postfix));
	tcase_add_loop_test(t, of_sendmail, 0, UNIT_N(sendmail));
	tcase_add_test(t, bounded);
	tcase_add_test(t, not_there);
	return s;
}

UNIT_MAIN(suite)
