#include "dkim_signer.h"

#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 253 /* of a domain or a selector */
#define LABEL_MAX 63
#define FIELD_MAX 74 /* of a field's name: h= has no folds in names */

struct dkim_signer *
dkim_signer_new(void)
{
	struct dkim_signer *s = xcalloc(1, sizeof *s);

	atomic_init(&s->refs, 1);
	s->header = s->body = DKIM_RELAXED;
	return s;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

/* Labels with dots between; no byte that a list of tags would end at. */
static bool
is_name(const char *name, size_t len)
{
	size_t label = 0;

	if (len == 0 || len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '.' && label == 0)
			return false;
		if (name[i] == '.')
			label = 0;
		else if ((is_letter(name[i]) || name[i] == '-' ||
			     name[i] == '_') &&
			 label < LABEL_MAX)
			label++;
		else
			return false;
	}
	return label > 0;
}

static int
take(char **to, const char *what, const char *name, size_t len, struct err *err)
{
	struct str shown = { 0 };

	if (is_name(name, len)) {
		free(*to);
		*to = xmemdup0(name, len);
		return 0;
	}
	str_add_printable(&shown, name, len < 80 ? len : 80);
	err_set(err, "%s: \"%s\" is no name of the DNS", what, str_c(&shown));
	str_fini(&shown);
	return -1;
}

int
dkim_signer_domain(
    struct dkim_signer *s, const char *name, size_t len, struct err *err)
{
	return take(&s->domain, "domain", name, len, err);
}

int
dkim_signer_selector(
    struct dkim_signer *s, const char *name, size_t len, struct err *err)
{
	return take(&s->selector, "selector", name, len, err);
}

static bool
is_field(const char *name, size_t len)
{
	if (len == 0 || len > FIELD_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == ':' ||
		    name[i] == ';')
			return false;
	return true;
}

int
dkim_signer_sign(
    struct dkim_signer *s, const char *name, size_t len, struct err *err)
{
	struct str shown = { 0 };
	char *small;

	if (s->n == DKIM_SIGNER_NAMES_MAX)
		return err_set(
		    err, "headers: more than %d names", DKIM_SIGNER_NAMES_MAX);
	if (!is_field(name, len)) {
		str_add_printable(&shown, name, len < 80 ? len : 80);
		err_set(err, "headers: \"%s\" is no name of a header",
		    str_c(&shown));
		str_fini(&shown);
		return -1;
	}
	small = xmemdup0(name, len);
	for (char *p = small; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	s->name = xrealloc(s->name, (s->n + 1) * sizeof *s->name);
	s->name[s->n++] = small;
	return 0;
}

static bool
signs_from(const struct dkim_signer *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->name[i], "from") == 0)
			return true;
	return false;
}

int
dkim_signer_complete(
    struct dkim_signer *s, const void *key, size_t len, struct err *err)
{
	struct err why;

	if (s->domain == NULL || s->selector == NULL)
		return err_set(err, "missing field `%s`",
		    s->domain == NULL ? "domain" : "selector");
	if (!signs_from(s))
		return err_set(err, "missing From in signed headers");
	s->key = dkim_private_read(key, len, &why);
	if (s->key == NULL)
		return err_set(err, "key: %s", why.msg);
	return 0;
}

struct dkim_signer *
dkim_signer_ref(struct dkim_signer *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void
dkim_signer_unref(struct dkim_signer *s)
{
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->name[i]);
	free(s->name);
	free(s->domain);
	free(s->selector);
	dkim_private_free(s->key);
	free(s);
}
