/*
 * http_transfer.h - one request, one response, no redirections
 *
 * For http.c alone: what a request is in libcurl's terms, and what becomes of
 * the bytes that come back.
 */
#ifndef KUMILTER_HTTP_TRANSFER_H
#define KUMILTER_HTTP_TRANSFER_H

#include "http.h"

struct http_url;

/* What may differ from the request after a redirection. */
struct http_hop {
	const char *method;
	const struct http_url *url;
	const char *referer; /* NULL: none */
	bool bare;           /* no body, nor headers about one */
	bool foreign;        /* another origin: no secrets */
};

/*
 * As http_perform(); *location is where a redirection leads to, owned by the
 * caller, or NULL.
 */
int http_transfer(const struct http_request *r, const struct http_hop *hop,
    int64_t deadline, struct http_response *out, char **location,
    struct err *err);

/* Given back by http_response_fini(). */
void http_transfer_uncount(size_t bytes);

#endif
