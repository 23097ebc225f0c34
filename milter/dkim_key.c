#include "dkim_key.h"

#include "dkim_tags.h"

#include <string.h>

static const char *const algs[] = {
	[DKIM_RSA_SHA256] = "rsa-sha256",
	[DKIM_ED25519_SHA256] = "ed25519-sha256",
	[DKIM_RSA_SHA1] = "rsa-sha1",
};

bool
dkim_alg_find(enum dkim_alg *alg, const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof algs / sizeof *algs; i++)
		if (strlen(algs[i]) == len && memcmp(algs[i], name, len) == 0) {
			*alg = (enum dkim_alg)i;
			return true;
		}
	return false;
}

const char *
dkim_alg_name(enum dkim_alg alg)
{
	return algs[alg];
}

#ifdef HAVE_OPENSSL

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define ED25519_SIZE 32

/* Has the list this among its elements?  No list allows all. */
static bool
lists(const struct dkim_tag *tag, const char *wanted, const char *any)
{
	const char *item;
	size_t len, at = 0;

	if (tag == NULL)
		return true;
	while (dkim_tag_next(tag, &at, &item, &len))
		if ((len == strlen(wanted) && memcmp(item, wanted, len) == 0) ||
		    (any != NULL && len == strlen(any) &&
			memcmp(item, any, len) == 0))
			return true;
	return false;
}

/* Into a value of DER that has this tag and is all there is. */
static bool
enter(const unsigned char **p, size_t *len, unsigned char tag)
{
	size_t head = 2, n;

	if (*len < 2 || (*p)[0] != tag)
		return false;
	n = (*p)[1];
	if (n > 0x80) { /* as many bytes have the length */
		head += n & 0x7f;
		if (head > 4 || *len < head)
			return false;
		n = head == 3 ? (*p)[2] : (size_t)((*p)[2] << 8 | (*p)[3]);
	}
	*p += head;
	*len -= head;
	return n == *len;
}

/*
 * To the RSAPublicKey within a SubjectPublicKeyInfo; false where it is none of
 * RSA.  OpenSSL could do that, but takes four times as long for it as for the
 * verification.
 */
static bool
unwrap(const unsigned char **p, size_t *len)
{
	static const unsigned char rsa[] = { 0x30, 13, 6, 9, 0x2a, 0x86, 0x48,
		0x86, 0xf7, 13, 1, 1, 1, 5, 0 };

	if (!enter(p, len, 0x30) || *len < sizeof rsa ||
	    memcmp(*p, rsa, sizeof rsa) != 0)
		return false;
	*p += sizeof rsa;
	*len -= sizeof rsa;
	if (!enter(p, len, 3) || *len == 0 || **p != 0)
		return false;
	(*p)++; /* bits that are none of the key's */
	(*len)--;
	return true;
}

/* RSAPublicKey, bare or not; what is there that unwrap() does not know, or
 * written in another way than DER's, is OpenSSL's to find out. */
static EVP_PKEY *
rsa_from(const unsigned char *der, size_t len)
{
	const unsigned char *p = der, *end = der + len;
	EVP_PKEY *pkey;

	if (!unwrap(&p, &len)) {
		p = der;
		len = (size_t)(end - der);
	}
	pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)len);
	if (pkey == NULL) {
		p = der;
		pkey = d2i_PUBKEY(NULL, &p, (long)(end - der));
	}
	if (pkey != NULL &&
	    (p != end || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return pkey;
}

static int
exponent_bits(const EVP_PKEY *pkey)
{
	BIGNUM *e = NULL;
	int bits;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		return INT_MAX;
	bits = BN_num_bits(e);
	BN_free(e);
	return bits;
}

static enum dkim_key_status
check_rsa(struct dkim_key *k, struct err *err)
{
	int exponent;

	k->bits = EVP_PKEY_get_bits(k->pkey);
	if (k->bits < DKIM_KEY_BITS_MIN || k->bits > DKIM_KEY_BITS_MAX) {
		err_set(err, "RSA key of %d bits, allowed are %d to %d",
		    k->bits, DKIM_KEY_BITS_MIN, DKIM_KEY_BITS_MAX);
		return DKIM_KEY_BAD;
	}
	exponent = exponent_bits(k->pkey);
	if (exponent <= DKIM_KEY_EXPONENT_MAX)
		return DKIM_KEY_OK;
	err_set(err, "RSA key whose exponent has more than %d bits",
	    DKIM_KEY_EXPONENT_MAX);
	return DKIM_KEY_BAD;
}

static enum dkim_key_status
read_rsa(struct dkim_key *k, const struct str *der, struct err *err)
{
	enum dkim_key_status status;

	k->pkey = rsa_from((const unsigned char *)str_c(der), der->len);
	if (k->pkey == NULL) {
		err_set(err, "p= is no RSA key");
		return DKIM_KEY_BAD;
	}
	status = check_rsa(k, err);
	if (status != DKIM_KEY_OK) {
		EVP_PKEY_free(k->pkey);
		k->pkey = NULL;
	}
	return status;
}

static enum dkim_key_status
read_ed25519(struct dkim_key *k, const struct str *raw, struct err *err)
{
	if (raw->len == ED25519_SIZE)
		k->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
		    (const unsigned char *)str_c(raw), raw->len);
	k->ed25519 = true;
	k->bits = ED25519_SIZE * 8;
	if (k->pkey != NULL)
		return DKIM_KEY_OK;
	err_set(err, "p= is no Ed25519 key");
	return DKIM_KEY_BAD;
}

