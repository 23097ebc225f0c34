#include "aws_sign.h"

#include "encoding.h"
#include "hash.h"
#include "xmalloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

/* A header or parameter, as it is signed. */
struct pair {
	struct str name, value;
};

struct pairs {
	struct pair *list;
	size_t n;
};

static int
by_name(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int order = strcmp(str_c(&x->name), str_c(&y->name));

	return order != 0 ? order : strcmp(str_c(&x->value), str_c(&y->value));
}

static void
pairs_fini(struct pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		str_fini(&p->list[i].name);
		str_fini(&p->list[i].value);
	}
	free(p->list);
}

static void
add_encoded(struct str *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = p[i];
		bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			     (c >= '0' && c <= '9') ||
			     (c != '\0' && strchr("-_.~", c) != NULL);

		if (plain)
			str_addc(out, c);
		else
			str_addf(out, "%%%02X", (unsigned char)c);
	}
}

/* White space at the ends goes, runs of it become one; not within quotes. */
static void
add_trimmed(struct str *out, const char *p, size_t n)
{
	size_t begin = out->len;
	bool quoted = false, space = false;

	for (size_t i = 0; i < n; i++) {
		if (!quoted && (p[i] == ' ' || p[i] == '\t')) {
			space = true;
			continue;
		}
		if (space && out->len > begin)
			str_addc(out, ' ');
		space = false;
		quoted ^= p[i] == '"';
		str_addc(out, p[i]);
	}
}

static void
add_small(struct str *out, const char *p)
{
	for (; *p != '\0'; p++)
		str_addc(out, *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p);
}

static struct pair *
find(struct pairs *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(str_c(&p->list[i].name), name) == 0)
			return &p->list[i];
	return NULL;
}

/* Names are in small letters; the last of equal ones counts. */
static void
set_header(struct pairs *headers, const char *name, const char *value)
{
	struct str small = { 0 };
	struct pair *pair;

	add_small(&small, name);
	pair = find(headers, str_c(&small));
	if (pair == NULL) {
		pair = &headers->list[headers->n++];
		*pair = (struct pair){ .name = small };
	} else {
		str_clear(&pair->value);
		str_fini(&small);
	}
	add_trimmed(&pair->value, value, strlen(value));
}

static int
make_headers(struct pairs *headers, const struct aws_request *r,
    const char *date, const char *payload_hash, struct err *err)
{
	const char *name;
	json_t *value;

	headers->list =
	    xcalloc(json_object_size(r->headers) + 4, sizeof *headers->list);
	json_object_foreach ((json_t *)r->headers, name, value)
		set_header(headers, name, json_string_value(value));
	if (find(headers, "host") == NULL)
		return err_set(err, "headers must include 'host'");
	set_header(headers, "x-amz-date", date);
	if (r->session_token != NULL)
		set_header(headers, "x-amz-security-token", r->session_token);
	if (strcmp(r->service, "s3") == 0)
		set_header(headers, "x-amz-content-sha256", payload_hash);
	qsort(headers->list, headers->n, sizeof *headers->list, by_name);
	return 0;
}

static void
add_path(struct str *out, const char *path)
{
	const char *slash;

	if (path[0] == '\0')
		path = "/";
	for (; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		add_encoded(out, path, (size_t)(slash - path));
		str_addc(out, '/');
	}
	add_encoded(out, path, strlen(path));
}

static void
add_query(struct str *out, const json_t *query)
{
	struct pairs pairs = {
		xcalloc(json_object_size(query) + 1, sizeof *pairs.list), 0
	};
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)query, name, value) {
		struct pair *pair = &pairs.list[pairs.n++];

		add_encoded(&pair->name, name, strlen(name));
		add_encoded(&pair->value, json_string_value(value),
		    json_string_length(value));
	}
	qsort(pairs.list, pairs.n, sizeof *pairs.list, by_name);
	for (size_t i = 0; i < pairs.n; i++)
		str_addf(out, "%s%s=%s", i > 0 ? "&" : "",
		    str_c(&pairs.list[i].name), str_c(&pairs.list[i].value));
	pairs_fini(&pairs);
}

static void
add_names(struct str *out, const struct pairs *headers)
{
	for (size_t i = 0; i < headers->n; i++)
		str_addf(out, "%s%s", i > 0 ? ";" : "",
		    str_c(&headers->list[i].name));
}

