/*
 * aws_sign.h - requests signed for Amazon's services (Signature Version 4)
 *
 * Whoever sends the request sends the headers x-amz-date, with a token
 * x-amz-security-token and for S3 x-amz-content-sha256 as well: they are
 * signed.  What is not A-Z a-z 0-9 - _ . ~ is encoded in path and query, so
 * these come as they were before that.  Needs hash.h.
 */
#ifndef KUMILTER_AWS_SIGN_H
#define KUMILTER_AWS_SIGN_H

#include "err.h"
#include "str.h"

#include <jansson.h>
#include <stdint.h>

struct aws_request {
	const char *access_key, *secret_key, *region, *service, *method, *path;
	const char *session_token; /* NULL: none */
	const char *payload;       /* of payload_len bytes */
	size_t payload_len;
	const json_t *query, *headers; /* objects of strings, or NULL */
	int64_t at;                    /* seconds since 1970 */
};

struct aws_signature {
	char timestamp[32]; /* "20150830T123600Z" */
	struct str authorization, canonical_request, string_to_sign, signature;
};

/* -1: no header "host", or no OpenSSL.  *out is to be freed in any case. */
int aws_sign(struct aws_signature *out, const struct aws_request *request,
    struct err *err);
void aws_signature_fini(struct aws_signature *s);

#endif
