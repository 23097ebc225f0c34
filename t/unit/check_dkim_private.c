#include "milter/dkim_private.h"
#include "milter/encoding.h"
#include "unit.h"

#include <string.h>

#ifdef HAVE_OPENSSL

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

/* ---- keys in all forms -------------------------------------------------- */

enum form { P8_PEM, P1_PEM, P8_DER, P1_DER, P8_SECRET, P1_SECRET, PUBLIC };

static EVP_PKEY *
generate(const char *kind)
{
	if (strcmp(kind, "ED25519") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (strcmp(kind, "EC") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atoi(kind));
}

static void
write_key(struct str *out, EVP_PKEY *key, enum form form)
{
	static char pass[] = "secret";
	const EVP_CIPHER *cipher = EVP_aes_128_cbc();
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;
	int rc = 0;

	switch (form) {
	case P8_PEM:
		rc = PEM_write_bio_PKCS8PrivateKey(
		    bio, key, NULL, NULL, 0, NULL, NULL);
		break;
	case P1_PEM:
		rc = PEM_write_bio_PrivateKey_traditional(
		    bio, key, NULL, NULL, 0, NULL, NULL);
		break;
	case P8_DER:
		rc = i2d_PKCS8PrivateKeyInfo_bio(bio, key);
		break;
	case P1_DER:
		rc = i2d_PrivateKey_bio(bio, key);
		break;
	case P8_SECRET:
		rc = PEM_write_bio_PKCS8PrivateKey(
		    bio, key, cipher, pass, (int)strlen(pass), NULL, NULL);
		break;
	case P1_SECRET:
		rc = PEM_write_bio_PrivateKey_traditional(bio, key, cipher,
		    (unsigned char *)pass, (int)strlen(pass), NULL, NULL);
		break;
	case PUBLIC:
		rc = PEM_write_bio_PUBKEY(bio, key);
		break;
	}
	ck_assert_int_eq(rc, 1);
	len = BIO_get_mem_data(bio, &data);
	str_add(out, data, (size_t)len);
	BIO_free(bio);
}

static const struct {
	const char *kind;
	enum form form;
	const char *algorithm, *why;
} forms[] = {
	{ "1024", P8_PEM, "rsa-sha256", NULL },
	{ "1024", P1_PEM, "rsa-sha256", NULL },
	{ "1024", P8_DER, "rsa-sha256", NULL },
	{ "1024", P1_DER, "rsa-sha256", NULL },
	{ "2048", P8_PEM, "rsa-sha256", NULL },
	{ "ED25519", P8_PEM, "ed25519-sha256", NULL },
	{ "ED25519", P8_DER, "ed25519-sha256", NULL },
	{ "512", P8_PEM, NULL,
	    "an RSA key of 512 bits: verifiers ignore less than 1024" },
	{ "1024", P8_SECRET, NULL,
	    "the key has a passphrase; DKIM needs one "
	    "without" },
	{ "1024", P1_SECRET, NULL,
	    "the key has a passphrase; DKIM needs one "
	    "without" },
	{ "1024", PUBLIC, NULL, "this is a public key; the private one signs" },
	{ "ED25519", PUBLIC, NULL,
	    "this is a public key; the private one signs" },
	{ "EC", P1_PEM, NULL, "this is an EC key; RSA or Ed25519 expected" },
	{ "EC", P8_PEM, NULL,
	    "this is a key of id-ecPublicKey; RSA or Ed25519 expected" },
};

/* Signs with what was read, verifies with what it was made of. */
static void
prove(const struct dkim_private *key, EVP_PKEY *pkey)
{
	static const char text[] = "from:ann@example.org\r\n";
	bool rsa = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char digest[32];
	const void *what = text;
	size_t len = sizeof text - 1, size = sizeof digest;
	struct str sig = { 0 };
	struct err err;

	ck_assert_msg(
	    dkim_private_sign(&sig, key, text, len, &err) == 0, "%s", err.msg);
	if (!rsa) {
		EVP_Q_digest(NULL, "SHA256", NULL, text, len, digest, &size);
		what = digest;
		len = size;
	}
	ck_assert_int_eq(EVP_DigestVerifyInit_ex(ctx, NULL,
			     rsa ? "SHA256" : NULL, NULL, NULL, pkey, NULL),
	    1);
	ck_assert_int_eq(EVP_DigestVerify(ctx, (unsigned char *)sig.data,
			     sig.len, what, len),
	    1);
	EVP_MD_CTX_free(ctx);
	str_fini(&sig);
}

START_TEST(each_form)
{
	EVP_PKEY *pkey = generate(forms[_i].kind);
	struct str text = { 0 };
	struct dkim_private *key;
	struct err err;

	ck_assert_ptr_nonnull(pkey);
	write_key(&text, pkey, forms[_i].form);
	key = dkim_private_read(text.data, text.len, &err);
	if (forms[_i].why != NULL) {
		ck_assert_ptr_null(key);
		ck_assert_str_eq(err.msg, forms[_i].why);
	} else {
		ck_assert_msg(key != NULL, "row %d: %s", _i, err.msg);
		ck_assert_str_eq(
		    dkim_private_algorithm(key), forms[_i].algorithm);
		prove(key, pkey);
	}
	dkim_private_free(key);
	EVP_PKEY_free(pkey);
	str_fini(&text);
}
END_TEST

/* Cut anywhere, or with a byte changed: a key or none, and a reason.  RSA,
 * which takes long, at every seventh. */
START_TEST(damaged)
{
	EVP_PKEY *pkey = generate(_i < 2 ? "ED25519" : "1024");
	struct str text = { 0 };

	write_key(&text, pkey, _i % 2 == 0 ? P8_DER : P8_PEM);
	for (size_t i = 0; i < text.len; i += _i < 2 ? 1 : 7) {
		struct err err = { "" };
		struct dkim_private *key =
		    dkim_private_read(text.data, i, &err);

		ck_assert(key != NULL || err.msg[0] != '\0');
		dkim_private_free(key);
		text.data[i] ^= 0x55;
		err.msg[0] = '\0';
		key = dkim_private_read(text.data, text.len, &err);
		ck_assert(key != NULL || err.msg[0] != '\0');
		dkim_private_free(key);
		text.data[i] ^= 0x55;
	}
	EVP_PKEY_free(pkey);
	str_fini(&text);
}
END_TEST

/* ---- the key of RFC 8463, A.2, whose signature is known ----------------- */

#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define HALF "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define ALG "300506032b657004220420"

static const char signed_text[] =
    "from:Joe SixPack <joe@football.example.com>\r\n"
    "to:Suzie Q <suzie@shopping.example.net>\r\n"
    "subject:Is dinner ready?\r\n"
    "date:Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "message-id:<20030712040037.46341.5F8J@football.example.com>\r\n"
    "dkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; "
    "d=football.example.com; i=@football.example.com; q=dns/txt; s=brisbane; "
    "t=1528637909; h=from : to : subject : date : message-id : from : "
    "subject : date; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=";

static const char *const known[] = {
	"302e020100" ALG SEED,
	/* with the public half, as other libraries write it */
	"3051020101" ALG SEED "812100" HALF,
	"3053020101" ALG SEED "a123032100" HALF,
};

START_TEST(known_signature)
{
	struct str der = { 0 }, sig = { 0 }, b = { 0 };
	struct dkim_private *key;
	struct err err;

	ck_assert_int_eq(encoding_read(&der, ENCODING_HEX, known[_i],
			     strlen(known[_i]), NULL),
	    0);
	key = dkim_private_read(der.data, der.len, &err);
	ck_assert_msg(key != NULL, "%s", err.msg);
	ck_assert_int_eq(dkim_private_sign(&sig, key, signed_text,
			     sizeof signed_text - 1, &err),
	    0);
	encoding_write(&b, ENCODING_BASE64, sig.data, sig.len);
	ck_assert_str_eq(str_c(&b),
	    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5O"
	    "sU7ZbnKELq+eXdp1Q1Dw==");
	dkim_private_free(key);
	str_fini(&der);
	str_fini(&sig);
	str_fini(&b);
}
END_TEST

/* ---- what is no key ----------------------------------------------------- */

static const struct {
	const char *text, *why;
} others[] = {
	{ "", "it is empty" },
	{ "hello", "it is no private key, neither in PEM nor in DER" },
	{ "-----BEGIN PRIVATE KEY-----\n", "the PEM text is damaged" },
	{ "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	    "the PEM text is damaged" },
	{ "-----BEGIN PRIVATE KEY-----\n****\n-----END PRIVATE KEY-----\n",
	    "the PEM text is damaged" },
	{ "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	    "this is a certificate, not a private key" },
	{ "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"
	  "-----END OPENSSH PRIVATE KEY-----\n",
	    "this is a key of OpenSSH; RSA or Ed25519 in PEM expected" },
	{ "-----BEGIN SOMETHING-----\nAAAA\n-----END SOMETHING-----\n",
	    "no private key in it, but \"SOMETHING\"" },
};

START_TEST(no_key)
{
	struct err err = { "" };

	ck_assert_ptr_null(
	    dkim_private_read(others[_i].text, strlen(others[_i].text), &err));
	ck_assert_str_eq(err.msg, others[_i].why);
}
END_TEST

START_TEST(too_long)
{
	char *text = calloc(1, DKIM_PRIVATE_MAX + 1);
	struct err err;

	ck_assert_ptr_null(dkim_private_read(text, DKIM_PRIVATE_MAX + 1, &err));
	ck_assert_str_eq(err.msg, "it is too long");
	free(text);
}
END_TEST

/* A certificate in front of the key, as in a file for a web server. */
START_TEST(among_others)
{
	EVP_PKEY *pkey = generate("ED25519");
	struct str text = { 0 };
	struct dkim_private *key;
	struct err err;

	str_adds(&text, "a comment\n-----BEGIN CERTIFICATE-----\nAAAA\n"
			"-----END CERTIFICATE-----\n");
	write_key(&text, pkey, P8_PEM);
	key = dkim_private_read(text.data, text.len, &err);
	ck_assert_msg(key != NULL, "%s", err.msg);
	prove(key, pkey);
	dkim_private_free(key);
	EVP_PKEY_free(pkey);
	str_fini(&text);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dkim_private", &t);

	tcase_set_timeout(t, 60); /* sanitizers are slow */
	tcase_add_loop_test(t, each_form, 0, UNIT_N(forms));
	tcase_add_loop_test(t, damaged, 0, 4);
	tcase_add_loop_test(t, known_signature, 0, UNIT_N(known));
	tcase_add_loop_test(t, no_key, 0, UNIT_N(others));
	tcase_add_test(t, too_long);
	tcase_add_test(t, among_others);
	return s;
}

#else

START_TEST(without_the_library)
{
	struct err err;

	ck_assert_ptr_null(dkim_private_read("x", 1, &err));
	ck_assert_str_eq(err.msg, "built without OpenSSL");
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dkim_private", &t);

	tcase_add_test(t, without_the_library);
	return s;
}

#endif

UNIT_MAIN(suite)
