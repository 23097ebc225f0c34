#include "milter/charset.h"
#include "milter/header_text.h"
#include "unit.h"

#include <string.h>

#define BYTES(s) s, sizeof(s) - 1
#define R "\xef\xbf\xbd"

static const struct {
	const char *charset, *in;
	size_t len;
	const char *out; /* NULL: not known */
} rows[] = {
	{ "utf-8", BYTES("gr\xc3\xbc"), "gr\xc3\xbc" },
	{ "UTF8", BYTES("a\xffz"), "a" R "z" },
	{ "utf-8", BYTES("\xe2\x82"), R }, /* one start of one */
	{ "utf-8", BYTES("\xe2\x82z"), R "z" },
	{ "utf-8", BYTES("\xed\xa0\x80"), R R R }, /* a surrogate */
	{ "utf-8", BYTES("\xc0\x80\xf5"), R R R },
	{ "utf-8", BYTES("\xf0\x9f\x8d\x89\xf4\x90\x80\x80"),
	    "\xf0\x9f\x8d\x89" R R R R },
	{ "us-ascii", BYTES("abc"), "abc" },
	{ "us-ascii", BYTES("\xc3\xbc"), "\xc3\xbc" }, /* UTF-8, unlabelled */
	{ "us-ascii", BYTES("\xfc"), "\xc3\xbc" },
	{ "iso-8859-1", BYTES("\xfc\x80"), "\xc3\xbc\xe2\x82\xac" },
	{ "ISO-8859-15", BYTES("\xa4"), "\xe2\x82\xac" },
	{ "koi8-r", BYTES("\xc1"), "\xd0\xb0" },
	{ "gb2312", BYTES("\xc4\xe3"), "\xe4\xbd\xa0" },
	{ "gb2312", BYTES("\xc4"), R },
	{ "shift_jis", BYTES("\x93\xfa"), "\xe6\x97\xa5" },
	{ "iso-2022-jp", BYTES("\x1b$BF|\x1b(B"), "\xe6\x97\xa5" },
	{ "euc-kr", BYTES("\xb0\xa1"), "\xea\xb0\x80" },
	{ "utf-16le", BYTES("a\0"), "a" },
	{ "utf-7", BYTES("+APw-"), "\xc3\xbc" },
	{ "windows-1258", BYTES("a"), "a" }, /* held back to the end */
	{ "x-klingon", BYTES("a"), NULL },
	{ "", BYTES("a"), NULL },
	{ "utf-8//translit", BYTES("a"), NULL },
	{ "../../etc/passwd", BYTES("a"), NULL },
	/* the C library knows these; mail does not */
	{ "ibm1364", BYTES("a"), NULL },
	{ "iso-2022-cn-ext", BYTES("a"), NULL },
};

START_TEST(row)
{
	struct str out = { 0 };
	size_t len = strlen(rows[_i].charset);
	bool known = charset_to_utf8(
	    &out, rows[_i].charset, len, rows[_i].in, rows[_i].len);

	ck_assert_msg(known == (rows[_i].out != NULL), "%s", rows[_i].charset);
	ck_assert(known == charset_is_known(rows[_i].charset, len));
	ck_assert_str_eq(str_c(&out), known ? rows[_i].out : "");
	str_fini(&out);
}
END_TEST

/* Whatever the bytes, it is UTF-8 that comes out. */
static const struct {
	const char *charset, *in, *out; /* NULL: not known */
} back[] = {
	{ "utf-8", "gr\xc3\xbc\xff", "gr\xc3\xbc" R },
	{ "us-ascii", "gr\xc3\xbc.", "gr?." },
	{ "iso-8859-1", "\xc3\xbc\xe2\x82\xac", "\xfc?" }, /* no euro */
	{ "windows-1252", "\xc3\xbc\xe2\x82\xac", "\xfc\x80" },
	{ "ISO-8859-15", "\xe2\x82\xac", "\xa4" },
	{ "koi8-r", "\xd0\xb0\xc3\xbc", "\xc1?" },
	{ "gb2312", "\xe4\xbd\xa0", "\xc4\xe3" },
	{ "iso-2022-jp", "\xe3\x81\x82\xc3\xbc",
	    "\x1b$B$\"\x1b(B?" }, /* back from its shift */
	{ "x-none", "a", NULL },
};

START_TEST(back_row)
{
	struct str out = { 0 };
	bool ok = charset_from_utf8(&out, back[_i].charset,
	    strlen(back[_i].charset), back[_i].in, strlen(back[_i].in));

	ck_assert_int_eq(ok, back[_i].out != NULL);
	if (ok)
		ck_assert_str_eq(str_c(&out), back[_i].out);
	str_fini(&out);
}
END_TEST

START_TEST(any_bytes)
{
	static const char *const charsets[] = { "utf-8", "gb18030", "big5",
		"iso-2022-jp", "iso-2022-kr", "utf-7", "utf-16", "euc-jp",
		"windows-1258", "shift_jis", "us-ascii" };
	char in[300];
	unsigned seed = 1;

	for (int round = 0; round < 2000; round++) {
		const char *c = charsets[round % UNIT_N(charsets)];
		struct str out = { 0 };

		for (size_t i = 0; i < sizeof in; i++) {
			seed = seed * 1103515245 + 12345;
			in[i] = (char)(seed >> 16);
		}
		ck_assert(charset_to_utf8(&out, c, strlen(c), in, sizeof in));
		ck_assert_msg(header_text_is_utf8(out.data, out.len), "%s", c);
		str_fini(&out);
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("charset", &tcase);

	tcase_add_loop_test(tcase, back_row, 0, UNIT_N(back));
	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	tcase_add_test(tcase, any_bytes);
	return s;
}

UNIT_MAIN(suite)
