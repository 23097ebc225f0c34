#include "milter/dkim_key.h"
#include "milter/encoding.h"
#include "milter/hash.h"
#include "milter/str.h"
#include "unit.h"

#include <string.h>

/* The keys of RFC 8463, A.2 */
#define ED_P "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_P                                                                  \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3id"       \
	"Y6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC"    \
	"/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G"    \
	"+2kryOTIKT+l/K4w3QIDAQAB"
/* The same without what says that it is RSA. */
#define BARE                                                                   \
	"MIGJAoGBAOQeU5CgFPNZGIazlXo2k/eJ1jpaTTxrmqF1HrDLlt04pvaMtCJj8nXo"     \
	"liLRC/H9vJjMI1vdb3XLcW60AIN/PBD8EL97/y4GwJH7LPUvGP48vqUe+owqszes"     \
	"biGy1PlCO8c70/OjFnJVgvMF87YR4LcincZ76SvI5MgpP6X8rjDdAgMBAAE="

/* RSA, without the NULL that is to stand behind its name. */
#define NO_NULL                                                                \
	"MIGdMAsGCSqGSIb3DQEBAQOBjQAwgYkCgYEA5B5TkKAU81kYhrOVejaT94nW"         \
	"OlpNPGuaoXUesMuW3Tim9oy0ImPydeiWItEL8f28mMwjW91vdctxbrQAg388"         \
	"EPwQv3v/LgbAkfss9S8Y/jy+pR76jCqzN6xuIbLU+UI7xzvT86MWclWC8wXz"         \
	"thHgtyKdxvtpK8jkyCk/pfyuMN0CAwEAAQ=="

#define OK DKIM_KEY_OK
#define NONE DKIM_KEY_NONE
#define BAD DKIM_KEY_BAD
#define REVOKED DKIM_KEY_REVOKED

static const struct {
	const char *record;
	enum dkim_key_status status;
	bool ed25519, sha256, mail, testing, strict;
} records[] = {
	{ "v=DKIM1; k=rsa; p=" RSA_P, OK, false, true, true, false, false },
	{ "p=" RSA_P, OK, false, true, true, false, false },
	{ "p=" BARE, OK, false, true, true, false, false },
	{ "p=" NO_NULL, OK, false, true, true, false, false },
	{ "v=DKIM1; k=ed25519; p=" ED_P, OK, true, true, true, false, false },
	{ "k=ed25519; p=" ED_P "; t=y", OK, true, true, true, true, false },
	{ "k=ed25519; p=" ED_P "; t=s", OK, true, true, true, false, true },
	{ "k=ed25519; p=" ED_P "; t= y : x : s", OK, true, true, true, true,
	    true },
	{ "k=ed25519; p=" ED_P "; h=sha1", OK, true, false, true, false,
	    false },
	{ "k=ed25519; p=" ED_P "; h=sha1:sha256", OK, true, true, true, false,
	    false },
	{ "k=ed25519; p=" ED_P "; s=web:tlsrpt", OK, true, true, false, false,
	    false },
	{ "k=ed25519; p=" ED_P "; s=web:email", OK, true, true, true, false,
	    false },
	{ "k=ed25519; p=" ED_P "; s=*; n=a=b", OK, true, true, true, false,
	    false },
	{ "v=DKIM1; p=", REVOKED, false, true, true, false, false },
	{ "k=unheard; p=", REVOKED, false, true, true, false, false },
	{ "v=DKIM1", NONE, false, false, false, false, false },
	{ "v=DKIM2; p=" RSA_P, NONE, false, false, false, false, false },
	{ "p=" RSA_P "; v=DKIM1", NONE, false, false, false, false, false },
	{ "v=spf1 -all", NONE, false, false, false, false, false },
	{ "", NONE, false, false, false, false, false },
	{ "v=DKIM1; p=" RSA_P "; p=" RSA_P, NONE, false, false, false, false,
	    false },
	{ "k=dsa; p=" RSA_P, BAD, false, true, true, false, false },
	{ "k=rsa; p=" ED_P, BAD, false, true, true, false, false },
	{ "k=ed25519; p=" RSA_P, BAD, true, true, true, false, false },
	{ "p=" RSA_P "!", BAD, false, true, true, false, false },
	{ "p=AAAA", BAD, false, true, true, false, false },
	{ "p=" RSA_P "AAAA", BAD, false, true, true, false, false },
};