/* k= and p= */
static enum dkim_key_status
read_key(struct dkim_key *k, const struct dkim_tags *tags, struct err *err)
{
	const struct dkim_tag *type = dkim_tags_find(tags, "k");
	const struct dkim_tag *p = dkim_tags_find(tags, "p");
	bool ed25519 = dkim_tag_is(type, "ed25519");
	enum dkim_key_status status = DKIM_KEY_BAD;
	struct str raw = { 0 };

	if (type != NULL && !ed25519 && !dkim_tag_is(type, "rsa"))
		err_set(err, "k= is neither rsa nor ed25519");
	else if (dkim_tag_base64(&raw, p, NULL) != 0)
		err_set(err, "p= is not base64");
	else if (ed25519)
		status = read_ed25519(k, &raw, err);
	else
		status = read_rsa(k, &raw, err);
	str_fini(&raw);
	/* OpenSSL's own words are for nobody, least of all for a TLS
	 * connection of the same thread. */
	ERR_clear_error();
	return status;
}

enum dkim_key_status
dkim_key_read(
    struct dkim_key *k, const char *record, size_t len, struct err *err)
{
	const struct dkim_tag *v, *p;
	struct dkim_tags tags;

	*k = (struct dkim_key){ 0 };
	if (len > DKIM_KEY_RECORD_MAX) {
		err_set(
		    err, "record of more than %d bytes", DKIM_KEY_RECORD_MAX);
		return DKIM_KEY_BAD;
	}
	if (dkim_tags_parse(&tags, record, len, err) != 0)
		return DKIM_KEY_NONE;
	v = dkim_tags_find(&tags, "v");
	p = dkim_tags_find(&tags, "p");
	if (p == NULL ||
	    (v != NULL && (v != tags.tag || !dkim_tag_is(v, "DKIM1")))) {
		err_set(err, "no key record");
		return DKIM_KEY_NONE;
	}
	k->sha256 = lists(dkim_tags_find(&tags, "h"), "sha256", NULL);
	k->mail = lists(dkim_tags_find(&tags, "s"), "email", "*");
	v = dkim_tags_find(&tags, "t");
	k->testing = v != NULL && lists(v, "y", NULL);
	k->strict = v != NULL && lists(v, "s", NULL);
	if (p->len == 0) {
		err_set(err, "key revoked");
		return DKIM_KEY_REVOKED;
	}
	return read_key(k, &tags, err);
}

void
dkim_key_fini(struct dkim_key *k)
{
	EVP_PKEY_free(k->pkey);
	*k = (struct dkim_key){ 0 };
}

static int
verify_rsa(EVP_MD_CTX *ctx, const struct dkim_key *k, const void *data,
    size_t len, const void *sig, size_t sig_len)
{
	return EVP_DigestVerifyInit_ex(
		   ctx, NULL, "SHA2-256", NULL, NULL, k->pkey, NULL) == 1 &&
	       EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
}

/* What Ed25519 signs is the hash (RFC 8463, 3). */
static int
verify_ed25519(EVP_MD_CTX *ctx, const struct dkim_key *k, const void *data,
    size_t len, const void *sig, size_t sig_len)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	size_t n = sizeof hash;

	return EVP_Q_digest(NULL, "SHA2-256", NULL, data, len, hash, &n) == 1 &&
	       EVP_DigestVerifyInit_ex(
		   ctx, NULL, NULL, NULL, NULL, k->pkey, NULL) == 1 &&
	       EVP_DigestVerify(ctx, sig, sig_len, hash, n) == 1;
}

int
dkim_key_verify(const struct dkim_key *k, enum dkim_alg alg, const void *data,
    size_t len, const void *sig, size_t sig_len, struct err *err)
{
	EVP_MD_CTX *ctx;
	int good;

	if (alg == DKIM_RSA_SHA1)
		return err_set(err, "rsa-sha1 is not accepted");
	if (k->pkey == NULL || k->ed25519 != (alg == DKIM_ED25519_SHA256))
		return err_set(err, "no key for %s", dkim_alg_name(alg));
	ctx = EVP_MD_CTX_new();
	must(ctx != NULL);
	good = k->ed25519 ? verify_ed25519(ctx, k, data, len, sig, sig_len)
			  : verify_rsa(ctx, k, data, len, sig, sig_len);
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

#else

enum dkim_key_status
dkim_key_read(
    struct dkim_key *k, const char *record, size_t len, struct err *err)
{
	(void)record, (void)len;
	*k = (struct dkim_key){ 0 };
	err_set(err, "built without OpenSSL");
	return DKIM_KEY_BAD;
}

void
dkim_key_fini(struct dkim_key *k)
{
	*k = (struct dkim_key){ 0 };
}

int
dkim_key_verify(const struct dkim_key *k, enum dkim_alg alg, const void *data,
    size_t len, const void *sig, size_t sig_len, struct err *err)
{
	(void)k, (void)alg, (void)data, (void)len, (void)sig, (void)sig_len;
	return err_set(err, "built without OpenSSL");
}

#endif
