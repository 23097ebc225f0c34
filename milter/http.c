#include "http.h"

#include "http_transfer.h"
#include "http_url.h"
#include "xmalloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool
http_is_built(void)
{
#ifdef HAVE_CURL
	return true;
#else
	return false;
#endif
}

/* ---- what may be sent --------------------------------------------------- */

static bool
is_token(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= 0x80 || c == '\0' ||
		    (!isalnum(c) && strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return false;
	}
	return len > 0;
}

int
http_check_header(const char *name, size_t name_len, const char *value,
    size_t value_len, struct err *err)
{
	if (!is_token(name, name_len))
		return err_set(err, "invalid HTTP header name");
	for (size_t i = 0; i < value_len; i++) {
		unsigned char c = (unsigned char)value[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return err_set(err, "invalid HTTP header value");
	}
	return 0;
}

int
http_check_method(const char *method, struct err *err)
{
	size_t len = strlen(method);

	if (!is_token(method, len) || len > 32)
		return err_set(err, "invalid HTTP method");
	return 0;
}

/* ---- redirections ------------------------------------------------------- */

static bool
is_redirection(int status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

/* Where to next: *url is given up for the one at location. */
static int
follow(struct http_hop *hop, struct http_url *url, int status,
    const char *location, char **referer, struct err *err)
{
	struct http_url next;
	bool get = strcmp(hop->method, "HEAD") != 0;

	if (http_url_read(&next, location, strlen(location), err) != 0)
		return -1;
	free(*referer);
	*referer = NULL;
	if (strncmp(url->url, "https:", 6) != 0 ||
	    strncmp(next.url, "https:", 6) == 0)
		*referer = xstrdup(url->url);
	hop->referer = *referer;
	hop->foreign = hop->foreign || strcmp(url->origin, next.origin) != 0;
	if (status <= 303) {
		hop->method = get ? "GET" : "HEAD";
		hop->bare = true;
	}
	if (!hop->foreign && next.user == NULL && next.password == NULL) {
		next.user = url->user;
		next.password = url->password;
		url->user = url->password = NULL;
	}
	http_url_fini(url);
	*url = next;
	return 0;
}

static int
perform(const struct http_request *r, struct http_url *url, int64_t deadline,
    struct http_response *out, struct err *err)
{
	struct http_hop hop = { .method = r->method, .url = url };
	char *location = NULL, *referer = NULL;
	int rc = 0;

	for (int left = HTTP_REDIRECTS_MAX; rc == 0; left--) {
		rc = http_transfer(r, &hop, deadline, out, &location, err);
		if (rc != 0 || location == NULL || out->incomplete ||
		    !is_redirection(out->status))
			break;
		if (left == 0)
			rc = err_set(err, "too many redirects");
		else
			rc = follow(
			    &hop, url, out->status, location, &referer, err);
		free(location);
		location = NULL;
		http_response_fini(out); /* not the last */
	}
	free(location);
	free(referer);
	return rc;
}

int
http_perform(const struct http_request *r, int64_t deadline,
    struct http_response *out, struct err *err)
{
	struct http_url url;
	struct err why;
	int rc;

	*out = (struct http_response){ 0 };
	if (http_check_method(r->method, err) != 0 ||
	    http_url_read(&url, r->url, strlen(r->url), err) != 0)
		return -1;
	rc = perform(r, &url, deadline, out, &why);
	if (rc != 0)
		err_set(err, "error sending request for url (%.1000s): %s",
		    url.url, why.msg);
	else if (out->incomplete) {
		why = out->why;
		err_set(&out->why,
		    "error reading the response body of url (%.1000s): %s",
		    url.url, why.msg);
	}
	http_url_fini(&url);
	return rc;
}

/* ---- responses ---------------------------------------------------------- */

void
http_response_fini(struct http_response *r)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		free(r->header[i].name);
		free(r->header[i].value);
	}
	free(r->header);
	str_fini(&r->body);
	http_transfer_uncount(r->counted);
	*r = (struct http_response){ 0 };
}

const char *
http_response_header(const struct http_response *r, const char *name)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (strcmp(r->header[i].name, name) == 0)
			return r->header[i].value;
	return NULL;
}

static const struct {
	int status;
	const char *text;
} texts[] = {
	{ 100, "Continue" },
	{ 101, "Switching Protocols" },
	{ 102, "Processing" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 203, "Non Authoritative Information" },
	{ 204, "No Content" },
	{ 205, "Reset Content" },
	{ 206, "Partial Content" },
	{ 207, "Multi-Status" },
	{ 208, "Already Reported" },
	{ 226, "IM Used" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 305, "Use Proxy" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Payload Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 418, "I'm a teapot" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Entity" },
	{ 423, "Locked" },
	{ 424, "Failed Dependency" },
	{ 426, "Upgrade Required" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 451, "Unavailable For Legal Reasons" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 506, "Variant Also Negotiates" },
	{ 507, "Insufficient Storage" },
	{ 508, "Loop Detected" },
	{ 510, "Not Extended" },
	{ 511, "Network Authentication Required" },
};

const char *
http_status_text(int status)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].status == status)
			return texts[i].text;
	return NULL;
}