START_TEST(read_record)
{
	const char *text = records[_i].record;
	struct dkim_key k;
	struct err err = { "" };
	enum dkim_key_status status;

	status = dkim_key_read(&k, text, strlen(text), &err);
	if (!hash_is_built()) {
		ck_assert_int_eq(status, BAD);
		return;
	}
	ck_assert_msg(status == records[_i].status, "row %d: %d %s", _i,
	    (int)status, err.msg);
	ck_assert_int_eq(err.msg[0] == '\0', status == OK);
	ck_assert_int_eq(k.pkey != NULL, status == OK);
	ck_assert_int_eq(k.ed25519, records[_i].ed25519);
	ck_assert_int_eq(k.sha256, records[_i].sha256);
	ck_assert_int_eq(k.mail, records[_i].mail);
	ck_assert_int_eq(k.testing, records[_i].testing);
	ck_assert_int_eq(k.strict, records[_i].strict);
	dkim_key_fini(&k);
	dkim_key_fini(&k);
}
END_TEST

/* DER's length of n bytes, behind its tag. */
static void
der(struct str *out, char tag, size_t n)
{
	str_addc(out, tag);
	if (n >= 128)
		str_addc(out, (char)0x82);
	if (n >= 128)
		str_addc(out, (char)(n >> 8));
	str_addc(out, (char)(n & 0xff));
}

/* An RSA key that is none, of that many bits. */
static void
rsa_record(struct str *out, size_t bits, size_t exponent)
{
	struct str modulus = { 0 }, key = { 0 };
	size_t n = bits / 8 + 1;

	der(&modulus, 2, n);
	str_addc(&modulus, '\0');
	for (size_t i = 1; i < n; i++)
		str_addc(&modulus, (char)0xff);
	der(&modulus, 2, exponent);
	for (size_t i = 0; i < exponent; i++)
		str_addc(&modulus, i == 0 || i + 1 == exponent);
	der(&key, 0x30, modulus.len);
	str_add(&key, str_c(&modulus), modulus.len);
	str_adds(out, "p=");
	encoding_write(out, ENCODING_BASE64, str_c(&key), key.len);
	str_fini(&modulus);
	str_fini(&key);
}

static const struct {
	size_t bits, exponent; /* and bytes */
	enum dkim_key_status status;
} sizes[] = {
	{ 512, 3, BAD },
	{ 1016, 3, BAD },
	{ 1024, 3, OK },
	{ 2048, 3, OK },
	{ 4096, 3, OK },
	{ 8192, 3, OK },
	{ 8200, 3, BAD },
	{ 16384, 3, BAD },
	{ 2048, 1, OK },
	{ 2048, 8, OK },
	{ 2048, 9, BAD },
	{ 3072, 380, BAD },
};

START_TEST(bits)
{
	struct str record = { 0 };
	struct err err = { "" };
	struct dkim_key k;

	if (!hash_is_built())
		return;
	rsa_record(&record, sizes[_i].bits, sizes[_i].exponent);
	ck_assert_msg(dkim_key_read(&k, str_c(&record), record.len, &err) ==
			  sizes[_i].status,
	    "%zu bits: %s", sizes[_i].bits, err.msg);
	ck_assert_int_eq(k.bits, (int)sizes[_i].bits);
	ck_assert_int_eq(k.pkey != NULL, sizes[_i].status == OK);
	dkim_key_fini(&k);
	str_fini(&record);
}
END_TEST

/* However long, it costs nothing. */
START_TEST(long_records)
{
	struct str record = { 0 };
	struct dkim_key k;

	if (!hash_is_built())
		return;
	str_adds(&record, "p=" RSA_P "; n=");
	while (record.len < DKIM_KEY_RECORD_MAX)
		str_addc(&record, 'x');
	ck_assert_int_eq(
	    dkim_key_read(&k, str_c(&record), record.len, NULL), OK);
	dkim_key_fini(&k);
	str_addc(&record, 'x');
	ck_assert_int_eq(
	    dkim_key_read(&k, str_c(&record), record.len, NULL), BAD);
	dkim_key_fini(&k);
	str_fini(&record);
}
END_TEST

