/*
 * The issues of messages and their repair, as bytes; then t/lua/conformance.lua
 * and what a session's MTA is told.
 */
#include "milter/conformance.h"
#include "policy.h"

#define BYTES(text) text, sizeof(text) - 1
#define GOOD                                                                   \
	"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: "                 \
	"<a@b.example>\r\n"                                                    \
	"MIME-Version: 1.0\r\n"
#define X10 "xxxxxxxxxx"
#define X70 X10 X10 X10 X10 X10 X10 X10

/* ---- names -------------------------------------------------------------- */

static const struct {
	const char *names, *sorted; /* NULL: raises */
} names[] = {
	{ "", "" },
	{ "  ", "" },
	{ "LINE_TOO_LONG", "LINE_TOO_LONG" },
	{ " NEEDS_TRANSFER_ENCODING | LINE_TOO_LONG ",
	    "LINE_TOO_LONG|NEEDS_TRANSFER_ENCODING" },
	{ "NON_CANONICAL_LINE_ENDINGS|MISSING_COLON_VALUE|NAME_ENDS_WITH_SPACE|"
	  "MISSING_MIME_VERSION|MISSING_MESSAGE_ID_HEADER|MISSING_DATE_HEADER|"
	  "INVALID_MIME_HEADERS|LINE_TOO_LONG|NEEDS_TRANSFER_ENCODING",
	    "INVALID_MIME_HEADERS|LINE_TOO_LONG|MISSING_COLON_VALUE|"
	    "MISSING_DATE_HEADER|MISSING_MESSAGE_ID_HEADER|"
	    "MISSING_MIME_VERSION|NAME_ENDS_WITH_SPACE|NEEDS_TRANSFER_ENCODING|"
	    "NON_CANONICAL_LINE_ENDINGS" },
	{ "LINE_TOO_LONG|LINE_TOO_LONG", "LINE_TOO_LONG" },
	{ "line_too_long", NULL },
	{ "LINE_TOO_LON", NULL },
	{ "LINE_TOO_LONG|", NULL },
	{ "|LINE_TOO_LONG", NULL },
	{ "|", NULL },
	{ "LINE_TOO_LONG,NAME_ENDS_WITH_SPACE", NULL },
};

START_TEST(names_row)
{
	struct str out = { 0 };
	struct err err;
	unsigned set;
	int rc = conformance_parse(
	    &set, names[_i].names, strlen(names[_i].names), &err);

	ck_assert_msg(rc == (names[_i].sorted != NULL ? 0 : -1), "\"%s\": %d",
	    names[_i].names, rc);
	if (rc == 0) {
		conformance_names(&out, set);
		ck_assert_str_eq(str_c(&out), names[_i].sorted);
	}
	str_fini(&out);
}
END_TEST

/* ---- checks ------------------------------------------------------------- */

#define NO_HEADERS                                                             \
	"MISSING_DATE_HEADER|MISSING_MESSAGE_ID_HEADER|MISSING_MIME_VERSION"

