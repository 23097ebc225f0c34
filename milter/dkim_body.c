#include "dkim_body.h"

#include <string.h>

#ifdef HAVE_OPENSSL

#include <openssl/evp.h>
#include <pthread.h>

static EVP_MD *sha256;

static void
fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
}

/* Looked up once: OpenSSL takes long for that. */
static const EVP_MD *
hash_kind(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, fetch);
	return sha256;
}

static void
flush(struct dkim_body *b)
{
	must(EVP_DigestUpdate(b->md, b->buf, b->held) == 1);
	b->held = 0;
}

/* Words come one by one; OpenSSL is given more at a time. */
static void
take(void *arg, const void *data, size_t len)
{
	struct dkim_body *b = arg;

	if (len > b->left)
		len = (size_t)b->left;
	b->left -= len;
	if (len > sizeof b->buf - b->held)
		flush(b);
	if (len > sizeof b->buf) {
		must(EVP_DigestUpdate(b->md, data, len) == 1);
	} else {
		memcpy(b->buf + b->held, data, len);
		b->held += len;
	}
}

int
dkim_body_init(
    struct dkim_body *b, enum dkim_canon canon, int64_t limit, struct err *err)
{
	const EVP_MD *kind = hash_kind();

	b->md = kind != NULL ? EVP_MD_CTX_new() : NULL;
	if (b->md == NULL || EVP_DigestInit_ex2(b->md, kind, NULL) != 1) {
		EVP_MD_CTX_free(b->md);
		return err_set(err, "OpenSSL does not do SHA-256");
	}
	b->left = limit >= 0 ? (uint64_t)limit : UINT64_MAX;
	b->held = 0;
	dkim_canon_body_init(&b->canon, canon, take, b);
	return 0;
}

void
dkim_body_end(struct dkim_body *b, unsigned char hash[DKIM_HASH_SIZE])
{
	dkim_canon_body_end(&b->canon);
	flush(b);
	if (hash != NULL)
		must(EVP_DigestFinal_ex(b->md, hash, NULL) == 1);
	EVP_MD_CTX_free(b->md);
}

#else

int
dkim_body_init(
    struct dkim_body *b, enum dkim_canon canon, int64_t limit, struct err *err)
{
	(void)b, (void)canon, (void)limit;
	return err_set(err, "built without OpenSSL");
}

void
dkim_body_end(struct dkim_body *b, unsigned char hash[DKIM_HASH_SIZE])
{
	(void)b;
	if (hash != NULL)
		memset(hash, 0, DKIM_HASH_SIZE);
}

#endif

void
dkim_body_add(struct dkim_body *b, const void *data, size_t len)
{
	dkim_canon_body_add(&b->canon, data, len);
}
