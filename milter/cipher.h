/*
 * cipher.h - AES in blocks, padded as PKCS #7 says
 *
 * A key of 16 or 32 bytes is AES-128 or AES-256.  In CBC 16 random bytes, the
 * initialization vector, stand before the blocks.  Who can change what is
 * decrypted learns from the errors; sign what others may touch.
 *
 * Done by OpenSSL.  Any thread.
 */
#ifndef KUMILTER_CIPHER_H
#define KUMILTER_CIPHER_H

#include "err.h"
#include "str.h"

#include <stdbool.h>

enum cipher_mode { CIPHER_ECB, CIPHER_CBC };

/* Append; -1, and nothing appended, where key or bytes do not fit. */
int cipher_encrypt(struct str *out, enum cipher_mode mode, const void *key,
    size_t key_len, const void *p, size_t n, struct err *err);
int cipher_decrypt(struct str *out, enum cipher_mode mode, const void *key,
    size_t key_len, const void *p, size_t n, struct err *err);

#endif
