#include "milter/encoding.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* What RFC 4648 10 gives for f, fo, foo ... */
static const struct {
	const char *bytes, *base64, *base32, *base32hex, *hex;
} known[] = {
	{ "", "", "", "", "" },
	{ "f", "Zg==", "MY======", "CO======", "66" },
	{ "fo", "Zm8=", "MZXQ====", "CPNG====", "666f" },
	{ "foo", "Zm9v", "MZXW6===", "CPNMU===", "666f6f" },
	{ "foob", "Zm9vYg==", "MZXW6YQ=", "CPNMUOG=", "666f6f62" },
	{ "fooba", "Zm9vYmE=", "MZXW6YTB", "CPNMUOJ1", "666f6f6261" },
	{ "foobar", "Zm9vYmFy",
	    "MZXW6YTBOI======", "CPNMUOJ1E8======", "666f6f626172" },
};

static void
both_ways(enum encoding e, const char *bytes, const char *text)
{
	struct str out = { 0 };
	struct err err = { "" };

	encoding_write(&out, e, bytes, strlen(bytes));
	ck_assert_msg(strcmp(str_c(&out), text) == 0, "%s of \"%s\": %s",
	    encoding_name(e), bytes, str_c(&out));
	ck_assert_uint_eq(out.len, encoding_size(e, strlen(bytes)));
	str_clear(&out);
	str_adds(&out, "x");
	ck_assert_msg(encoding_read(&out, e, text, strlen(text), &err) == 0,
	    "%s", err.msg);
	ck_assert_str_eq(str_c(&out) + 1, bytes);
	str_fini(&out);
}

START_TEST(known_answers)
{
	char bare[32];

	both_ways(ENCODING_BASE64, known[_i].bytes, known[_i].base64);
	both_ways(ENCODING_BASE64URL, known[_i].bytes, known[_i].base64);
	both_ways(ENCODING_BASE32, known[_i].bytes, known[_i].base32);
	both_ways(ENCODING_BASE32HEX, known[_i].bytes, known[_i].base32hex);
	both_ways(ENCODING_HEX, known[_i].bytes, known[_i].hex);
	snprintf(bare, sizeof bare, "%.*s", (int)strcspn(known[_i].base64, "="),
	    known[_i].base64);
	both_ways(ENCODING_BASE64_NOPAD, known[_i].bytes, bare);
	both_ways(ENCODING_BASE64URL_NOPAD, known[_i].bytes, bare);
	snprintf(bare, sizeof bare, "%.*s", (int)strcspn(known[_i].base32, "="),
	    known[_i].base32);
	both_ways(ENCODING_BASE32_NOPAD, known[_i].bytes, bare);
	snprintf(bare, sizeof bare, "%.*s",
	    (int)strcspn(known[_i].base32hex, "="), known[_i].base32hex);
	both_ways(ENCODING_BASE32HEX_NOPAD, known[_i].bytes, bare);
}
END_TEST

static const struct {
	enum encoding e;
	const char *text, *bytes, *why; /* bytes NULL: an error */
} reads[] = {
	{ ENCODING_BASE64, "Zg", "f", NULL },
	{ ENCODING_BASE64, "Zg=", "f", NULL },
	{ ENCODING_BASE64, "Zg=====", "f", NULL },
	{ ENCODING_BASE64, "====", "", NULL },
	{ ENCODING_BASE64, "Zm8=Zm8=", NULL, "invalid symbol at 3" },
	{ ENCODING_BASE64, "Zg==\n", NULL, "invalid length at 4" },
	{ ENCODING_BASE64, "Zm 9v", NULL, "invalid length at 4" },
	{ ENCODING_BASE64, "Zm9v Zm9", NULL, "invalid symbol at 4" },
	{ ENCODING_BASE64, "Z", NULL, "invalid length at 0" },
	{ ENCODING_BASE64, "Zh==", NULL, "non-zero trailing bits at 1" },
	{ ENCODING_BASE64, "a-_b", NULL, "invalid symbol at 1" },
	{ ENCODING_BASE64URL, "a-_b", "k\xef\xdb", NULL },
	{ ENCODING_BASE64URL, "a+/b", NULL, "invalid symbol at 1" },
	{ ENCODING_BASE64_NOPAD, "Zg", "f", NULL },
	{ ENCODING_BASE64_NOPAD, "Zg==", NULL, "invalid symbol at 2" },
	{ ENCODING_BASE32, "MY", "f", NULL },
	{ ENCODING_BASE32, "my", NULL, "invalid symbol at 0" },
	{ ENCODING_BASE32, "M10=", NULL, "invalid length at 2" },
	{ ENCODING_BASE32, "MZXW61", NULL, "invalid length at 5" },
	{ ENCODING_BASE32_NOPAD, "MY======", NULL, "invalid symbol at 2" },
	{ ENCODING_BASE32HEX, "CO", "f", NULL },
	{ ENCODING_HEX, "00ff", NULL, NULL },
	{ ENCODING_HEX, "6", NULL, "invalid length at 0" },
	{ ENCODING_HEX, "6F", NULL, "invalid symbol at 1" },
	{ ENCODING_HEX, "6g", NULL, "invalid symbol at 1" },
	{ ENCODING_HEX, "\xff\xff", NULL, "invalid symbol at 0" },
};

START_TEST(read_row)
{
	struct str out = { 0 };
	struct err err = { "" };
	int rc = encoding_read(
	    &out, reads[_i].e, reads[_i].text, strlen(reads[_i].text), &err);

	if (reads[_i].why != NULL) {
		ck_assert_msg(rc == -1, "%s", reads[_i].text);
		ck_assert_str_eq(err.msg, reads[_i].why);
		ck_assert_uint_eq(out.len, 0);
	} else {
		ck_assert_msg(rc == 0, "%s: %s", reads[_i].text, err.msg);
		if (reads[_i].bytes != NULL)
			ck_assert_str_eq(str_c(&out), reads[_i].bytes);
	}
	str_fini(&out);
}
END_TEST

START_TEST(nul_is_no_symbol)
{
	struct str out = { 0 };

	ck_assert_int_eq(encoding_read(&out, _i, "AAAAAAA\0", 8, NULL), -1);
	str_fini(&out);
}
END_TEST

/* Any bytes come back. */
START_TEST(round_trip)
{
	unsigned char in[200];
	unsigned seed = 1;

	for (size_t n = 0; n < sizeof in; n++) {
		struct str text = { 0 }, back = { 0 };

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			in[i] = (unsigned char)(seed >> 16);
		}
		encoding_write(&text, _i, in, n);
		ck_assert_int_eq(
		    encoding_read(&back, _i, str_c(&text), text.len, NULL), 0);
		ck_assert_uint_eq(back.len, n);
		ck_assert(memcmp(str_c(&back), in, n) == 0);
		str_fini(&text);
		str_fini(&back);
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("encoding", &tcase);

	tcase_add_loop_test(tcase, known_answers, 0, UNIT_N(known));
	tcase_add_loop_test(tcase, read_row, 0, UNIT_N(reads));
	tcase_add_loop_test(tcase, nul_is_no_symbol, 0, ENCODINGS);
	tcase_add_loop_test(tcase, round_trip, 0, ENCODINGS);
	return s;
}

UNIT_MAIN(suite)
