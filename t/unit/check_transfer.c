#include "milter/transfer.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <string.h>

#define BYTES(s) s, sizeof(s) - 1

static const struct {
	const char *name;
	enum transfer transfer;
} names[] = {
	{ "7bit", TRANSFER_IDENTITY },
	{ "8BIT", TRANSFER_IDENTITY },
	{ "binary", TRANSFER_IDENTITY },
	{ "", TRANSFER_IDENTITY },
	{ "x-uue", TRANSFER_IDENTITY },
	{ "base6", TRANSFER_IDENTITY },
	{ "Base64", TRANSFER_BASE64 },
	{ "QUOTED-printable", TRANSFER_QUOTED_PRINTABLE },
};

START_TEST(name_row)
{
	ck_assert_msg(transfer_named(names[_i].name, strlen(names[_i].name)) ==
			  names[_i].transfer,
	    "%s", names[_i].name);
}
END_TEST

static const struct {
	enum transfer t;
	const char *in;
	size_t in_len;
	const char *out;
	size_t len;
} decodings[] = {
	{ TRANSFER_IDENTITY, BYTES("a\0=3D"), BYTES("a\0=3D") },
	{ TRANSFER_BASE64, BYTES(""), BYTES("") },
	{ TRANSFER_BASE64, BYTES("QQ=="), BYTES("A") },
	{ TRANSFER_BASE64, BYTES("QUI="), BYTES("AB") },
	{ TRANSFER_BASE64, BYTES("QUJD"), BYTES("ABC") },
	{ TRANSFER_BASE64, BYTES("//79AA=="), BYTES("\xff\xfe\xfd\0") },
	{ TRANSFER_BASE64, BYTES("Q U\r\nJ\tD"), BYTES("ABC") },
	{ TRANSFER_BASE64, BYTES("QUI"), BYTES("AB") }, /* no padding */
	{ TRANSFER_BASE64, BYTES("QR=="), BYTES("A") }, /* bits left over */
	{ TRANSFER_BASE64, BYTES("QQ==QUI="), BYTES("AAB") },
	{ TRANSFER_BASE64, BYTES("Q*U!JD"), BYTES("ABC") },
	{ TRANSFER_BASE64, BYTES("===="), BYTES("") },
	{ TRANSFER_BASE64, BYTES("Q"), BYTES("") },
	{ TRANSFER_QUOTED_PRINTABLE, BYTES("a=3Db=3db"), BYTES("a=b=b") },
	{ TRANSFER_QUOTED_PRINTABLE, BYTES("=00=FF"), BYTES("\0\xff") },
	{ TRANSFER_QUOTED_PRINTABLE, BYTES("a=\r\nb=\nc"), BYTES("abc") },
	{ TRANSFER_QUOTED_PRINTABLE, BYTES("a \t=  \r\nb"), BYTES("a \tb") },
	{ TRANSFER_QUOTED_PRINTABLE, BYTES("a  \t\r\nb \n"),
	    BYTES("a\r\nb\n") },
	{ TRANSFER_QUOTED_PRINTABLE, BYTES("a=20\r\n"), BYTES("a \r\n") },
	{ TRANSFER_QUOTED_PRINTABLE, BYTES("a  "), BYTES("a") },
	{ TRANSFER_QUOTED_PRINTABLE, BYTES("a\rb"), BYTES("a\rb") },
	{ TRANSFER_QUOTED_PRINTABLE, BYTES("=ZZ=4=4G=="), BYTES("=ZZ=4=4G=") },
	{ TRANSFER_QUOTED_PRINTABLE, BYTES("x="), BYTES("x") },
};

START_TEST(decode_row)
{
	struct str out = { 0 };

	str_adds(&out, "kept");
	transfer_decode(
	    &out, decodings[_i].t, decodings[_i].in, decodings[_i].in_len);
	ck_assert_msg(
	    out.len == decodings[_i].len + 4 &&
		memcmp(out.data, "kept", 4) == 0 &&
		memcmp(out.data + 4, decodings[_i].out, out.len - 4) == 0,
	    "%s: %s", decodings[_i].in, out.data);
	ck_assert_int_eq(out.data[out.len], '\0');
	str_fini(&out);
}
END_TEST

