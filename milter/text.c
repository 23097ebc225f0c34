#include "text.h"

#include <stdint.h>
#include <string.h>

/* ---- white space -------------------------------------------------------- */

bool
text_is_ascii_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

size_t
text_space(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;

	if (n > 0 && ((u[0] >= '\t' && u[0] <= '\r') || u[0] == ' '))
		return 1;
	if (n > 1 && u[0] == 0xc2 && (u[1] == 0x85 || u[1] == 0xa0))
		return 2;
	if (n < 3)
		return 0;
	if (u[0] == 0xe1) /* U+1680 */
		return u[1] == 0x9a && u[2] == 0x80 ? 3 : 0;
	if (u[0] == 0xe3) /* U+3000 */
		return u[1] == 0x80 && u[2] == 0x80 ? 3 : 0;
	if (u[0] != 0xe2)
		return 0;
	if (u[1] == 0x80) /* U+2000 to U+200A, U+2028, U+2029, U+202F */
		return (u[2] >= 0x80 && u[2] <= 0x8a) || u[2] == 0xa8 ||
			       u[2] == 0xa9 || u[2] == 0xaf
			   ? 3
			   : 0;
	return u[1] == 0x81 && u[2] == 0x9f ? 3 : 0; /* U+205F */
}

/* The same for what p ends with. */
static size_t
space_at_end(const char *p, size_t n)
{
	for (size_t len = 1; len <= 3 && len <= n; len++)
		if (text_space(p + n - len, len) == len)
			return len;
	return 0;
}

void
text_trim(const char **p, size_t *n, bool start, bool end)
{
	size_t len;

	while (start && (len = text_space(*p, *n)) > 0) {
		*p += len;
		*n -= len;
	}
	while (end && (len = space_at_end(*p, *n)) > 0)
		*n -= len;
}

static size_t
space_of(const char *p, size_t n, bool ascii)
{
	if (ascii)
		return n > 0 && text_is_ascii_space(*p) ? 1 : 0;
	return text_space(p, n);
}

bool
text_next_word(
    const char **p, size_t *n, bool ascii, const char **word, size_t *len)
{
	size_t skip, at = 0;

	while ((skip = space_of(*p, *n, ascii)) > 0) {
		*p += skip;
		*n -= skip;
	}
	while (at < *n && space_of(*p + at, *n - at, ascii) == 0)
		at++;
	*word = *p;
	*len = at;
	*p += at;
	*n -= at;
	return at > 0;
}

/* ---- fields ------------------------------------------------------------- */

/* Bytes of the character at p, which is not the end. */
static size_t
character(const char *p, size_t n, bool reversed)
{
	size_t len = 1;

	if (reversed) {
		while (len < 4 && len < n && (p[len - 1] & 0xc0) == 0x80)
			len++;
		return len;
	}
	if ((p[0] & 0xc0) != 0xc0)
		return 1;
	while (len < 4 && len < n && (p[len] & 0xc0) == 0x80)
		len++;
	return len;
}

static const char *
find(struct text_split *s)
{
	bool is_first = !s->begun;

	s->begun = true;
	if (s->sep_len > 0)
		return memmem(s->p, s->n, s->sep, s->sep_len);
	if (is_first)
		return s->p;
	return s->n == 0 ? NULL : s->p + character(s->p, s->n, s->reversed);
}

bool
text_split_next(struct text_split *s, const char **field, size_t *len)
{
	const char *at;

	if (s->limit == 0)
		return false;
	at = s->limit == 1 ? NULL : find(s);
	*field = s->p;
	if (at == NULL) {
		*len = s->n;
		s->limit = 0;
		return true;
	}
	*len = (size_t)(at - s->p);
	s->n -= *len + s->sep_len;
	s->p = at + s->sep_len;
	s->limit--;
	return true;
}

void
text_reverse(char *to, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = p[n - 1 - i];
}

/* ---- lines -------------------------------------------------------------- */

/* The line from `line` on is complete. */
static void
end_line(struct str *out, size_t *line)
{
	str_adds(out, "\r\n\t");
	*line = out->len;
}

static void
add_long_word(
    struct str *out, size_t *line, const char *word, size_t len, size_t hard)
{
	if (hard == 0)
		hard = 1;
	for (; len >= hard; word += hard, len -= hard) {
		str_add(out, word, hard);
		end_line(out, line);
	}
	str_add(out, word, len);
}

void
text_wrap(struct str *out, const char *p, size_t n, size_t soft, size_t hard)
{
	size_t begin = out->len, line = out->len, len;
	const char *word;

	while (text_next_word(&p, &n, true, &word, &len)) {
		size_t have = out->len - line;

		if (have + len < soft) {
			if (have > 0)
				str_addc(out, ' ');
			str_add(out, word, len);
			continue;
		}
		if (have > 0)
			end_line(out, &line);
		if (len <= hard)
			str_add(out, word, len);
		else
			add_long_word(out, &line, word, len, hard);
	}
	while (out->len > begin &&
	       (len = space_at_end(out->data + begin, out->len - begin)) > 0)
		out->len -= len;
	if (out->data != NULL)
		out->data[out->len] = '\0';
}
