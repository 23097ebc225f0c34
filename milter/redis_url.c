#include "redis_url.h"

#include "xmalloc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DB_MAX 1000000

static const struct {
	const char *name;
	bool tls, is_path;
} schemes[] = {
	{ "redis://", false, false },
	{ "rediss://", true, false },
	{ "valkey://", false, false },
	{ "valkeys://", true, false },
	{ "unix://", false, true },
	{ "redis+unix://", false, true },
	{ "valkey+unix://", false, true },
};

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A part of the URL with its "%XX" undone. */
static int
copy(char *out, size_t size, const char *from, size_t len, const char *what,
    struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)from[i];

		if (c == '%') {
			int hi = i + 2 < len ? hex(from[i + 1]) : -1;
			int lo = i + 2 < len ? hex(from[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return err_set(
				    err, "Redis URL: bad %%XX in the %s", what);
			c = hi * 16 + lo;
			i += 2;
		}
		if (c == 0 || n + 1 >= size)
			return err_set(err,
			    "Redis URL: the %s is too long or has a NUL", what);
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return 0;
}

static int
number(int *out, const char *text, size_t len, int lo, int max,
    const char *what, struct err *err)
{
	long n = 0;

	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]) || n > max)
			return err_set(err, "Redis URL: bad %s", what);
		n = n * 10 + (text[i] - '0');
	}
	if (len == 0 || n < lo || n > max)
		return err_set(err, "Redis URL: bad %s", what);
	*out = (int)n;
	return 0;
}

/* "user:password" */
static int
parse_login(struct redis_node *n, const char *text, size_t len, struct err *err)
{
	const char *colon = memchr(text, ':', len);
	size_t user = colon != NULL ? (size_t)(colon - text) : len;

	if (copy(n->user, sizeof n->user, text, user, "user", err) != 0)
		return -1;
	if (colon == NULL)
		return 0;
	return copy(n->password, sizeof n->password, colon + 1, len - user - 1,
	    "password", err);
}

/* "host", "host:port" or "[::1]:port" */
static int
parse_host(struct redis_node *n, const char *text, size_t len, struct err *err)
{
	const char *end = NULL, *port = NULL;
	size_t host = len;

	if (len > 0 && text[0] == '[') {
		end = memchr(text, ']', len);
		if (end == NULL)
			return err_set(err, "Redis URL: a ']' is missing");
		host = (size_t)(end - text) - 1;
		if (end + 1 < text + len) {
			if (end[1] != ':')
				return err_set(err, "Redis URL: bad port");
			port = end + 2;
		}
		text++;
	} else if ((port = memchr(text, ':', len)) != NULL) {
		host = (size_t)(port - text);
		port++;
	}
	if (host == 0)
		return err_set(err, "Redis URL: no host");
	if (copy(n->host, sizeof n->host, text, host, "host", err) != 0)
		return -1;
	if (port == NULL)
		return 0;
	len = (size_t)((end != NULL ? text - 1 : text) + len - port);
	return number(&n->port, port, len, 1, 65535, "port", err);
}

static int
parse_protocol(
    struct redis_node *n, const char *value, size_t len, struct err *err)
{
	if ((len == 5 && memcmp(value, "resp3", 5) == 0) ||
	    (len == 1 && value[0] == '3'))
		n->resp3 = true;
	else if (!(len == 5 && memcmp(value, "resp2", 5) == 0) &&
		 !(len == 1 && value[0] == '2'))
		return err_set(
		    err, "Redis URL: protocol: resp2 or resp3 expected");
	return 0;
}

/* "db=1&protocol=resp3" */
static int
parse_query(struct redis_node *n, const char *text, struct err *err)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "&");
		const char *eq = memchr(text, '=', len);
		size_t key = eq != NULL ? (size_t)(eq - text) : len;
		const char *value = eq != NULL ? eq + 1 : text + len;
		size_t rest = (size_t)(text + len - value);
		int rc;

		if (key == 2 && memcmp(text, "db", 2) == 0)
			rc = number(&n->db, value, rest, 0, DB_MAX, "db", err);
		else if (key == 8 && memcmp(text, "protocol", 8) == 0)
			rc = parse_protocol(n, value, rest, err);
		else if (key == 4 && memcmp(text, "user", 4) == 0)
			rc = copy(
			    n->user, sizeof n->user, value, rest, "user", err);
		else if (key == 4 && memcmp(text, "pass", 4) == 0)
			rc = copy(n->password, sizeof n->password, value, rest,
			    "password", err);
		else
			rc = err_set(err,
			    "Redis URL: db, protocol, user and pass are known "
			    "behind a '?'");
		if (rc != 0)
			return -1;
		text += len + (text[len] == '&');
	}
	return 0;
}

/* What is between the scheme and a '?'. */
static int
parse_place(struct redis_node *n, const char *text, size_t len, struct err *err)
{
	const char *slash, *at = NULL;

	for (size_t i = 0; i < len; i++)
		if (text[i] == '@')
			at = text + i;
	if (at != NULL) {
		if (parse_login(n, text, (size_t)(at - text), err) != 0)
			return -1;
		len -= (size_t)(at + 1 - text);
		text = at + 1;
	}
	slash = memchr(text, '/', len);
	if (parse_host(n, text, slash != NULL ? (size_t)(slash - text) : len,
		err) != 0)
		return -1;
	if (slash == NULL || slash + 1 == text + len)
		return 0;
	return number(&n->db, slash + 1, (size_t)(text + len - slash - 1), 0,
	    DB_MAX, "db", err);
}

/* Of a URL without its scheme, and without what is behind a '#'. */
static int
parse_rest(
    struct redis_node *n, const char *text, bool is_path, struct err *err)
{
	const char *query = strchr(text, '?');
	size_t len = query != NULL ? (size_t)(query - text) : strlen(text);
	int rc = is_path ? copy(n->path, sizeof n->path, text, len, "path", err)
			 : parse_place(n, text, len, err);

	if (rc == 0 && is_path && n->path[0] != '/')
		rc = err_set(err, "Redis URL: an absolute path expected");
	if (rc == 0 && query != NULL)
		rc = parse_query(n, query + 1, err);
	return rc;
}

int
redis_url_parse(struct redis_node *n, const char *url, struct err *err)
{
	size_t i = 0;
	const char *mark;
	char *rest;
	int rc;

	*n = (struct redis_node){ .port = REDIS_PORT };
	while (i < sizeof schemes / sizeof *schemes &&
	       strncmp(url, schemes[i].name, strlen(schemes[i].name)) != 0)
		i++;
	if (i == sizeof schemes / sizeof *schemes)
		return err_set(err,
		    "Redis URL did not parse: redis://, rediss:// or unix:// "
		    "expected");
	url += strlen(schemes[i].name);
	mark = strchr(url, '#');
	if (mark != NULL && (strcmp(mark, "#insecure") != 0 || !schemes[i].tls))
		return err_set(err,
		    "Redis URL: #insecure behind a rediss:// is all that is "
		    "known behind a '#'");
	n->tls = schemes[i].tls;
	n->insecure = mark != NULL;
	rest = xmemdup0(url, mark != NULL ? (size_t)(mark - url) : strlen(url));
	rc = parse_rest(n, rest, schemes[i].is_path, err);
	free(rest);
	return rc;
}

void
redis_node_name(const struct redis_node *n, char *out, size_t size)
{
	if (n->host[0] == '\0')
		snprintf(out, size, "%s", n->path);
	else if (strchr(n->host, ':') != NULL)
		snprintf(out, size, "[%s]:%d", n->host, n->port);
	else
		snprintf(out, size, "%s:%d", n->host, n->port);
}
