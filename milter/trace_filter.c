#include "trace_filter.h"

#include "xmalloc.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- patterns ----------------------------------------------------------- */

static bool
same(char pattern, char c)
{
	return pattern == '?' ||
	       tolower((unsigned char)pattern) == tolower((unsigned char)c);
}

/* In at most as many steps as the product of both lengths. */
static bool
fits(const char *pattern, const char *p, size_t n)
{
	const char *star = NULL, *end = p + n, *again = p;

	while (p < end) {
		if (*pattern == '*') {
			star = ++pattern;
			again = p;
		} else if (*pattern != '\0' && same(*pattern, *p)) {
			pattern++;
			p++;
		} else if (star != NULL) { /* it stands for one more */
			pattern = star;
			p = ++again;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

static bool
pattern_fits(const char *pattern, const char *address, size_t n)
{
	const char *at;

	if (strcmp(pattern, "<>") == 0)
		return n == 0;
	if (strchr(pattern, '@') != NULL)
		return fits(pattern, address, n);
	at = memrchr(address, '@', n);
	return at != NULL
		   ? fits(pattern, at + 1, n - (size_t)(at + 1 - address))
		   : fits(pattern, "", 0);
}

bool
trace_patterns_fit(const struct trace_patterns *p, const char *address)
{
	size_t n = strlen(address);

	if (n >= 2 && address[0] == '<' && address[n - 1] == '>') {
		address++;
		n -= 2;
	}
	for (size_t i = 0; i < p->n; i++)
		if (pattern_fits(p->text[i], address, n))
			return true;
	return p->n == 0;
}

bool
trace_filter_client(const struct trace_filter *f, const struct ip *ip)
{
	if (f->clients.n == 0)
		return true;
	return ip != NULL && ip_set_contains(&f->clients, ip);
}

/* ---- reading ------------------------------------------------------------ */

static int
add_client(struct trace_filter *f, const char *text, struct err *err)
{
	return ip_set_add(&f->clients, text, err);
}

static int
add_pattern(struct trace_patterns *p, const char *text, struct err *err)
{
	if (text[0] == '\0' || strlen(text) > TRACE_PATTERN_MAX)
		return err_set(err,
		    "\"%.40s\": a pattern of 1 to %d bytes expected", text,
		    TRACE_PATTERN_MAX);
	p->text[p->n++] = xstrdup(text);
	return 0;
}

static int
add_from(struct trace_filter *f, const char *text, struct err *err)
{
	return add_pattern(&f->from, text, err);
}

static int
add_rcpt(struct trace_filter *f, const char *text, struct err *err)
{
	return add_pattern(&f->rcpt, text, err);
}

static const struct {
	const char *key;
	int (*add)(struct trace_filter *f, const char *text, struct err *err);
} keys[] = {
	{ "client", add_client },
	{ "from", add_from },
	{ "rcpt", add_rcpt },
};

static int
read_list(struct trace_filter *f, const char *key, const json_t *list,
    struct err *err)
{
	size_t k = 0, i;
	json_t *one;

	while (k < sizeof keys / sizeof *keys && strcmp(keys[k].key, key) != 0)
		k++;
	if (k == sizeof keys / sizeof *keys)
		return err_set(err, "unknown filter \"%.40s\"", key);
	if (!json_is_array(list) || json_array_size(list) > TRACE_FILTER_MAX)
		return err_set(err, "%s: a list of at most %d expected", key,
		    TRACE_FILTER_MAX);
	json_array_foreach (list, i, one) {
		if (!json_is_string(one))
			return err_set(err, "%s: text expected", key);
		if (keys[k].add(f, json_string_value(one), err) != 0)
			return -1;
	}
	return 0;
}

int
trace_filter_read(struct trace_filter *f, const char *json, struct err *err)
{
	json_t *o = json_loads(json, JSON_REJECT_DUPLICATES, NULL), *list;
	const char *key;
	int rc = 0;

	*f = (struct trace_filter){ 0 };
	if (!json_is_object(o)) {
		json_decref(o);
		return err_set(err, "this is no filter");
	}
	json_object_foreach (o, key, list)
		if (rc == 0)
			rc = read_list(f, key, list, err);
	json_decref(o);
	if (rc != 0)
		trace_filter_fini(f);
	return rc;
}

static void
patterns_fini(struct trace_patterns *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->text[i]);
	p->n = 0;
}

void
trace_filter_fini(struct trace_filter *f)
{
	ip_set_fini(&f->clients);
	patterns_fini(&f->from);
	patterns_fini(&f->rcpt);
}