static const struct {
	const char *name;
	int alg; /* -1: none */
} algs[] = {
	{ "rsa-sha256", DKIM_RSA_SHA256 },
	{ "ed25519-sha256", DKIM_ED25519_SHA256 },
	{ "rsa-sha1", DKIM_RSA_SHA1 },
	{ "RSA-SHA256", -1 },
	{ "rsa-sha25", -1 },
	{ "rsa-sha2560", -1 },
	{ "", -1 },
};

START_TEST(alg)
{
	enum dkim_alg a;
	const char *name = algs[_i].name;

	ck_assert_int_eq(
	    dkim_alg_find(&a, name, strlen(name)), algs[_i].alg >= 0);
	if (algs[_i].alg >= 0) {
		ck_assert_int_eq(a, algs[_i].alg);
		ck_assert_str_eq(dkim_alg_name(a), name);
	}
}
END_TEST

#ifdef HAVE_OPENSSL

#include <openssl/evp.h>
#include <openssl/x509.h>

static void
sign(struct str *sig, struct str *record, EVP_PKEY *pkey, bool rsa,
    const char *data)
{
	unsigned char out[512], *public = NULL;
	unsigned char hash[32];
	size_t n = sizeof out, hash_len = sizeof hash;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int len;

	EVP_Q_digest(NULL, "SHA256", NULL, data, strlen(data), hash, &hash_len);
	EVP_DigestSignInit_ex(
	    ctx, NULL, rsa ? "SHA256" : NULL, NULL, NULL, pkey, NULL);
	ck_assert_int_eq(EVP_DigestSign(ctx, out, &n,
			     rsa ? (const unsigned char *)data : hash,
			     rsa ? strlen(data) : hash_len),
	    1);
	EVP_MD_CTX_free(ctx);
	str_add(sig, out, n);
	str_adds(record, rsa ? "p=" : "k=ed25519; p=");
	len = i2d_PUBKEY(pkey, &public);
	/* the last 32 bytes are the key */
	encoding_write(record, ENCODING_BASE64,
	    rsa ? public : public + len - 32, rsa ? (size_t)len : 32);
	OPENSSL_free(public);
}

START_TEST(verify)
{
	bool rsa = _i == 0;
	enum dkim_alg a = rsa ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256;
	EVP_PKEY *pkey =
	    rsa ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024)
		: EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct str sig = { 0 }, record = { 0 };
	struct dkim_key k;
	struct err err = { "" };

	sign(&sig, &record, pkey, rsa, "data");
	ck_assert_int_eq(
	    dkim_key_read(&k, str_c(&record), record.len, &err), OK);
	ck_assert_int_eq(
	    dkim_key_verify(&k, a, "data", 4, sig.data, sig.len, &err), 1);
	ck_assert_int_eq(
	    dkim_key_verify(&k, a, "datb", 4, sig.data, sig.len, &err), 0);
	ck_assert_int_eq(
	    dkim_key_verify(&k, a, "data", 3, sig.data, sig.len, &err), 0);
	ck_assert_int_eq(
	    dkim_key_verify(&k, a, "data", 4, sig.data, sig.len - 1, &err), 0);
	ck_assert_int_eq(dkim_key_verify(&k, a, "data", 4, "", 0, &err), 0);
	ck_assert_str_eq(err.msg, "");
	ck_assert_int_eq(dkim_key_verify(&k, (enum dkim_alg)(1 - a), "data", 4,
			     sig.data, sig.len, &err),
	    -1);
	ck_assert_int_eq(dkim_key_verify(&k, DKIM_RSA_SHA1, "data", 4, sig.data,
			     sig.len, &err),
	    -1);
	ck_assert_str_eq(err.msg, "rsa-sha1 is not accepted");
	dkim_key_fini(&k);
	EVP_PKEY_free(pkey);
	str_fini(&sig);
	str_fini(&record);
}
END_TEST

#endif

static Suite *
suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("dkim_key", &tc);

	tcase_add_loop_test(tc, read_record, 0, UNIT_N(records));
	tcase_add_loop_test(tc, bits, 0, UNIT_N(sizes));
	tcase_add_test(tc, long_records);
	tcase_add_loop_test(tc, alg, 0, UNIT_N(algs));
#ifdef HAVE_OPENSSL
	tcase_add_loop_test(tc, verify, 0, 2);
#endif
	return s;
}
UNIT_MAIN(suite)
