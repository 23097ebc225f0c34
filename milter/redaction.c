#include "redaction.h"

#include "encoding.h"
#include "hash.h"
#include "xmalloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define QUOTED_MAX 1024 /* bytes of a quoted local part */
#define DIGEST_SHOWN 8

/* ---- what is asked for --------------------------------------------------- */

static void
add_header(struct redaction *r, const char *name, size_t n)
{
	r->header = xrealloc(r->header, (r->n_headers + 1) * sizeof *r->header);
	r->header[r->n_headers++] = xmemdup0(name, n);
}

static bool
is_word(const char *p, size_t n, const char *word)
{
	return n == strlen(word) && strncasecmp(p, word, n) == 0;
}

static int
take_word(struct redaction *r, const char *p, size_t n, struct err *err)
{
	static const char header[] = "header:";
	size_t skip = sizeof header - 1;

	if (is_word(p, n, "addresses"))
		r->addresses = true;
	else if (is_word(p, n, "subject"))
		add_header(r, p, n);
	else if (n > skip && strncasecmp(p, header, skip) == 0)
		add_header(r, p + skip, n - skip);
	else if (!is_word(p, n, "none"))
		return err_set(err,
		    "\"%.*s\": addresses, subject or header:NAME expected",
		    (int)(n < 100 ? n : 100), p);
	return 0;
}

int
redaction_parse(struct redaction *r, const char *list, struct err *err)
{
	int rc = 0;

	*r = (struct redaction){ 0 };
	for (const char *p = list; rc == 0 && *p != '\0';) {
		size_t n = strcspn(p, ",");

		rc = take_word(r, p, n, err);
		p += n + (p[n] == ',');
	}
	if (rc == 0 && r->addresses && !hash_is_built())
		rc = err_set(err, "addresses: built without OpenSSL");
	if (rc == 0 && getrandom(r->key, sizeof r->key, 0) != sizeof r->key)
		rc = err_set(err, "no random bytes for a key");
	if (rc != 0)
		redaction_fini(r);
	return rc;
}

void
redaction_fini(struct redaction *r)
{
	for (size_t i = 0; i < r->n_headers; i++)
		free(r->header[i]);
	free(r->header);
	explicit_bzero(r, sizeof *r);
}

bool
redaction_is_any(const struct redaction *r)
{
	return r->addresses || r->n_headers > 0;
}

bool
redaction_header(const struct redaction *r, const char *name)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (strcasecmp(r->header[i], name) == 0)
			return true;
	return false;
}

/* ---- addresses ----------------------------------------------------------- */

/* Nobody in particular. */
static bool
is_role(const char *p, size_t n)
{
	return is_word(p, n, "postmaster") || is_word(p, n, "abuse") ||
	       is_word(p, n, "mailer-daemon");
}

static void
add_hash(struct str *out, const struct redaction *r, const char *p, size_t n)
{
	struct str digest = { 0 };
	char *small = xmemdup0(p, n);
	struct err err;

	for (size_t i = 0; i < n; i++)
		small[i] = (char)tolower((unsigned char)small[i]);
	must(hash_hmac(&digest, HASH_SHA256, r->key, sizeof r->key, small, n,
		 &err) == 0);
	str_addc(out, 'u');
	encoding_write(out, ENCODING_HEX, digest.data, DIGEST_SHOWN);
	str_fini(&digest);
	free(small);
}

static void
add_local(struct str *out, const struct redaction *r, const char *p, size_t n)
{
	if (n == 0 || is_role(p, n))
		str_add(out, p, n);
	else
		add_hash(out, r, p, n);
}

static bool
is_local(unsigned char c)
{
	return c >= 128 || isalnum(c) ||
	       (c != '\0' && strchr(".!#$%&'*+-/=?^_`{|}~\\", c) != NULL);
}

/* Where the local part before the '@' at `at` begins; nothing before `from`. */
static size_t
local_begin(const char *p, size_t from, size_t at)
{
	size_t i = at;

	if (i > from && p[i - 1] == '"') {
		size_t least = at > from + QUOTED_MAX ? at - QUOTED_MAX : from;

		for (i = at - 1; i > least; i--)
			if (p[i - 1] == '"' &&
			    (i - 1 == least || p[i - 2] != '\\'))
				return i - 1;
		return at - 1;
	}
	while (i > from && is_local((unsigned char)p[i - 1]))
		i--;
	return i;
}

static bool
begins_domain(const char *p, size_t n, size_t at)
{
	unsigned char c = at < n ? (unsigned char)p[at] : ' ';

	return c >= 128 || isalnum(c) || c == '[';
}

void
redaction_text(
    struct str *out, const struct redaction *r, const char *p, size_t n)
{
	size_t done = 0;

	for (size_t at = 0; r->addresses && at < n; at++) {
		const char *next = memchr(p + at, '@', n - at);
		size_t begin;

		if (next == NULL)
			break;
		at = (size_t)(next - p);
		if (!begins_domain(p, n, at + 1))
			continue;
		begin = local_begin(p, done, at);
		str_add(out, p + done, begin - done);
		add_local(out, r, p + begin, at - begin);
		done = at;
	}
	str_add(out, p + done, n - done);
}

void
redaction_user(
    struct str *out, const struct redaction *r, const char *p, size_t n)
{
	if (r->addresses && n > 0 && memchr(p, '@', n) == NULL)
		add_local(out, r, p, n);
	else
		redaction_text(out, r, p, n);
}