static void
add_canonical(struct str *out, const struct aws_request *r,
    const struct pairs *headers, const char *payload_hash)
{
	str_addf(out, "%s\n", r->method);
	add_path(out, r->path);
	str_addc(out, '\n');
	add_query(out, r->query);
	str_addc(out, '\n');
	for (size_t i = 0; i < headers->n; i++)
		str_addf(out, "%s:%s\n", str_c(&headers->list[i].name),
		    str_c(&headers->list[i].value));
	str_addc(out, '\n');
	add_names(out, headers);
	str_addf(out, "\n%s", payload_hash);
}

static int
add_hash(struct str *out, const char *p, size_t n, struct err *err)
{
	struct str digest = { 0 };
	int rc = hash_digest(&digest, HASH_SHA256, p, n, err);

	if (rc == 0)
		encoding_write(out, ENCODING_HEX, str_c(&digest), digest.len);
	str_fini(&digest);
	return rc;
}

/* The key becomes that of what is derived from it. */
static int
derive(struct str *key, const char *text, struct err *err)
{
	struct str next = { 0 };
	int rc = hash_hmac(
	    &next, HASH_SHA256, str_c(key), key->len, text, strlen(text), err);

	str_fini(key);
	*key = next;
	return rc;
}

static int
add_signature(struct aws_signature *out, const struct aws_request *r,
    const char *day, struct err *err)
{
	struct str key = { 0 };
	int rc;

	str_addf(&key, "AWS4%s", r->secret_key);
	rc = derive(&key, day, err);
	if (rc == 0)
		rc = derive(&key, r->region, err);
	if (rc == 0)
		rc = derive(&key, r->service, err);
	if (rc == 0)
		rc = derive(&key, "aws4_request", err);
	if (rc == 0)
		rc = derive(&key, str_c(&out->string_to_sign), err);
	if (rc == 0)
		encoding_write(
		    &out->signature, ENCODING_HEX, str_c(&key), key.len);
	str_fini(&key);
	return rc;
}

static int
sign(struct aws_signature *out, const struct aws_request *r,
    struct pairs *headers, struct str *payload_hash, struct err *err)
{
	struct str scope = { 0 }, *to_sign = &out->string_to_sign;
	char day[16];
	int rc;

	if (add_hash(payload_hash, r->payload, r->payload_len, err) != 0 ||
	    make_headers(
		headers, r, out->timestamp, str_c(payload_hash), err) != 0)
		return -1;
	add_canonical(&out->canonical_request, r, headers, str_c(payload_hash));
	snprintf(day, sizeof day, "%.8s", out->timestamp);
	str_addf(&scope, "%s/%s/%s/aws4_request", day, r->region, r->service);
	str_addf(
	    to_sign, ALGORITHM "\n%s\n%s\n", out->timestamp, str_c(&scope));
	rc = add_hash(to_sign, str_c(&out->canonical_request),
	    out->canonical_request.len, err);
	if (rc == 0)
		rc = add_signature(out, r, day, err);
	str_addf(&out->authorization,
	    ALGORITHM " Credential=%s/%s, SignedHeaders=", r->access_key,
	    str_c(&scope));
	add_names(&out->authorization, headers);
	str_addf(&out->authorization, ", Signature=%s", str_c(&out->signature));
	str_fini(&scope);
	return rc;
}

int
aws_sign(struct aws_signature *out, const struct aws_request *request,
    struct err *err)
{
	struct pairs headers = { NULL, 0 };
	struct str payload_hash = { 0 };
	time_t at = (time_t)request->at;
	struct tm tm;
	int rc;

	*out = (struct aws_signature){ .timestamp = "" };
	if (gmtime_r(&at, &tm) == NULL || tm.tm_year < 0 || tm.tm_year > 8099)
		return err_set(err, "the timestamp is out of range");
	strftime(out->timestamp, sizeof out->timestamp, "%Y%m%dT%H%M%SZ", &tm);
	rc = sign(out, request, &headers, &payload_hash, err);
	pairs_fini(&headers);
	str_fini(&payload_hash);
	return rc;
}

void
aws_signature_fini(struct aws_signature *s)
{
	str_fini(&s->authorization);
	str_fini(&s->canonical_request);
	str_fini(&s->string_to_sign);
	str_fini(&s->signature);
}
