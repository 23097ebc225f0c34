#include "milter/cipher.h"
#include "milter/encoding.h"
#include "milter/hash.h"
#include "unit.h"

#include <string.h>

#define KEY16 "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17"
#define KEY32 KEY16 KEY16

/* What openssl(1) makes of them. */
static const struct {
	size_t key_len;
	const char *text, *hex;
} known[] = {
	{ 16, "abc", "b08b1f809a035064420d1d754022ab55" },
	{ 32, "0123456789abcdef",
	    "4d401878c4a38ebb22eaa7021f13e2d2dd3eedef984211b98384dc5677bc728"
	    "e" },
};

START_TEST(known_answer)
{
	struct str out = { 0 }, hex = { 0 };
	const char *text = known[_i].text;

	ck_assert_int_eq(cipher_encrypt(&out, CIPHER_ECB, KEY32,
			     known[_i].key_len, text, strlen(text), NULL),
	    0);
	encoding_write(&hex, ENCODING_HEX, str_c(&out), out.len);
	ck_assert_str_eq(str_c(&hex), known[_i].hex);
	str_fini(&out);
	str_fini(&hex);
}
END_TEST

START_TEST(known_cbc)
{
	struct str in = { 0 }, out = { 0 };

	encoding_read(&in, ENCODING_HEX,
	    "101112131415161718191a1b1c1d1e1f"
	    "12502cb082a43c4b029bb67b4f00f5d7",
	    64, NULL);
	ck_assert_int_eq(cipher_decrypt(&out, CIPHER_CBC, KEY16, 16, str_c(&in),
			     in.len, NULL),
	    0);
	ck_assert_str_eq(str_c(&out), "abc");
	str_fini(&in);
	str_fini(&out);
}
END_TEST

/* Every length, there and back; and with a bit changed somewhere. */
START_TEST(round_trip)
{
	enum cipher_mode mode = _i % 2 == 0 ? CIPHER_ECB : CIPHER_CBC;
	size_t key_len = _i < 2 ? 16 : 32;
	char text[70];

	memset(text, 'x', sizeof text);
	for (size_t n = 0; n < sizeof text; n++) {
		struct str out = { 0 }, back = { 0 };

		ck_assert_int_eq(
		    cipher_encrypt(&out, mode, KEY32, key_len, text, n, NULL),
		    0);
		ck_assert_uint_eq(
		    out.len, (n / 16 + 1) * 16 + (mode == CIPHER_CBC ? 16 : 0));
		ck_assert_int_eq(cipher_decrypt(&back, mode, KEY32, key_len,
				     str_c(&out), out.len, NULL),
		    0);
		ck_assert_uint_eq(back.len, n);
		ck_assert(memcmp(str_c(&back), text, n) == 0);
		str_clear(&back);
		ck_assert_int_eq(cipher_decrypt(&back, mode, KEY32, key_len,
				     str_c(&out), out.len - 1, NULL),
		    -1);
		ck_assert_uint_eq(back.len, 0);
		str_fini(&out);
		str_fini(&back);
	}
}
END_TEST

START_TEST(vectors_differ)
{
	struct str a = { 0 }, b = { 0 };

	cipher_encrypt(&a, CIPHER_CBC, KEY16, 16, "abc", 3, NULL);
	cipher_encrypt(&b, CIPHER_CBC, KEY16, 16, "abc", 3, NULL);
	ck_assert_uint_eq(a.len, 32);
	ck_assert(memcmp(str_c(&a), str_c(&b), 32) != 0);
	str_fini(&a);
	str_fini(&b);
}
END_TEST

START_TEST(what_does_not_fit)
{
	struct str out = { 0 };
	struct err err;

	ck_assert_int_eq(
	    cipher_encrypt(&out, CIPHER_ECB, KEY32, 24, "a", 1, &err), -1);
	ck_assert_str_eq(err.msg, "Key length must be 16 or 32 bytes");
	ck_assert_int_eq(
	    cipher_decrypt(&out, CIPHER_ECB, KEY32, 0, "a", 1, &err), -1);
	ck_assert_int_eq(
	    cipher_decrypt(&out, CIPHER_CBC, KEY16, 16, KEY16, 15, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "prefixed by iv"));
	ck_assert_int_eq(
	    cipher_decrypt(&out, CIPHER_CBC, KEY16, 16, KEY16, 16, &err), -1);
	ck_assert_int_eq(
	    cipher_decrypt(&out, CIPHER_ECB, KEY16, 16, "", 0, &err), -1);
	ck_assert_str_eq(err.msg, "Decryption failed with AES ECB mode");
	ck_assert_uint_eq(out.len, 0);
	str_fini(&out);
}
END_TEST

START_TEST(not_built)
{
	struct str out = { 0 };
	struct err err;

	ck_assert_int_eq(
	    cipher_encrypt(&out, CIPHER_ECB, KEY16, 16, "a", 1, &err), -1);
	ck_assert_str_eq(err.msg, "built without OpenSSL");
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("cipher", &tcase);

	if (!hash_is_built()) {
		tcase_add_test(tcase, not_built);
		return s;
	}
	tcase_add_loop_test(tcase, known_answer, 0, UNIT_N(known));
	tcase_add_test(tcase, known_cbc);
	tcase_add_loop_test(tcase, round_trip, 0, 4);
	tcase_add_test(tcase, vectors_differ);
	tcase_add_test(tcase, what_does_not_fit);
	return s;
}

UNIT_MAIN(suite)
