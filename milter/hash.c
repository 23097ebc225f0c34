#include "hash.h"

uint32_t
hash_crc32(const void *p, size_t n)
{
	static const uint32_t quarter[16] = {
		0x00000000,
		0x1db71064,
		0x3b6e20c8,
		0x26d930ac,
		0x76dc4190,
		0x6b6b51f4,
		0x4db26158,
		0x5005713c,
		0xedb88320,
		0xf00f9344,
		0xd6d6a3e8,
		0xcb61b38c,
		0x9b64c2b0,
		0x86d3d2d4,
		0xa00ae278,
		0xbdbdf21c,
	};
	const unsigned char *byte = p;
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= byte[i];
		crc = crc >> 4 ^ quarter[crc & 15];
		crc = crc >> 4 ^ quarter[crc & 15];
	}
	return ~crc;
}

#ifdef HAVE_OPENSSL

#include <openssl/evp.h>

/* As OpenSSL calls them. */
static const char *const names[] = {
	[HASH_SHA1] = "SHA1",
	[HASH_SHA224] = "SHA2-224",
	[HASH_SHA256] = "SHA2-256",
	[HASH_SHA384] = "SHA2-384",
	[HASH_SHA512] = "SHA2-512",
	[HASH_SHA512_256] = "SHA2-512/256",
	[HASH_SHA3_256] = "SHA3-256",
	[HASH_SHA3_384] = "SHA3-384",
	[HASH_SHA3_512] = "SHA3-512",
};

bool
hash_is_built(void)
{
	return true;
}

int
hash_digest(
    struct str *out, enum hash h, const void *p, size_t n, struct err *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t len = sizeof digest;

	if (EVP_Q_digest(NULL, names[h], NULL, p, n, digest, &len) != 1)
		return err_set(err, "OpenSSL does not do %s", names[h]);
	str_add(out, digest, len);
	return 0;
}

int
hash_hmac(struct str *out, enum hash h, const void *key, size_t key_len,
    const void *p, size_t n, struct err *err)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	size_t len = 0;

	if (EVP_Q_mac(NULL, "HMAC", NULL, names[h], NULL, key, key_len, p, n,
		mac, sizeof mac, &len) == NULL)
		return err_set(
		    err, "OpenSSL does not do HMAC with %s", names[h]);
	str_add(out, mac, len);
	return 0;
}

#else

bool
hash_is_built(void)
{
	return false;
}

int
hash_digest(
    struct str *out, enum hash h, const void *p, size_t n, struct err *err)
{
	(void)out;
	(void)h;
	(void)p;
	(void)n;
	return err_set(err, "built without OpenSSL");
}

int
hash_hmac(struct str *out, enum hash h, const void *key, size_t key_len,
    const void *p, size_t n, struct err *err)
{
	(void)out;
	(void)h;
	(void)key;
	(void)key_len;
	(void)p;
	(void)n;
	return err_set(err, "built without OpenSSL");
}

#endif
