#ifdef HAVE_CURL
#include "http_easy.h"

#include "clock.h"
#include "encoding.h"
#include "http_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* ---- headers ------------------------------------------------------------ */

static bool
among(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcasecmp(name, *names) == 0)
			return true;
	return false;
}

static bool
is_sent(const char *name, const struct http_hop *hop)
{
	static const char *const ours[] = { "Content-Length",
		"Transfer-Encoding", NULL };
	static const char *const about_body[] = { "Content-Type",
		"Content-Encoding", NULL };
	static const char *const secret[] = { "Authorization", "Cookie",
		"Cookie2", "Proxy-Authorization", "WWW-Authenticate", "Host",
		NULL };

	return !among(name, ours) && !(hop->bare && among(name, about_body)) &&
	       !(hop->foreign && among(name, secret));
}

static void
add(struct curl_slist **list, const char *line)
{
	*list = curl_slist_append(*list, line);
	must(*list != NULL);
}

bool
http_has_field(const struct http_request *r, const char *name)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (strcasecmp(r->header[i].name, name) == 0)
			return true;
	return false;
}

/* That of the URL, where the request has none of its own. */
static void
add_user(struct curl_slist **list, const struct http_hop *hop)
{
	const struct http_url *u = hop->url;
	struct str plain = { 0 }, line = { 0 };

	str_addf(&plain, "%s:%s", u->user != NULL ? u->user : "",
	    u->password != NULL ? u->password : "");
	str_adds(&line, "Authorization: Basic ");
	encoding_write(&line, ENCODING_BASE64, plain.data, plain.len);
	add(list, str_c(&line));
	str_fini(&plain);
	str_fini(&line);
}

static struct curl_slist *
list_headers(const struct http_request *r, const struct http_hop *hop)
{
	struct curl_slist *list = NULL;
	struct str line = { 0 };

	add(&list, "Expect:"); /* nobody is to wait for a 100 */
	if (!http_has_field(r, "Content-Type") || hop->bare)
		add(&list, "Content-Type:"); /* no guess of libcurl's */
	for (size_t i = 0; i < r->n_headers; i++) {
		const struct http_field *h = &r->header[i];

		if (!is_sent(h->name, hop))
			continue;
		str_clear(&line);
		str_addf(&line, h->value[0] != '\0' ? "%s: %s" : "%s;", h->name,
		    h->value);
		add(&list, str_c(&line));
	}
	if ((hop->url->user != NULL || hop->url->password != NULL) &&
	    (hop->foreign || !http_has_field(r, "Authorization")))
		add_user(&list, hop);
	str_fini(&line);
	return list;
}

/* ---- options ------------------------------------------------------------ */

static void
set_method(CURL *easy, const struct http_request *r, const struct http_hop *hop)
{
	static const char *const with_body[] = { "POST", "PUT", "PATCH", NULL };
	bool has_body = r->body != NULL && !hop->bare;

	if (strcmp(hop->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (has_body || (among(hop->method, with_body) && !hop->bare)) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)(has_body ? r->body_len : 0));
		curl_easy_setopt(
		    easy, CURLOPT_POSTFIELDS, has_body ? r->body : "");
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, hop->method);
}

/* HTTP_PROXY, too, unless this is a CGI script, whose client sets it. */
static void
set_proxy(CURL *easy, const struct http_url *url)
{
	const char *proxy = getenv("HTTP_PROXY");

	if (strncmp(url->url, "http:", 5) == 0 && proxy != NULL &&
	    getenv("http_proxy") == NULL && getenv("REQUEST_METHOD") == NULL)
		curl_easy_setopt(easy, CURLOPT_PROXY, proxy);
}

static void
set_certificates(CURL *easy, const struct http_request *r)
{
	const char *file = getenv("SSL_CERT_FILE");
	const char *folder = getenv("SSL_CERT_DIR");

	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, !r->any_certificate);
	curl_easy_setopt(
	    easy, CURLOPT_SSL_VERIFYHOST, r->any_certificate ? 0L : 2L);
	if (file != NULL && file[0] != '\0')
		curl_easy_setopt(easy, CURLOPT_CAINFO, file);
	if (folder != NULL && folder[0] != '\0')
		curl_easy_setopt(easy, CURLOPT_CAPATH, folder);
}

static curl_socket_t
on_socket(void *arg, curlsocktype type, struct curl_sockaddr *a)
{
	(void)arg;
	(void)type;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static void
set_connection(CURL *easy, const struct http_request *r)
{
	int64_t age = r->idle_timeout / CLOCK_S;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(
	    easy, CURLOPT_MAXAGE_CONN, (long)(age < 86400 ? age : 86400));
	if (age == 0) { /* which is "any age" for libcurl */
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	}
#if LIBCURL_VERSION_NUM >= 0x075700
	/* a name that nobody resolves is not waited for by all others */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

struct curl_slist *
http_easy_set(
    CURL *easy, const struct http_request *r, const struct http_hop *hop)
{
	struct curl_slist *headers = list_headers(r, hop);

	set_connection(easy, r);
	set_certificates(easy, r);
	set_method(easy, r, hop);
	set_proxy(easy, hop->url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_URL, hop->url->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(
	    easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	if (!http_has_field(r, "Accept-Encoding"))
		curl_easy_setopt(
		    easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
	if (r->user_agent != NULL)
		curl_easy_setopt(easy, CURLOPT_USERAGENT, r->user_agent);
	if (hop->referer != NULL)
		curl_easy_setopt(easy, CURLOPT_REFERER, hop->referer);
	return headers;
}

#else
typedef int http_easy_is_empty;
#endif
