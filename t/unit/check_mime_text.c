#include "milter/mime_body.h"
#include "milter/mime_text.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* In what is expected, '|' is a line end. */
static char *
shown(const struct mime_part *part)
{
	struct str all = { 0 }, out = { 0 };

	mime_write(&all, part);
	for (size_t i = 0; i < all.len; i++)
		if (all.data[i] == '\n')
			str_addc(&out, '|');
		else if (all.data[i] != '\r')
			str_addc(&out, all.data[i]);
	str_fini(&all);
	return str_take(&out);
}

#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define B64 "Content-Transfer-Encoding: base64\r\n"
#define TYPE(rest) "Content-Type: text/plain" rest "\r\n"

static const struct {
	const char *was, *text, *type, *charset, *expected;
} rows[] = {
	/* what stays stays */
	{ "A: b\r\n\r\none\r\n", "two\n", NULL, NULL, "A: b||two|" },
	{ "A: b\r\n\r\none\r\n", "", NULL, NULL, "A: b||" },
	{ TYPE("; format=flowed;  CHARSET=us-ascii") "\r\none", "two", NULL,
	    NULL,
	    "Content-Type: text/plain; format=flowed;  CHARSET=us-ascii||two" },
	{ QP TYPE("; charset=iso-8859-1") "X: y\r\n\r\n=FC", "\xc3\xa4", NULL,
	    NULL,
	    "Content-Transfer-Encoding: quoted-printable|"
	    "Content-Type: text/plain; charset=iso-8859-1|X: y||=E4" },
	{ B64 "\r\nSGk=\r\n", "Ho", NULL, NULL,
	    "Content-Transfer-Encoding: base64||SG8=|" },
	{ "Content-Transfer-Encoding: 8bit\r\n" TYPE("; charset=utf-8") "\r\nx",
	    "\xc3\xa4", NULL, NULL,
	    "Content-Transfer-Encoding: 8bit|"
	    "Content-Type: text/plain; charset=utf-8||\xc3\xa4" },
	/* what the charset does not know */
	{ QP TYPE("; charset=iso-8859-1") "\r\n=FC", "\xe2\x82\xac", NULL, NULL,
	    "Content-Transfer-Encoding: quoted-printable|"
	    "Content-Type: text/plain;|\tcharset=\"utf-8\"||=E2=82=AC" },
	{ TYPE("; charset=x-none") "\r\nx", "y", NULL, NULL,
	    "Content-Type: text/plain;|\tcharset=\"utf-8\"||y" },
	{ "A: b\r\n\r\nx", "\xff\xc3\xa4", NULL, NULL,
	    "A: b|Content-Type: text/plain;|\tcharset=\"utf-8\"|"
	    "Content-Transfer-Encoding: base64||77+9w6Q=|" },
	/* what cannot be sent as it is */
	{ TYPE("; charset=utf-8") "\r\nx", "a long word, \xc3\xa4", NULL, NULL,
	    "Content-Type: text/plain; charset=utf-8|"
	    "Content-Transfer-Encoding: quoted-printable||"
	    "a long word, =C3=A4" },
	{ "Content-Transfer-Encoding: 7bit\r\n" TYPE("; charset=koi8-r") "\r\n",
	    "\xd0\xb4\xd0\xb0", NULL, NULL,
	    "Content-Transfer-Encoding: quoted-printable|"
	    "Content-Type: text/plain; charset=koi8-r||=C4=C1" },
	{ "A: b\r\n\r\nx", "a\rb", NULL, NULL,
	    "A: b|Content-Transfer-Encoding: quoted-printable||a=0Db" },
	/* a type, a charset */
	{ "Content-Type: image/png; name=x\r\n" B64 "\r\nAAAA", "t",
	    "text/html", NULL,
	    "Content-Type: text/html|"
	    "Content-Transfer-Encoding: base64||dA==|" },
	{ "A: b\r\n\r\nx", "\xc3\xa4", "text/html; a=b", "iso-8859-1",
	    "A: b|Content-Type: text/html;|\ta=\"b\";|\tcharset=\"iso-8859-1\"|"
	    "Content-Transfer-Encoding: quoted-printable||=E4" },
	{ "A: b\r\n\r\nx", "y", "TEXT/PLAIN", "", "A: b||y" },
	{ "Content-Type: nonsense\r\n\r\nx", "y", NULL, NULL,
	    "Content-Type: text/plain||y" },
	{ "Content-Type: multipart/mixed; boundary=b\r\n"
	  "Content-Transfer-Encoding: 8bit\r\nX: "
	  "y\r\n\r\n--b\r\n\r\nx\r\n--b--",
	    "y", NULL, NULL, "Content-Type: text/plain|X: y||y" },
	{ "A: b\r\n\r\nx", "ab", "text/plain", "utf-16le",
	    "A: b|Content-Type: text/plain;|\tcharset=\"utf-16le\"|"
	    "Content-Transfer-Encoding: base64||YQBiAA==|" },
	/* a head without its end */
	{ "A: b", "X: y\r\n", NULL, NULL, "A: b|X: y|" },
	{ "", "X: y\r\n", NULL, NULL, "|X: y|" },
	/* mistakes */
	{ "A: b\r\n\r\nx", "y", "text", NULL, NULL },
	{ "A: b\r\n\r\nx", "y", "te xt/plain", NULL, NULL },
	{ "A: b\r\n\r\nx", "y", NULL, "x-none", NULL },
};

