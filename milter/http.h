/*
 * http.h - a request over HTTP, and waiting for its response
 *
 * http_perform() blocks its thread, so call it where no Lua state is held; any
 * number of threads may, each with a deadline of its own.  All connections
 * are in one pool of the process, whoever asks: one is used again for the same
 * host, port, proxy and kind of verification.
 *
 * HTTP/1.1, http: and https: alone.  Redirections are followed, ten of them:
 * after 301, 302 and 303 the method is GET (or stays HEAD) and the body is
 * gone; what stands in Authorization and Cookie is not told to another host.
 * Bodies packed with gzip or deflate are unpacked, unless the request names
 * an Accept-Encoding of its own.  Proxies are those of the environment.
 * Certificates are checked against Debian's list, or what SSL_CERT_FILE and
 * SSL_CERT_DIR name.
 *
 * Without libcurl http_is_built() is false and every request fails.
 */
#ifndef KUMILTER_HTTP_H
#define KUMILTER_HTTP_H

#include "err.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_REDIRECTS_MAX 10
/* All headers of a response. */
#define HTTP_HEADERS_MAX ((size_t)256 << 10)
/* All bodies that are being received, of the whole process. */
#define HTTP_BODIES_MAX ((size_t)512 << 20)

bool http_is_built(void);

struct http_field { /* of a request */
	const char *name, *value;
};

struct http_header { /* of a response: the name in small letters */
	char *name, *value;
};

struct http_request {
	const char *method;
	const char *url;
	const struct http_field *header;
	size_t n_headers;
	const void *body; /* NULL: none */
	size_t body_len;
	const char *user_agent; /* NULL: none */
	size_t body_limit;      /* of the response's body */
	int64_t idle_timeout;   /* ns: no older connection is used again */
	bool any_certificate;
	bool verbose; /* what libcurl says goes into the log's level debug */
};

/* -1 with *err: not to be sent as a header, a method. */
int http_check_header(const char *name, size_t name_len, const char *value,
    size_t value_len, struct err *err);
int http_check_method(const char *method, struct err *err);

struct http_response {
	int status;
	struct http_header *header;
	size_t n_headers;
	struct str body;
	size_t counted;  /* of HTTP_BODIES_MAX */
	bool incomplete; /* the body was not received whole: why */
	struct err why;
};

/*
 * 0: there is a status, headers and a body, if incomplete; -1 with *err.  The
 * request is not touched any more after the return.  http_response_fini() in
 * both cases.
 */
int http_perform(const struct http_request *r, int64_t deadline,
    struct http_response *out, struct err *err);
void http_response_fini(struct http_response *r);

/* The first of that name, in small letters, or NULL. */
const char *http_response_header(
    const struct http_response *r, const char *name);

/* "Not Found", or NULL. */
const char *http_status_text(int status);

#endif
