#include "cipher.h"

#ifdef HAVE_OPENSSL

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#define BLOCK 16

static const EVP_CIPHER *
choose(enum cipher_mode mode, size_t key_len, struct err *err)
{
	if (key_len == 16)
		return mode == CIPHER_ECB ? EVP_aes_128_ecb()
					  : EVP_aes_128_cbc();
	if (key_len == 32)
		return mode == CIPHER_ECB ? EVP_aes_256_ecb()
					  : EVP_aes_256_cbc();
	err_set(err, "Key length must be 16 or 32 bytes");
	return NULL;
}

/* One whole text; -1 if it is none. */
static int
run(struct str *out, const EVP_CIPHER *cipher, bool encrypt, const void *key,
    const void *iv, const void *p, size_t n)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char *to;
	int len = 0, rest = 0, fine = 0;

	if (ctx == NULL)
		return -1;
	str_reserve(out, n + BLOCK);
	to = (unsigned char *)out->data + out->len;
	if (EVP_CipherInit_ex(ctx, cipher, NULL, key, iv, encrypt) == 1 &&
	    EVP_CipherUpdate(ctx, to, &len, p, (int)n) == 1)
		fine = EVP_CipherFinal_ex(ctx, to + len, &rest);
	EVP_CIPHER_CTX_free(ctx);
	if (fine == 1)
		out->len += (size_t)len + (size_t)rest;
	out->data[out->len] = '\0';
	return fine == 1 ? 0 : -1;
}

int
cipher_encrypt(struct str *out, enum cipher_mode mode, const void *key,
    size_t key_len, const void *p, size_t n, struct err *err)
{
	const EVP_CIPHER *cipher = choose(mode, key_len, err);
	unsigned char iv[BLOCK] = { 0 };
	size_t begin = out->len;

	if (cipher == NULL)
		return -1;
	if (n > INT_MAX - BLOCK)
		return err_set(err, "too long");
	if (mode == CIPHER_CBC) {
		if (RAND_bytes(iv, sizeof iv) != 1)
			return err_set(err, "OpenSSL has no random numbers");
		str_add(out, iv, sizeof iv);
	}
	if (run(out, cipher, true, key, iv, p, n) == 0)
		return 0;
	out->len = begin;
	return err_set(err, "OpenSSL did not encrypt");
}

int
cipher_decrypt(struct str *out, enum cipher_mode mode, const void *key,
    size_t key_len, const void *p, size_t n, struct err *err)
{
	const EVP_CIPHER *cipher = choose(mode, key_len, err);
	const char *from = p;
	unsigned char iv[BLOCK] = { 0 };

	if (cipher == NULL)
		return -1;
	if (n > INT_MAX - BLOCK)
		return err_set(err, "too long");
	if (mode == CIPHER_CBC) {
		if (n < BLOCK)
			return err_set(err,
			    "ciphertext must be prefixed by iv with len at "
			    "least %d",
			    BLOCK);
		memcpy(iv, from, BLOCK);
		from += BLOCK;
		n -= BLOCK;
	}
	if (run(out, cipher, false, key, iv, from, n) == 0)
		return 0;
	return err_set(err, "Decryption failed with AES %s mode",
	    mode == CIPHER_ECB ? "ECB" : "CBC");
}

#else

int
cipher_encrypt(struct str *out, enum cipher_mode mode, const void *key,
    size_t key_len, const void *p, size_t n, struct err *err)
{
	(void)out;
	(void)mode;
	(void)key;
	(void)key_len;
	(void)p;
	(void)n;
	return err_set(err, "built without OpenSSL");
}

int
cipher_decrypt(struct str *out, enum cipher_mode mode, const void *key,
    size_t key_len, const void *p, size_t n, struct err *err)
{
	return cipher_encrypt(out, mode, key, key_len, p, n, err);
}

#endif