static const struct {
	enum transfer t;
	const char *in;
	bool strict;
} strict[] = {
	{ TRANSFER_IDENTITY, "=", true },
	{ TRANSFER_BASE64, "", true },
	{ TRANSFER_BASE64, "QQ==", true },
	{ TRANSFER_BASE64, "QUI=\r\n", true },
	{ TRANSFER_BASE64, "QU\r\n\tJD ", true },
	{ TRANSFER_BASE64, "QUI", true }, /* no padding */
	{ TRANSFER_BASE64, "QUJDQ", false },
	{ TRANSFER_BASE64, "QQ=", false },
	{ TRANSFER_BASE64, "QQ==QQ==", false },
	{ TRANSFER_BASE64, "====", false },
	{ TRANSFER_BASE64, "Q*==", false },
	{ TRANSFER_QUOTED_PRINTABLE, "a=3D=3d=\r\nb= \n=", true },
	{ TRANSFER_QUOTED_PRINTABLE, "a=3", false },
	{ TRANSFER_QUOTED_PRINTABLE, "a=ZZ", false },
	{ TRANSFER_QUOTED_PRINTABLE, "a==3D", false },
};

START_TEST(strict_row)
{
	const char *in = strict[_i].in;

	ck_assert_msg(transfer_is_strict(strict[_i].t, in, strlen(in)) ==
			  strict[_i].strict,
	    "%s", in);
}
END_TEST

#define A75                                                                    \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaa"                                                                \
	"aa"

static const struct {
	const char *in;
	size_t len;
	const char *out;
} quoted[] = {
	{ BYTES(""), "" },
	{ BYTES("abc"), "abc" },
	{ BYTES("a=b\x7f\xff"), "a=3Db=7F=FF" },
	{ BYTES("a\r\nb\nc\r"), "a\r\nb\r\nc=0D" },
	{ BYTES("a\0b"), "a=00b" },
	{ BYTES("a \r\n\t\n b "), "a=20\r\n=09\r\n b=20" },
	{ BYTES(A75), A75 },
	{ BYTES(A75 "b"), A75 "b" }, /* 76: just fits */
	{ BYTES(A75 "b\r\n"), A75 "b\r\n" },
	{ BYTES(A75 "bc"), A75 "=\r\nbc" },
	{ BYTES(A75 "="), A75 "=\r\n=3D" },
};

START_TEST(quote_row)
{
	struct str out = { 0 };

	transfer_quoted_printable(&out, quoted[_i].in, quoted[_i].len);
	ck_assert_str_eq(str_c(&out), quoted[_i].out);
	str_fini(&out);
}
END_TEST

static void
check_lines(const struct str *s)
{
	size_t column = 0;

	for (size_t i = 0; i < s->len; i++) {
		column = s->data[i] == '\n' ? 0 : column + 1;
		ck_assert_uint_le(column, 77); /* 76 and CR */
		if (s->data[i] == '\n')
			ck_assert_int_eq(s->data[i - 1], '\r');
	}
}

/* Bytes that come back: all lengths, all values, with a little pattern. */
START_TEST(there_and_back)
{
	char in[400];
	struct str coded = { 0 }, out = { 0 };

	for (size_t len = 0; len < sizeof in; len++) {
		for (size_t i = 0; i < len; i++)
			in[i] = (char)(i * 7 + len * 13 + (i * i) / 3);
		str_clear(&coded);
		str_clear(&out);
		transfer_base64(&coded, in, len);
		ck_assert_uint_eq(coded.len, transfer_base64_size(len));
		check_lines(&coded);
		transfer_decode(
		    &out, TRANSFER_BASE64, str_c(&coded), coded.len);
		ck_assert_uint_eq(out.len, len);
		ck_assert(memcmp(str_c(&out), in, len) == 0);

		for (size_t i = 0; i < len; i++)
			if (in[i] == '\n') /* line ends are normalised */
				in[i] = '.';
		str_clear(&coded);
		str_clear(&out);
		transfer_quoted_printable(&coded, in, len);
		check_lines(&coded);
		transfer_decode(
		    &out, TRANSFER_QUOTED_PRINTABLE, str_c(&coded), coded.len);
		ck_assert_uint_eq(out.len, len);
		ck_assert(memcmp(str_c(&out), in, len) == 0);
	}
	str_fini(&coded);
	str_fini(&out);
}
END_TEST

START_TEST(crlf)
{
	struct str out = { 0 };

	transfer_crlf(&out, BYTES("a\nb\r\nc\r\n\nd\re\r"));
	ck_assert_str_eq(out.data, "a\r\nb\r\nc\r\n\r\nd\re\r");
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("transfer", &tcase);

	tcase_add_loop_test(tcase, name_row, 0, UNIT_N(names));
	tcase_add_loop_test(tcase, decode_row, 0, UNIT_N(decodings));
	tcase_add_loop_test(tcase, strict_row, 0, UNIT_N(strict));
	tcase_add_loop_test(tcase, quote_row, 0, UNIT_N(quoted));
	tcase_add_test(tcase, there_and_back);
	tcase_add_test(tcase, crlf);
	return s;
}

UNIT_MAIN(suite)
