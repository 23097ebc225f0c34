#include "auth_results_forged.h"

#include "address.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct input {
	const char *p, *end;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Past a comment, nested ones included; false: it has no end. */
static bool
skip_comment(struct input *in)
{
	int depth = 0;

	for (; in->p < in->end; in->p++) {
		if (*in->p == '\\' && in->p + 1 < in->end)
			in->p++;
		else if (*in->p == '(')
			depth++;
		else if (*in->p == ')' && --depth == 0) {
			in->p++;
			return true;
		}
	}
	return false;
}

static bool
skip_space(struct input *in)
{
	while (in->p < in->end) {
		if (is_space(*in->p))
			in->p++;
		else if (*in->p != '(')
			return true;
		else if (!skip_comment(in))
			return false;
	}
	return true;
}

static bool
read_quoted(struct input *in, struct str *out)
{
	for (in->p++; in->p < in->end && *in->p != '"'; in->p++) {
		if (*in->p == '\\' && in->p + 1 < in->end)
			in->p++;
		if (*in->p == '\r' || *in->p == '\n')
			return false; /* a fold: who knows what stays of it */
		str_addc(out, *in->p);
	}
	return in->p < in->end && *in->p++ == '"';
}

/* A word as they write it: more than a token may have, but no "=". */
static bool
read_word(struct input *in, struct str *out)
{
	if (in->p < in->end && *in->p == '"')
		return read_quoted(in, out);
	while (in->p < in->end && !is_space(*in->p) &&
	       memchr(";(\"=", *in->p, 4) == NULL)
		str_addc(out, *in->p++);
	return out->len != 0;
}

/* "mx.example.com", perhaps a version, and ";" or the end */
static bool
read_serv_id(struct input *in, struct str *out)
{
	if (!skip_space(in) || !read_word(in, out) || !skip_space(in))
		return false;
	while (in->p < in->end && *in->p >= '0' && *in->p <= '9')
		in->p++;
	return skip_space(in) && (in->p == in->end || *in->p == ';');
}

/* Lower case, A-labels, no final dot; what is no domain stays as it is. */
static char *
normal(const char *text, size_t len)
{
	char *domain = address_domain(text, len, NULL);
	struct str copy = { 0 };

	if (domain != NULL)
		return domain;
	str_add(&copy, text, len);
	str_addc(&copy, '\0');
	return str_take(&copy);
}

static bool
is_same(const struct str *name, const char *serv_id)
{
	char *a = normal(str_c(name), name->len);
	char *b = normal(serv_id, strlen(serv_id));
	bool same = strcasecmp(a, b) == 0;

	free(a);
	free(b);
	return same;
}

bool
auth_results_claims(const char *value, size_t len, const char *serv_id)
{
	struct input in = { value, value + len };
	struct str name = { 0 };
	bool claims = !read_serv_id(&in, &name) || is_same(&name, serv_id);

	str_fini(&name);
	return claims;
}

/* Also "Authentication-Results :" (RFC 5322, 4.5) */
static bool
is_one(const struct header *f)
{
	static const char name[] = "Authentication-Results";
	size_t len = f->name_len;

	while (len > 0 && is_space(f->name[len - 1]))
		len--;
	return len == sizeof name - 1 && strncasecmp(f->name, name, len) == 0;
}

size_t
auth_results_forged_remove(struct headers *h, const char *serv_id)
{
	size_t n = 0;

	for (size_t i = h->n; i-- > 0;) {
		const struct header *f = &h->field[i];

		if (!is_one(f) ||
		    !auth_results_claims(f->raw, f->raw_len, serv_id))
			continue;
		headers_remove_at(h, i);
		n++;
	}
	return n;
}
