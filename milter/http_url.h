/*
 * http_url.h - URLs of HTTP, and what stands in their queries
 *
 * Read as the library reads them that asks for them (libcurl); without it
 * http_url_read() and http_url_build() fail.  No control characters, no user
 * and no fragment are left in a URL that was read, so it may be logged and
 * sent.  No state: any thread.
 */
#ifndef KUMILTER_HTTP_URL_H
#define KUMILTER_HTTP_URL_H

#include "err.h"
#include "str.h"

#include <stdbool.h>

/* A URL of more bytes is refused. */
#define HTTP_URL_MAX 65536

struct http_url {
	char *url;    /* "https://www.example.com:8443/a?b" */
	char *host;   /* "www.example.com:8443", as in the header */
	char *path;   /* "/a" */
	char *query;  /* "b", or NULL */
	char *origin; /* "https://www.example.com:8443": where secrets may go */
	char *user, *password; /* decoded, or NULL */
};

/* -1 with *err: it is none of http: or https:. */
int http_url_read(
    struct http_url *out, const char *text, size_t len, struct err *err);
void http_url_fini(struct http_url *u);

/*
 * Append the URL with these bytes, a query already encoded, added to its own.
 * Schemes are any.
 */
int http_url_build(struct str *out, const char *text, size_t len,
    const char *query, struct err *err);

/* Append "&name=value", or "name=value" first, as forms are encoded. */
void http_url_add_pair(struct str *out, const char *name, size_t name_len,
    const char *value, size_t value_len);

/*
 * Take the next pair off *query, decoded and appended; false at its end.
 */
bool http_url_next_pair(
    const char **query, struct str *name, struct str *value);

#endif