static const struct {
	const char *name, *text;
	size_t len;
	const char *issues;
} checks[] = {
	{ "clean", BYTES(GOOD "Subject: hi\r\n\r\nbody\r\n"), "" },
	{ "clean, no body", BYTES(GOOD "\r\n"), "" },
	{ "clean, no empty line", BYTES(GOOD), "" },
	{ "clean multipart",
	    BYTES(GOOD "Content-Type: multipart/mixed; "
		       "boundary=b\r\n\r\npreamble\r\n--b\r\n"
		       "Content-Type: text/plain\r\n\r\none\r\n"
		       "--b\r\n\r\ntwo\r\n--b--\r\n"),
	    "" },
	{ "nothing", BYTES(""), NO_HEADERS },
	{ "no header", BYTES("\r\nbody\r\n"), NO_HEADERS },
	{ "no colon", BYTES(GOOD "Subject\r\n\r\nbody\r\n"),
	    "MISSING_COLON_VALUE" },
	{ "no colon in a part",
	    BYTES(GOOD "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		       "--b\r\nContent-Type\r\n\r\none\r\n--b--\r\n"),
	    "MISSING_COLON_VALUE" },
	{ "a bare LF in the body", BYTES(GOOD "\r\na\nb\r\n"),
	    "NON_CANONICAL_LINE_ENDINGS" },
	{ "a bare CR in the body", BYTES(GOOD "\r\na\rb\r\n"),
	    "NON_CANONICAL_LINE_ENDINGS" },
	{ "CR at the end", BYTES(GOOD "\r\na\r"),
	    "NON_CANONICAL_LINE_ENDINGS" },
	{ "CR CR LF", BYTES(GOOD "\r\na\r\r\n"), "NON_CANONICAL_LINE_ENDINGS" },
	{ "a space before the colon", BYTES(GOOD "Subject : x\r\n\r\n"),
	    "NAME_ENDS_WITH_SPACE" },
	{ "78 bytes", BYTES(GOOD "\r\n" X70 "12345678\r\n"), "" },
	{ "79 bytes", BYTES(GOOD "\r\n" X70 "123456789\r\n"), "LINE_TOO_LONG" },
	{ "79 bytes in a header", BYTES(GOOD "A: " X70 "123456\r\n\r\n"),
	    "LINE_TOO_LONG" },
	{ "79 bytes without an end", BYTES(GOOD "\r\n" X70 "123456789"),
	    "LINE_TOO_LONG" },
	{ "8-bit body", BYTES(GOOD "\r\n\xc3\xa9\r\n"),
	    "NEEDS_TRANSFER_ENCODING" },
	{ "8-bit header, not UTF-8", BYTES(GOOD "A: \xff\r\n\r\n"),
	    "NEEDS_TRANSFER_ENCODING" },
	{ "no type", BYTES(GOOD "Content-Type: text\r\n\r\n"),
	    "INVALID_MIME_HEADERS" },
	{ "an empty type", BYTES(GOOD "Content-Type:\r\n\r\n"),
	    "INVALID_MIME_HEADERS" },
	{ "no encoding",
	    BYTES(GOOD "Content-Transfer-Encoding: x-uuencode\r\n\r\n"),
	    "INVALID_MIME_HEADERS" },
	{ "an encoding and a comment",
	    BYTES(GOOD "Content-Transfer-Encoding: 7BIT (a)\r\n\r\n"), "" },
	{ "a date that is none",
	    BYTES("Date: yesterday\r\nMessage-ID: <a@b>\r\n"
		  "Mime-Version: 1.0 (x)\r\n\r\n"),
	    "MISSING_DATE_HEADER" },
	{ "a date without a day's name, an id without brackets",
	    BYTES("Date: 1 Feb 2026 1:02 GMT (a, b)\r\nMessage-ID: a@b\r\n"
		  "Mime-Version: 1.0\r\n\r\n"),
	    "MISSING_MESSAGE_ID_HEADER" },
	{ "another version",
	    BYTES("Date: Thu, 1 Feb 2026 01:02:03 +0000\r\n"
		  "Message-ID: <a@b>\r\nMime-Version: 2.0\r\n\r\n"),
	    "MISSING_MIME_VERSION" },
	{ "empty ones", BYTES("Date:\r\nMessage-ID: <>\r\nMime-Version:\r\n"),
	    NO_HEADERS },
	{ "a NUL in all of them",
	    BYTES("Date: \0Thu\r\nMessage-ID: <a\0b>\r\nMime-Version: \0"
		  "1.0\r\n\r\n\0"),
	    "MISSING_DATE_HEADER|MISSING_MESSAGE_ID_HEADER" },
	{ "noise", BYTES("\xff\0\r\n\n\r--\xfe:"),
	    "MISSING_COLON_VALUE|" NO_HEADERS
	    "|NEEDS_TRANSFER_ENCODING|NON_CANONICAL_LINE_ENDINGS" },
};

START_TEST(check_row)
{
	struct str out = { 0 };

	conformance_names(
	    &out, conformance_check(checks[_i].text, checks[_i].len));
	ck_assert_msg(strcmp(str_c(&out), checks[_i].issues) == 0,
	    "%s: expected %s, got %s", checks[_i].name, checks[_i].issues,
	    str_c(&out));
	str_fini(&out);
}
END_TEST

/* ---- repair ------------------------------------------------------------- */

#define ALL (~CONFORMANCE_HEADERS)
#define TEXT "Content-Type: text/plain"

static const struct conformance_detect guess = { { { NULL }, 0 },
	{ { NULL }, 0 } };
static const struct conformance_detect cyrillic = {
	{ { "x-none", "koi8-r" }, 2 }, { { NULL }, 0 }
};
static const struct conformance_detect no_utf8 = { { { NULL }, 0 },
	{ { "UTF-8" }, 1 } };

static const struct {
	const char *name, *text;
	size_t len;
	const struct conformance_detect *detect;
	const char *in; /* of what comes out */
} repairs[] = {
	{ "a long header", BYTES(GOOD "Subject: " X70 " two\r\n\r\n"), NULL,
	    "Subject: " X70 "\r\n two\r\n" },
	{ "a long header that has folds",
	    BYTES(GOOD "Subject: a\r\n\t" X70 " two three\r\n four\r\n\r\n"),
	    NULL, "Subject: a\r\n\t" X70 " two\r\n three\r\n four\r\n" },
	{ "a first word is not broken off",
	    BYTES(GOOD "Subject:  " X70 X70 " two\r\n\r\n"), NULL,
	    "Subject: " X70 X70 "\r\n two\r\n" },
	{ "white space is not folded to nothing",
	    BYTES(
		GOOD "A: " X10 "                                     "
		     "                                              \r\n\r\n"),
	    NULL, "A: " X10 "\r\n" },
	{ "a long body", BYTES(GOOD "\r\n" X70 X70 "\r\n"), NULL,
	    "quoted-printable\r\n" },
	{ "a space before the colon", BYTES(GOOD "A : x\r\n\r\n"), NULL,
	    "\r\nA: x\r\n" },
	{ "no colon", BYTES(GOOD "Subject\r\n\r\nbody\r\n"), NULL,
	    "\r\n\r\nSubject\r\n\r\nbody\r\n" },
	{ "bare line ends", BYTES(GOOD "\r\na\nb\r\n"), NULL, "a\r\nb\r\n" },
	{ "bare line ends in a message that is kept",
	    BYTES(GOOD "Content-Type: message/rfc822\r\n\r\n"
		       "A: b\n\nc\rd\r\r\n"),
	    NULL, "A: b\r\n\r\nc\r\nd\r\n\r\n" },
	{ "a type that is none",
	    BYTES(GOOD "Content-Type: text\r\n\r\nbody\r\n"), NULL, TEXT },
	{ "a type that is none, of bytes that are none",
	    BYTES(GOOD "Content-Type: text\r\n\r\n\xff\r\n"), NULL,
	    "application/octet-stream" },
	{ "an encoding that nobody knows",
	    BYTES(GOOD TEXT "\r\nContent-Transfer-Encoding: x-a\r\n\r\nb\r\n"),
	    NULL, "\r\n\r\nb\r\n" },
	{ "UTF-8", BYTES(GOOD TEXT "; charset=utf-8\r\n\r\n\xc3\xa9\r\n"), NULL,
	    "=C3=A9" },
	{ "a charset is believed",
	    BYTES(GOOD TEXT "; charset=iso-8859-1\r\n\r\n\xc3\xa9\r\n"), NULL,
	    "w4PCqQ0K" },
	{ "or not", BYTES(GOOD TEXT "; charset=iso-8859-1\r\n\r\n\xc3\xa9\r\n"),
	    &guess, "=C3=A9" },
	{ "it is no UTF-8", BYTES(GOOD TEXT "; charset=utf-8\r\n\r\n\xe9\r\n"),
	    NULL, "77+9DQo=" },
	{ "it is windows-1252",
	    BYTES(GOOD TEXT "; charset=utf-8; format=flowed\r\n\r\n\xe9\r\n"),
	    &guess, "=C3=A9" },
	{ "other parameters stay",
	    BYTES(GOOD TEXT "; charset=utf-8; format=flowed\r\n\r\n\xe9\r\n"),
	    &guess, "format=\"flowed\"" },
	{ "a charset nobody knows",
	    BYTES(GOOD TEXT "; charset=x-none\r\n\r\n\xe9\r\n"), &guess,
	    "=C3=A9" },
	{ "a charset that is credible",
	    BYTES(GOOD TEXT "; charset=koi8-r\r\n\r\n\xc1\r\n"), &guess,
	    "=D0=B0" },
	{ "those to include", BYTES(GOOD "\r\n\xc1\r\n"), &cyrillic, "=D0=B0" },
	{ "those to exclude", BYTES(GOOD "\r\n\xc3\xa9\r\n"), &no_utf8,
	    "w4PCqQ0K" },
	{ "what is signed is kept",
	    BYTES(GOOD "Content-Type: multipart/signed; boundary=b\r\n\r\n"
		       "--b\r\n" TEXT "; charset=utf-8\r\n\r\n\xe9\r\n"
		       "--b\r\nContent-Type: a/b\r\n\r\n" X70 X70
		       "\r\n--b--\r\n"),
	    &guess, "\r\n" TEXT "; charset=utf-8\r\n\r\n\xe9\r\n" },
};

START_TEST(repair_row)
{
	struct str out = { 0 };

	ck_assert(conformance_rebuild(
	    &out, repairs[_i].text, repairs[_i].len, ALL, repairs[_i].detect));
	ck_assert_msg(strstr(str_c(&out), repairs[_i].in) != NULL,
	    "%s: expected %s, got\n%s", repairs[_i].name, repairs[_i].in,
	    str_c(&out));
	ck_assert_msg((conformance_check(str_c(&out), out.len) &
			  CONFORMANCE_HEADERS) == 0,
	    "%s: repaired one thing, lost another", repairs[_i].name);
	str_fini(&out);
}
END_TEST

/* What is not kept and has no long words is without issues afterwards. */
START_TEST(repaired_is_clean)
{
	static const char text[] =
	    "From : " X70 " \xe9\xff <a@b>\n" GOOD "Content-Type: x\r\n"
	    "Content-Transfer-Encoding: y\r\nno colon\r\n" X70 X70
	    "\n\xff\0\r\r\n";
	struct str out = { 0 };

	ck_assert(conformance_rebuild(&out, text, sizeof text - 1, ALL, NULL));
	ck_assert_uint_eq(conformance_check(str_c(&out), out.len), 0);
	str_fini(&out);
}
END_TEST

START_TEST(any_bytes)
{
	static const char set[] = "\r\n\r\n :;-b=/\"<>at\xc3\xa9\xff\0(),%";
	unsigned seed = 1 + (unsigned)_i;

	for (int round = 0; round < 300; round++) {
		struct str text = { 0 }, out = { 0 };

		str_adds(&text, GOOD "Content-Type: multipart/mixed; "
				     "boundary=b\r\n\r\n--b\r\n");
		for (int i = rand_r(&seed) % 400; i > 0; i--)
			str_addc(&text,
			    set[(size_t)rand_r(&seed) % (sizeof set - 1)]);
		ck_assert(conformance_rebuild(
		    &out, str_c(&text), text.len, ALL, &guess));
		ck_assert_uint_eq(
		    conformance_check(str_c(&out), out.len) &
			(CONFORMANCE_LINE_ENDS | CONFORMANCE_HEADERS),
		    0);
		str_fini(&text);
		str_fini(&out);
	}
}
END_TEST

/* Work grows with the text, not with its square. */
START_TEST(long_white_space)
{
	struct str text = { 0 }, out = { 0 };

	str_adds(&text, GOOD "A: ");
	for (int i = 0; i < 200000; i++)
		str_adds(&text, "word ");
	for (int i = 0; i < 2000000; i++)
		str_addc(&text, ' ');
	str_adds(&text, "\r\n\r\n");
	ck_assert(conformance_rebuild(&out, str_c(&text), text.len, ALL, NULL));
	ck_assert_uint_eq(conformance_check(str_c(&out), out.len), 0);
	str_fini(&text);
	str_fini(&out);
}
END_TEST

START_TEST(past_the_limits)
{
	struct str text = { 0 }, out = { 0 };

	str_adds(&text, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 1100; i++)
		str_adds(&text, "--b\r\n\r\nx\r\n");
	ck_assert(
	    !conformance_rebuild(&out, str_c(&text), text.len, ALL, NULL));
	ck_assert_uint_eq(out.len, 0);
	str_fini(&text);
	str_fini(&out);
}
END_TEST

/* ---- policies ----------------------------------------------------------- */

START_TEST(lua_file_runs)
{
	struct err err;
	struct epoch *e =
	    policy_load("dofile('t/lua/conformance.lua')", 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	epoch_set_current(NULL);
}
END_TEST

#define RECEIVED(code)                                                         \
	"kumo.on('smtp_server_message_received', function(msg) " code " end)"
#define FIX(checks, fixes)                                                     \
	RECEIVED("local failed = msg:check_fix_conformance('" checks           \
		 "', '" fixes "', { message_id = 'i@d' }) "                    \
		 "if failed then kumo.reject(552, '5.6.0 ' .. failed) end")
#define BEGIN "C H:a M:<s@a.example> R:<r@b.example> D "
#define BEGUN "C -; H -; M -; R -; D -; E "
#define DATED "h:Date=1_Jan_2026_00:00_+0000 "

static const struct {
	const char *name, *policy, *words, *expected;
} rows[] = {
	{ "a missing header is all that the MTA is told",
	    FIX("", "MISSING_MESSAGE_ID_HEADER|MISSING_DATE_HEADER"),
	    BEGIN DATED "h:Subject=x b:x E Q", BEGUN "-{+Message-ID: <i@d>}" },
	{ "nothing to repair",
	    FIX("", "MISSING_MESSAGE_ID_HEADER|NEEDS_TRANSFER_ENCODING"),
	    BEGIN "h:Message-ID=<a@b> b:x E Q", BEGUN "-" },
	{ "a refusal repairs nothing",
	    FIX("MISSING_DATE_HEADER|LINE_TOO_LONG", "MISSING_MIME_VERSION"),
	    BEGIN "h:A=b b:x E Q",
	    BEGUN "552 5.6.0 Message has conformance issues: "
		  "MISSING_DATE_HEADER" },
	{ "what is repaired is not refused",
	    FIX("MISSING_MIME_VERSION", "MISSING_MIME_VERSION"),
	    BEGIN "h:Mime-Version=2 b:x E Q",
	    BEGUN "-{-Mime-Version#1,+MIME-Version: 1.0}" },
	{ "headers that are as they should be stay",
	    FIX("", "NEEDS_TRANSFER_ENCODING"),
	    BEGIN "h:MIME-Version=1.0 h:Subject=x b:\xc3\xa9 E Q",
	    BEGUN "-{+Content-Type: text/plain;\n\tcharset=\"utf-8\","
		  "+Content-Transfer-Encoding: quoted-printable}" },
};

START_TEST(policy_row)
{
	policy_use("", rows[_i].policy);
	play_expect(rows[_i].words, rows[_i].expected, rows[_i].name);
	policy_done();
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("conformance", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, names_row, 0, UNIT_N(names));
	tcase_add_loop_test(tcase, check_row, 0, UNIT_N(checks));
	tcase_add_loop_test(tcase, repair_row, 0, UNIT_N(repairs));
	tcase_add_test(tcase, repaired_is_clean);
	tcase_add_loop_test(tcase, any_bytes, 0, 10);
	tcase_add_test(tcase, long_white_space);
	tcase_add_test(tcase, past_the_limits);
	tcase_add_test(tcase, lua_file_runs);
	tcase_add_loop_test(tcase, policy_row, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
