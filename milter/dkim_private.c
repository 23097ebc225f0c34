#include "dkim_private.h"

#ifdef HAVE_OPENSSL

#include "xmalloc.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SEED 32   /* an Ed25519 key is that many bytes */
#define DIGEST 32 /* of SHA-256 */

struct dkim_private {
	EVP_PKEY *pkey;
	bool is_rsa;
};

/*
 * What stands in front of the seed in PKCS #8 behind its version: the
 * algorithm 1.3.101.112, an octet string in an octet string (RFC 8410).
 */
static const unsigned char ed25519[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65,
	0x70, 0x04, 0x22, 0x04, 0x20 };

/*
 * Version 2 of PKCS #8, with the public key behind the private one (RFC 5958):
 * d2i_AutoPrivateKey() does not read it.
 */
static EVP_PKEY *
read_version_2(const unsigned char *der, size_t n)
{
	static const unsigned char version[] = { 0x02, 0x01, 0x01 };
	const unsigned char *p = der + 2;

	if (n < 2 + sizeof version + sizeof ed25519 + SEED || der[0] != 0x30 ||
	    der[1] != n - 2 || der[1] > 0x7f ||
	    memcmp(p, version, sizeof version) != 0 ||
	    memcmp(p + sizeof version, ed25519, sizeof ed25519) != 0)
		return NULL;
	return EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, p + sizeof version + sizeof ed25519, SEED);
}

static EVP_PKEY *
read_der(const unsigned char *der, size_t n)
{
	const unsigned char *p = der;
	EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, (long)n);

	return pkey != NULL ? pkey : read_version_2(der, n);
}

/* What else may stand between "-----BEGIN " and "-----". */
static const struct {
	const char *label, *what;
} labels[] = {
	{ "ENCRYPTED PRIVATE KEY",
	    "the key has a passphrase; DKIM needs one without" },
	{ "OPENSSH PRIVATE KEY",
	    "this is a key of OpenSSH; RSA or Ed25519 in PEM expected" },
	{ "EC PRIVATE KEY", "this is an EC key; RSA or Ed25519 expected" },
	{ "DSA PRIVATE KEY", "this is a DSA key; RSA or Ed25519 expected" },
	{ "PUBLIC KEY", "this is a public key; the private one signs" },
	{ "RSA PUBLIC KEY", "this is a public key; the private one signs" },
	{ "CERTIFICATE", "this is a certificate, not a private key" },
};

static int
other_label(const char *label, struct err *err)
{
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
		if (strcmp(label, labels[i].label) == 0)
			return err_set(err, "%s", labels[i].what);
	return err_set(err, "no private key in it, but \"%.60s\"", label);
}

/* The first private key of the text; NULL with *err. */
static EVP_PKEY *
read_pem(const void *p, size_t n, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(p, (int)n);
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	EVP_PKEY *pkey = NULL;
	bool found = false;
	long len = 0;

	err_set(err, "the PEM text is damaged");
	while (bio != NULL && !found &&
	       PEM_read_bio(bio, &label, &header, &der, &len) == 1) {
		found = strcmp(label, "PRIVATE KEY") == 0 ||
			strcmp(label, "RSA PRIVATE KEY") == 0;
		if (!found)
			other_label(label, err);
		else if (strstr(header, "ENCRYPTED") != NULL)
			other_label("ENCRYPTED PRIVATE KEY", err);
		else
			pkey = read_der(der, (size_t)len);
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)len);
	}
	BIO_free(bio);
	return pkey;
}

static int
check(const EVP_PKEY *pkey, struct err *err)
{
	int bits = EVP_PKEY_get_bits(pkey);

	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519)
		return 0;
	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
		return err_set(err,
		    "this is a key of %s; RSA or Ed25519 "
		    "expected",
		    OBJ_nid2sn(EVP_PKEY_get_base_id(pkey)));
	if (bits < DKIM_PRIVATE_MIN_BITS)
		return err_set(err,
		    "an RSA key of %d bits: verifiers ignore less than %d",
		    bits, DKIM_PRIVATE_MIN_BITS);
	if (bits > DKIM_PRIVATE_MAX_BITS)
		return err_set(err, "an RSA key of %d bits: at most %d", bits,
		    DKIM_PRIVATE_MAX_BITS);
	return 0;
}

struct dkim_private *
dkim_private_read(const void *p, size_t n, struct err *err)
{
	static const char begin[] = "-----BEGIN ";
	struct dkim_private *key;
	EVP_PKEY *pkey;

	if (n == 0 || n > DKIM_PRIVATE_MAX) {
		err_set(err, n == 0 ? "it is empty" : "it is too long");
		return NULL;
	}
	if (memmem(p, n, begin, sizeof begin - 1) != NULL) {
		pkey = read_pem(p, n, err);
	} else {
		err_set(err, "it is no private key, neither in PEM nor in DER");
		pkey = read_der(p, n);
	}
	ERR_clear_error();
	if (pkey == NULL || check(pkey, err) != 0) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	key = xmalloc(sizeof *key);
	key->pkey = pkey;
	key->is_rsa = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA;
	return key;
}

void
dkim_private_free(struct dkim_private *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

const char *
dkim_private_algorithm(const struct dkim_private *key)
{
	return key->is_rsa ? "rsa-sha256" : "ed25519-sha256";
}

/* Ed25519 signs the digest as if it were the message (RFC 8463, 3). */
static int
run(EVP_MD_CTX *ctx, const struct dkim_private *key, const void *p, size_t n,
    unsigned char *sig, size_t *len)
{
	unsigned char digest[DIGEST];
	size_t size = sizeof digest;

	if (!key->is_rsa) {
		if (EVP_Q_digest(NULL, "SHA2-256", NULL, p, n, digest, &size) !=
		    1)
			return 0;
		p = digest;
		n = size;
	}
	return EVP_DigestSignInit_ex(ctx, NULL, key->is_rsa ? "SHA2-256" : NULL,
		   NULL, NULL, key->pkey, NULL) == 1 &&
	       EVP_DigestSign(ctx, sig, len, p, n) == 1;
}

int
dkim_private_sign(struct str *out, const struct dkim_private *key,
    const void *p, size_t n, struct err *err)
{
	unsigned char sig[DKIM_PRIVATE_MAX_BITS / 8];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = sizeof sig;
	int fine = ctx != NULL && run(ctx, key, p, n, sig, &len);

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (!fine)
		return err_set(err, "OpenSSL did not sign");
	str_add(out, sig, len);
	return 0;
}

#else

#include <stddef.h>

struct dkim_private *
dkim_private_read(const void *p, size_t n, struct err *err)
{
	(void)p;
	(void)n;
	err_set(err, "built without OpenSSL");
	return NULL;
}

void
dkim_private_free(struct dkim_private *key)
{
	(void)key;
}

const char *
dkim_private_algorithm(const struct dkim_private *key)
{
	(void)key;
	return "";
}

int
dkim_private_sign(struct str *out, const struct dkim_private *key,
    const void *p, size_t n, struct err *err)
{
	(void)out;
	(void)key;
	(void)p;
	(void)n;
	return err_set(err, "built without OpenSSL");
}

#endif
