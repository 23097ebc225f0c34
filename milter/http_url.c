#include "http_url.h"

#include "xmalloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_CURL
#include <curl/curl.h>

/* A part as libcurl has it, ours to free; NULL where there is none. */
static char *
part(CURLU *h, CURLUPart what, unsigned flags)
{
	char *text = NULL, *own;

	if (curl_url_get(h, what, &text, flags) != CURLUE_OK)
		return NULL;
	own = xstrdup(text);
	curl_free(text);
	return own;
}

static int
check_bytes(const char *text, size_t len, struct err *err)
{
	if (len == 0)
		return err_set(err, "invalid URL: it is empty");
	if (len > HTTP_URL_MAX)
		return err_set(
		    err, "invalid URL: longer than %d bytes", HTTP_URL_MAX);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return err_set(
			    err, "invalid URL: a control character in it");
	return 0;
}

/* NULL with *err. */
static CURLU *
parse(const char *text, size_t len, unsigned flags, struct err *err)
{
	CURLU *h;
	char *copy;
	CURLUcode rc;

	if (check_bytes(text, len, err) != 0)
		return NULL;
	h = curl_url();
	must(h != NULL);
	copy = xmemdup0(text, len);
	rc = curl_url_set(h, CURLUPART_URL, copy, CURLU_URLENCODE | flags);
	free(copy);
	if (rc == CURLUE_OK)
		return h;
	curl_url_cleanup(h);
	err_set(err, "invalid URL: %s", curl_url_strerror(rc));
	return NULL;
}

static bool
is_http(const char *scheme)
{
	return scheme != NULL &&
	       (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
}

static void
take_parts(struct http_url *out, CURLU *h, const char *scheme)
{
	char *host = part(h, CURLUPART_HOST, 0);
	char *port = part(h, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
	const char *colon = port != NULL ? ":" : "";

	out->host = xasprintf("%s%s%s", host, colon, port != NULL ? port : "");
	out->origin = xasprintf("%s://%s", scheme, out->host);
	out->path = part(h, CURLUPART_PATH, 0);
	out->query = part(h, CURLUPART_QUERY, 0);
	out->user = part(h, CURLUPART_USER, CURLU_URLDECODE);
	out->password = part(h, CURLUPART_PASSWORD, CURLU_URLDECODE);
	curl_url_set(h, CURLUPART_USER, NULL, 0);
	curl_url_set(h, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(h, CURLUPART_FRAGMENT, NULL, 0);
	out->url = part(h, CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
	free(host);
	free(port);
}

int
http_url_read(
    struct http_url *out, const char *text, size_t len, struct err *err)
{
	CURLU *h = parse(text, len, 0, err);
	char *scheme;
	int rc = -1;

	*out = (struct http_url){ 0 };
	if (h == NULL)
		return -1;
	scheme = part(h, CURLUPART_SCHEME, 0);
	if (is_http(scheme)) {
		take_parts(out, h, scheme);
		rc = out->url != NULL && out->path != NULL ? 0 : -1;
	}
	if (rc != 0) {
		http_url_fini(out);
		err_set(err, "invalid URL: neither http: nor https:");
	}
	free(scheme);
	curl_url_cleanup(h);
	return rc;
}

int
http_url_build(struct str *out, const char *text, size_t len, const char *query,
    struct err *err)
{
	CURLU *h = parse(text, len, CURLU_NON_SUPPORT_SCHEME, err);
	char *own, *fragment, *url;

	if (h == NULL)
		return -1;
	own = part(h, CURLUPART_QUERY, 0);
	fragment = part(h, CURLUPART_FRAGMENT, 0);
	curl_url_set(h, CURLUPART_QUERY, NULL, 0);
	curl_url_set(h, CURLUPART_FRAGMENT, NULL, 0);
	url = part(h, CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
	must(url != NULL);
	str_addf(out, "%s?%s%s%s", url, own != NULL ? own : "",
	    own != NULL && own[0] != '\0' && query[0] != '\0' ? "&" : "",
	    query);
	if (fragment != NULL)
		str_addf(out, "#%s", fragment);
	free(own);
	free(fragment);
	free(url);
	curl_url_cleanup(h);
	return 0;
}

#else /* HAVE_CURL */

int
http_url_read(
    struct http_url *out, const char *text, size_t len, struct err *err)
{
	(void)text;
	(void)len;
	*out = (struct http_url){ 0 };
	return err_set(err, "built without libcurl");
}

int
http_url_build(struct str *out, const char *text, size_t len, const char *query,
    struct err *err)
{
	(void)out;
	(void)text;
	(void)len;
	(void)query;
	return err_set(err, "built without libcurl");
}

#endif

void
http_url_fini(struct http_url *u)
{
	free(u->url);
	free(u->host);
	free(u->path);
	free(u->query);
	free(u->origin);
	free(u->user);
	free(u->password);
	*u = (struct http_url){ 0 };
}

/* ---- queries ------------------------------------------------------------ */

static void
add_encoded(struct str *out, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x80 && (isalnum(c) || strchr("*-._", c) != NULL) &&
		    c != '\0')
			str_addc(out, (char)c);
		else if (c == ' ')
			str_addc(out, '+');
		else
			str_addf(out, "%%%02X", c);
	}
}

void
http_url_add_pair(struct str *out, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
	if (out->len != 0)
		str_addc(out, '&');
	add_encoded(out, name, name_len);
	str_addc(out, '=');
	add_encoded(out, value, value_len);
}

static int
hex(char c)
{
	const char *digits = "0123456789abcdef", *at;

	at = c != '\0' ? strchr(digits, tolower((unsigned char)c)) : NULL;
	return at != NULL ? (int)(at - digits) : -1;
}

static void
add_decoded(struct str *out, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '%' && i + 2 < len && hex(p[i + 1]) >= 0 &&
		    hex(p[i + 2]) >= 0) {
			str_addc(
			    out, (char)(hex(p[i + 1]) * 16 + hex(p[i + 2])));
			i += 2;
		} else {
			str_addc(out, p[i] == '+' ? ' ' : p[i]);
		}
	}
}

bool
http_url_next_pair(const char **query, struct str *name, struct str *value)
{
	const char *p;
	size_t len, eq;

	while (**query == '&')
		++*query;
	p = *query;
	len = strcspn(p, "&");
	if (len == 0)
		return false;
	eq = strcspn(p, "=&");
	add_decoded(name, p, eq);
	if (eq < len)
		add_decoded(value, p + eq + 1, len - eq - 1);
	*query = p + len;
	return true;
}
