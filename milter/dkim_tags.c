#include "dkim_tags.h"

#include "encoding.h"

#include <string.h>

bool
dkim_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
trim(const char **p, size_t *len)
{
	while (*len > 0 && dkim_is_space(**p)) {
		(*p)++;
		(*len)--;
	}
	while (*len > 0 && dkim_is_space((*p)[*len - 1]))
		(*len)--;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_name(const char *p, size_t len)
{
	if (len == 0 || !is_letter(*p))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_letter(p[i]) && !(p[i] >= '0' && p[i] <= '9') &&
		    p[i] != '_')
			return false;
	return true;
}

/* No control characters. */
static bool
is_value(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c < ' ' && !dkim_is_space(p[i])) || c == 0x7f)
			return false;
	}
	return true;
}

static const struct dkim_tag *
find(const struct dkim_tags *t, const char *name, size_t len)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->tag[i].name_len == len &&
		    memcmp(t->tag[i].name, name, len) == 0)
			return &t->tag[i];
	return NULL;
}

/* "name=value", what stands between semicolons. */
static int
add_tag(struct dkim_tags *t, const char *p, size_t len, struct err *err)
{
	const char *equals = len != 0 ? memchr(p, '=', len) : NULL;
	struct dkim_tag tag = { .name = p };

	if (equals == NULL)
		return err_set(err, "tag %zu has no '='", t->n + 1);
	tag.name_len = (size_t)(equals - p);
	tag.value = equals + 1;
	tag.len = len - tag.name_len - 1;
	trim(&tag.name, &tag.name_len);
	if (!is_name(tag.name, tag.name_len))
		return err_set(err, "tag %zu has no name", t->n + 1);
	if (!is_value(tag.value, tag.len))
		return err_set(
		    err, "tag %zu holds a control character", t->n + 1);
	trim(&tag.value, &tag.len);
	if (find(t, tag.name, tag.name_len) != NULL)
		return err_set(err, "tag %zu was there already", t->n + 1);
	if (t->n == DKIM_TAGS_MAX)
		return err_set(err, "more than %d tags", DKIM_TAGS_MAX);
	t->tag[t->n++] = tag;
	return 0;
}

static bool
is_blank(const char *p, size_t len)
{
	trim(&p, &len);
	return len == 0;
}

int
dkim_tags_parse(
    struct dkim_tags *t, const char *text, size_t len, struct err *err)
{
	t->n = 0;
	do {
		const char *semicolon =
		    len != 0 ? memchr(text, ';', len) : NULL;
		size_t n = semicolon != NULL ? (size_t)(semicolon - text) : len;

		if (add_tag(t, text, n, err) != 0)
			return -1;
		n += semicolon != NULL;
		text += n;
		len -= n;
	} while (!is_blank(text, len));
	return 0;
}

const struct dkim_tag *
dkim_tags_find(const struct dkim_tags *t, const char *name)
{
	return find(t, name, strlen(name));
}

bool
dkim_tag_is(const struct dkim_tag *tag, const char *value)
{
	return tag != NULL && tag->len == strlen(value) &&
	       memcmp(tag->value, value, tag->len) == 0;
}

bool
dkim_tag_next(
    const struct dkim_tag *tag, size_t *at, const char **item, size_t *len)
{
	const char *colon;

	if (*at > tag->len)
		return false;
	*item = tag->value + *at;
	*len = tag->len - *at;
	colon = *len != 0 ? memchr(*item, ':', *len) : NULL;
	if (colon != NULL)
		*len = (size_t)(colon - *item);
	*at += *len + 1;
	trim(item, len);
	return true;
}

int
dkim_tag_base64(struct str *out, const struct dkim_tag *tag, struct err *err)
{
	struct str dense = { 0 };
	int rc;

	str_reserve(&dense, tag->len);
	for (size_t i = 0; i < tag->len; i++)
		if (!dkim_is_space(tag->value[i]))
			dense.data[dense.len++] = tag->value[i];
	dense.data[dense.len] = '\0';
	rc = encoding_read(out, ENCODING_BASE64, str_c(&dense), dense.len, err);
	str_fini(&dense);
	return rc;
}
