#include "mime_param.h"

#include <string.h>
#include <strings.h>

#define WIDTH 74 /* of a line with its tab and semicolon */

static bool
is_ascii_text(const struct mime_param *p)
{
	for (size_t i = 0; i < p->len; i++)
		if (p->value[i] < ' ' || p->value[i] > '~')
			return false;
	return true;
}

/* Bytes of the UTF-8 sequence at p: pieces do not split characters. */
static size_t
character(const char *p, size_t n)
{
	size_t len = 1;

	while (len < n && len < 4 && (p[len] & 0xc0) == 0x80)
		len++;
	return len;
}

/* Append one character of a value; its length as written. */
static void
add_character(struct str *out, const char *p, size_t len, bool quoted)
{
	if (quoted) {
		if (*p == '"' || *p == '\\')
			str_addc(out, '\\');
		str_addc(out, *p);
		return;
	}
	for (size_t i = 0; i < len; i++)
		if (mime_is_token(p[i]) && strchr("*'%", p[i]) == NULL)
			str_addc(out, p[i]);
		else
			str_addf(out, "%%%02X", (unsigned char)p[i]);
}

/* Fill one line from *p on; what it holds goes to *line. */
static void
fill(
    struct str *line, const char **p, const char *end, bool quoted, size_t room)
{
	str_clear(line);
	while (*p < end && line->len < room) {
		size_t len = quoted ? 1 : character(*p, (size_t)(end - *p));

		add_character(line, *p, len, quoted);
		*p += len;
	}
}

static void
write_param(struct str *out, const char *name, const struct mime_param *param)
{
	const char *p = param->value, *end = p + param->len;
	bool quoted = is_ascii_text(param);
	bool whole = strcasecmp(name, "boundary") == 0;
	size_t used = strlen(name) + 4 + (quoted ? 2 : 7);
	size_t room = whole               ? param->len * 3 + 1
		      : used + 16 < WIDTH ? WIDTH - used
					  : 16;
	struct str line = { 0 };
	int section = 0;

	do {
		fill(&line, &p, end, quoted, room);
		str_addf(out, ";\r\n\t%s", name);
		if (section > 0 || p < end)
			str_addf(out, "*%d", section);
		str_addf(out, quoted         ? "=\""
			      : section == 0 ? "*=UTF-8''"
					     : "*=");
		str_add(out, str_c(&line), line.len);
		if (quoted)
			str_addc(out, '"');
		section++;
	} while (p < end);
	str_fini(&line);
}

/* Stars, ticks and percents would be read as RFC 2231's. */
static bool
is_name(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!mime_is_token(name[i]) || strchr("*'%", name[i]) != NULL)
			return false;
	return len > 0 && len <= 64;
}

void
mime_value_write(struct str *out, const struct mime_value *v)
{
	for (const char *p = v->value; p != NULL && *p != '\0'; p++)
		if (mime_is_token(*p) || *p == '/')
			str_addc(out, *p);
	for (size_t i = 0; i < v->n; i++)
		if (is_name(v->param[i].name))
			write_param(out, v->param[i].name, &v->param[i]);
}
