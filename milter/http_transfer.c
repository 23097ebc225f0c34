#include "http_transfer.h"

#include "log.h"
#include "xmalloc.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of all bodies, counted for their responses. */
static atomic_size_t bodies;

void
http_transfer_uncount(size_t bytes)
{
	atomic_fetch_sub(&bodies, bytes);
}

#ifdef HAVE_CURL
#include "clock.h"
#include "http_easy.h"
#include "http_multi.h"

struct transfer {
	const struct http_request *r;
	struct http_response *out;
	CURL *easy;
	size_t header_bytes;
	bool has_headers; /* and they are at their end */
	const char *over; /* which limit was passed, or NULL */
	char text[CURL_ERROR_SIZE];
};

/* ---- what comes back: in the thread of http_multi.c --------------------- */

static void
forget_headers(struct http_response *r)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		free(r->header[i].name);
		free(r->header[i].value);
	}
	r->n_headers = 0;
}

static void
add_header(struct http_response *r, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *value;
	struct http_header *h;
	size_t n;

	if (colon == NULL || colon == line)
		return;
	if ((r->n_headers & (r->n_headers - 1)) == 0) /* 0, 1, 2, 4, 8, ... */
		r->header = xrealloc(
		    r->header, (r->n_headers != 0 ? 2 * r->n_headers : 1) *
				   sizeof *r->header);
	h = &r->header[r->n_headers++];
	h->name = xmemdup0(line, (size_t)(colon - line));
	for (char *c = h->name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	value = colon + 1;
	n = len - (size_t)(value - line);
	while (n > 0 && isspace((unsigned char)*value))
		value++, n--;
	while (n > 0 && isspace((unsigned char)value[n - 1]))
		n--;
	h->value = xmemdup0(value, n);
}

static size_t
on_header(char *line, size_t one, size_t len, void *arg)
{
	struct transfer *t = arg;

	t->header_bytes += len;
	if (t->header_bytes > HTTP_HEADERS_MAX) {
		t->over = "the response's headers are larger than 256 KiB";
		return 0;
	}
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		/* those of an interim response, 1xx, do not count */
		forget_headers(t->out);
		t->has_headers = false;
	} else if (len <= 2 && (line[0] == '\r' || line[0] == '\n')) {
		t->has_headers = true;
	} else if (!t->has_headers) { /* else a trailer */
		add_header(t->out, line, len);
	}
	return one * len;
}

static size_t
on_body(char *p, size_t one, size_t len, void *arg)
{
	struct transfer *t = arg;
	struct http_response *out = t->out;
	curl_off_t whole = -1;

	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &whole);
	if (out->body.len + len > t->r->body_limit ||
	    whole > (curl_off_t)t->r->body_limit) {
		t->over = "the response's body is larger than http_body_limit";
		return 0;
	}
	if (atomic_fetch_add(&bodies, len) + len > HTTP_BODIES_MAX) {
		atomic_fetch_sub(&bodies, len);
		t->over = "all responses together are larger than 512 MiB";
		return 0;
	}
	out->counted += len;
	str_add(&out->body, p, len);
	return one * len;
}

static int
on_debug(CURL *easy, curl_infotype type, char *text, size_t len, void *arg)
{
	(void)easy;
	(void)arg;
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	if (type == CURLINFO_TEXT)
		log_debug(NULL, "kumo.http: %.*s", (int)len, text);
	return 0;
}

/* ---- all of it ---------------------------------------------------------- */

static void
set_all(struct transfer *t, int64_t left)
{
	CURL *easy = t->easy;

	/* who waits is first: it gives up at the deadline, not before */
	curl_easy_setopt(
	    easy, CURLOPT_TIMEOUT_MS, (long)(left / CLOCK_MS + 1000));
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->text);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	if (t->r->verbose && log_wants(LOG_LEVEL_DEBUG)) {
		curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
		curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_debug);
	}
}

static void
explain(struct transfer *t, CURLcode rc, struct err *err)
{
	if (t->over != NULL)
		err_set(err, "%s", t->over);
	else if (rc == CURLE_OPERATION_TIMEDOUT)
		err_set(err, "operation timed out");
	else
		err_set(err, "%s",
		    t->text[0] != '\0' ? t->text : curl_easy_strerror(rc));
}

/* libcurl has unpacked the body: its length and packing are another's. */
static void
forget_packing(struct http_response *r)
{
	size_t n = 0;

	if (http_response_header(r, "content-encoding") == NULL)
		return;
	for (size_t i = 0; i < r->n_headers; i++) {
		struct http_header *h = &r->header[i];

		if (strcmp(h->name, "content-encoding") == 0 ||
		    strcmp(h->name, "content-length") == 0) {
			free(h->name);
			free(h->value);
		} else {
			r->header[n++] = *h;
		}
	}
	r->n_headers = n;
}

static int
judge(struct transfer *t, CURLcode rc, char **location, struct err *err)
{
	long status = 0;
	char *url = NULL;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!t->has_headers || status < 200) {
		if (rc == CURLE_OK)
			err_set(err, "the response ends in its headers");
		else if (err->msg[0] == '\0')
			explain(t, rc, err);
		return -1;
	}
	t->out->status = (int)status;
	t->out->incomplete = rc != CURLE_OK;
	if (rc != CURLE_OK)
		explain(t, rc, &t->out->why);
	if (!http_has_field(t->r, "Accept-Encoding"))
		forget_packing(t->out);
	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &url);
	*location = xstrdup(url);
	return 0;
}

int
http_transfer(const struct http_request *r, const struct http_hop *hop,
    int64_t deadline, struct http_response *out, char **location,
    struct err *err)
{
	struct transfer t = { .r = r, .out = out };
	struct curl_slist *headers;
	int64_t left = deadline - clock_mono();
	CURLcode code;
	int rc;

	*location = NULL;
	err->msg[0] = '\0';
	if (left <= 0)
		return err_set(err, "operation timed out");
	t.easy = curl_easy_init();
	must(t.easy != NULL);
	headers = http_easy_set(t.easy, r, hop);
	set_all(&t, left);
	code = http_multi_run(t.easy, deadline, err);
	rc = judge(&t, code, location, err);
	curl_easy_cleanup(t.easy);
	curl_slist_free_all(headers);
	return rc;
}

#else /* HAVE_CURL */

int
http_transfer(const struct http_request *r, const struct http_hop *hop,
    int64_t deadline, struct http_response *out, char **location,
    struct err *err)
{
	(void)r;
	(void)hop;
	(void)deadline;
	(void)out;
	*location = NULL;
	return err_set(err, "built without libcurl");
}

#endif
