#include "milter/encoding.h"
#include "milter/hash.h"
#include "unit.h"

#include <string.h>

/* The digests of "abc" that FIPS 180 and 202 give. */
static const struct {
	enum hash hash;
	const char *hex;
} digests[] = {
	{ HASH_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ HASH_SHA224,
	    "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7" },
	{ HASH_SHA256, "ba7816bf8f01cfea414140de5dae2223"
		       "b00361a396177a9cb410ff61f20015ad" },
	{ HASH_SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
		       "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7" },
	{ HASH_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea2"
		       "0a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
		       "454d4423643ce80e2a9ac94fa54ca49f" },
	{ HASH_SHA512_256, "53048e2681941ef99b2e29b76b4c7dab"
			   "e4c2d0c634fc6d46e0e2f13107e7af23" },
	{ HASH_SHA3_256, "3a985da74fe225b2045c172d6bd390bd"
			 "855f086e3e9d525b46bfe24511431532" },
	{ HASH_SHA3_384, "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c25"
			 "96da7cf0e49be4b298d88cea927ac7f539f1edf228376d25" },
	{ HASH_SHA3_512, "b751850b1a57168a5693cd924b6b096e08f621827444f70d"
			 "884f5d0240d2712e10e116e9192af3c91a7ec57647e39340"
			 "57340b4cf408d5a56592f8274eec53f0" },
};

static void
is_hex(const struct str *bytes, const char *expected)
{
	struct str hex = { 0 };

	encoding_write(&hex, ENCODING_HEX, str_c(bytes), bytes->len);
	ck_assert_str_eq(str_c(&hex), expected);
	str_fini(&hex);
}

START_TEST(digest)
{
	struct str out = { 0 };
	struct err err = { "" };
	int rc = hash_digest(&out, digests[_i].hash, "abc", 3, &err);

	ck_assert_msg((rc == 0) == hash_is_built(), "%s", err.msg);
	is_hex(&out, rc == 0 ? digests[_i].hex : "");
	str_fini(&out);
}
END_TEST

/* RFC 4231 4.3 and RFC 2202 3; and neither key nor text. */
static const struct {
	enum hash hash;
	const char *hex, *empty;
} hmacs[] = {
	{ HASH_SHA1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
	    "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d" },
	{ HASH_SHA224,
	    "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
	    "5ce14f72894662213e2748d2a6ba234b74263910cedde2f5a9271524" },
	{ HASH_SHA256,
	    "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843",
	    "b613679a0814d9ec772f95d778c35fc5"
	    "ff1697c493715653c6c712144292c5ad" },
};

START_TEST(hmac)
{
	static const char text[] = "what do ya want for nothing?";
	struct str out = { 0 };
	int rc = hash_hmac(
	    &out, hmacs[_i].hash, "Jefe", 4, text, strlen(text), NULL);

	ck_assert_int_eq(rc == 0, hash_is_built());
	is_hex(&out, rc == 0 ? hmacs[_i].hex : "");
	str_clear(&out);
	rc = hash_hmac(&out, hmacs[_i].hash, "", 0, "", 0, NULL);
	is_hex(&out, rc == 0 ? hmacs[_i].empty : "");
	str_fini(&out);
}
END_TEST

START_TEST(crc)
{
	ck_assert_uint_eq(hash_crc32("123456789", 9), 0xcbf43926);
	ck_assert_uint_eq(hash_crc32("abc", 3), 0x352441c2);
	ck_assert_uint_eq(hash_crc32("", 0), 0);
	ck_assert_uint_eq(hash_crc32("something", 9), 0x09da31fb);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("hash", &tcase);

	tcase_add_loop_test(tcase, digest, 0, UNIT_N(digests));
	tcase_add_loop_test(tcase, hmac, 0, UNIT_N(hmacs));
	tcase_add_test(tcase, crc);
	return s;
}

UNIT_MAIN(suite)
