#include "record_template.h"

#include "json_text.h"

#include <stdbool.h>
#include <string.h>

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* "{{ a.b }}" at p: its path, and what is behind it; NULL: it is none. */
static const char *
placeholder(const char *p, const char **path, size_t *len)
{
	p += 2;
	p += strspn(p, " \t\r\n");
	*path = p;
	*len = strspn(p, WORD ".");
	p += *len;
	p += strspn(p, " \t\r\n");
	if (*len == 0 || (*path)[0] == '.' || (*path)[*len - 1] == '.' ||
	    strncmp(p, "}}", 2) != 0)
		return NULL;
	return p + 2;
}

/* The next "{{", "{%" or "{#", or the end. */
static const char *
next_brace(const char *p)
{
	while ((p = strchr(p, '{')) != NULL &&
	       (p[1] == '\0' || strchr("{%#", p[1]) == NULL))
		p++;
	return p;
}

int
record_template_check(const char *text, struct err *err)
{
	const char *path;
	size_t len;

	for (const char *p = text; (p = next_brace(p)) != NULL;) {
		const char *end =
		    p[1] == '{' ? placeholder(p, &path, &len) : NULL;

		if (end == NULL)
			return err_set(err,
			    "\"%.40s\": only {{ name }} and {{ name.name }} "
			    "are known here",
			    p);
		p = end;
	}
	return 0;
}

static const json_t *
find(const json_t *record, const char *path, size_t len)
{
	const json_t *at = record;
	bool first = true;

	while (at != NULL && len > 0) {
		size_t n = strcspn(path, ".");

		if (n > len)
			n = len;
		/* KumoMTA has the record by that name, too */
		if (!first || n != 10 || strncmp(path, "log_record", n) != 0)
			at = json_object_getn(at, path, n);
		first = false;
		path += n;
		len -= n;
		if (len > 0) {
			path++;
			len--;
		}
	}
	return at;
}

static void
add_value(struct str *out, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t n = json_string_length(value);

	if (value == NULL)
		return;
	if (json_is_null(value)) {
		str_adds(out, "none");
		return;
	}
	if (text == NULL) {
		json_text_write(out, value, false);
		return;
	}
	for (size_t i = 0; i < n; i++)
		str_addc(
		    out, text[i] == '\r' || text[i] == '\n' ? ' ' : text[i]);
}

void
record_template_write(struct str *out, const char *text, const json_t *record)
{
	const char *p, *path;
	size_t len;

	while ((p = next_brace(text)) != NULL) {
		const char *end = placeholder(p, &path, &len);

		if (end == NULL)
			break;
		str_add(out, text, (size_t)(p - text));
		add_value(out, find(record, path, len));
		text = end;
	}
	str_adds(out, text);
}