START_TEST(row)
{
	struct mime_tree *tree = mime_parse(rows[_i].was, strlen(rows[_i].was));
	struct err err = { "" };
	char *before = shown(tree->root), *got;
	int rc = mime_text_set(tree->root, rows[_i].text, strlen(rows[_i].text),
	    rows[_i].type, rows[_i].charset, &err);

	got = shown(tree->root);
	ck_assert_int_eq(rc, rows[_i].expected != NULL ? 0 : -1);
	ck_assert_str_eq(
	    got, rows[_i].expected != NULL ? rows[_i].expected : before);
	if (rc != 0)
		ck_assert_str_ne(err.msg, "");
	free(before);
	free(got);
	mime_free(tree);
}
END_TEST

/* Lines that the wire does not carry. */
START_TEST(long_line)
{
	struct mime_tree *tree = mime_parse("A: b\r\n\r\nx", 9);
	struct str text = { 0 }, back = { 0 };

	for (int i = 0; i < 2000; i++)
		str_addc(&text, 'x');
	ck_assert_int_eq(
	    mime_text_set(tree->root, text.data, text.len, NULL, NULL, NULL),
	    0);
	mime_body(&back, tree->root);
	ck_assert_str_eq(back.data, text.data);
	ck_assert(memchr(tree->root->body.p, '\n', 100) != NULL);
	str_fini(&text);
	str_fini(&back);
	mime_free(tree);
}
END_TEST

/* A text in a part that looks like what stands between parts. */
START_TEST(boundary)
{
	static const char text[] = "Content-Type: multipart/mixed; "
				   "boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--";
	struct mime_tree *tree = mime_parse(text, sizeof text - 1), *again;
	struct str all = { 0 }, body = { 0 };

	ck_assert_int_eq(mime_text_set(tree->root->child[0], "--b--\r\ny", 8,
			     NULL, NULL, NULL),
	    0);
	mime_write(&all, tree->root);
	again = mime_parse(all.data, all.len);
	ck_assert_uint_eq(again->root->n_children, 1);
	mime_body(&body, again->root->child[0]);
	ck_assert_str_eq(body.data, "--b--\r\ny\r\n");
	str_fini(&body);
	str_fini(&all);
	mime_free(again);
	mime_free(tree);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("mime_text", &tcase);

	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	tcase_add_test(tcase, long_line);
	tcase_add_test(tcase, boundary);
	return s;
}

UNIT_MAIN(suite)
