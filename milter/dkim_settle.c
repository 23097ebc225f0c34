#include "dkim_settle.h"

#include "sendmail_list.h"

#include <string.h>
#include <strings.h>

#define COLUMNS 78

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The end of the blanks at p, then that of the word behind them. */
static const char *
next_word(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	while (p < end && !is_blank(*p))
		p++;
	return p;
}

/* One long line, broken in front of blanks between its words. */
static void
fold_line(struct str *out, size_t column, const char *p, const char *end)
{
	const char *word;
	bool first = true; /* nothing but blanks yet */

	for (; p < end; p = word) {
		word = next_word(p, end);
		if (!first && !is_blank(word[-1]) &&
		    column + (size_t)(word - p) > COLUMNS) {
			str_addc(out, '\n');
			column = 0;
		}
		str_add(out, p, (size_t)(word - p));
		column += (size_t)(word - p);
		first = false;
	}
}

/* The value with its long lines broken; the others stay as they are. */
static void
fold_long(struct str *out, const struct header *f)
{
	const char *p = f->raw, *end = p + f->raw_len, *line;
	size_t column = f->name_len + 1;

	for (;; p = line + 1, column = 0) {
		line = memchr(p, '\n', (size_t)(end - p));
		if (line == NULL)
			line = end;
		if (column + (size_t)(line - p) > DKIM_SETTLE_LINE)
			fold_line(out, column, p, line);
		else
			str_add(out, p, (size_t)(line - p));
		if (line == end)
			return;
		str_addc(out, '\n');
	}
}

static bool
signs(const struct dkim_signer *s, const char *field)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcasecmp(s->name[i], field) == 0)
			return true;
	return false;
}

/* Does this other value make the signature another one? */
static bool
differs(enum dkim_canon canon, const struct header *f, const struct str *raw)
{
	struct str a = { 0 }, b = { 0 };
	bool other;

	dkim_canon_field(&a, canon, f->name, f->raw, f->raw_len);
	dkim_canon_field(&b, canon, f->name, str_c(raw), raw->len);
	other = a.len != b.len || memcmp(str_c(&a), str_c(&b), a.len) != 0;
	str_fini(&a);
	str_fini(&b);
	return other;
}

void
dkim_settle(struct headers *h, const struct dkim_signer *signer, bool sendmail)
{
	struct str raw = { 0 };

	for (size_t i = 0; i < h->n; i++) {
		const struct header *f = &h->field[i];
		enum dkim_canon canon = DKIM_SIMPLE;

		if (!signs(signer, f->name))
			continue;
		str_clear(&raw);
		if (sendmail && sendmail_list_is(f->name)) {
			sendmail_list_write(&raw, f->name, f->raw, f->raw_len);
			canon = signer->header;
		} else if (f->raw_len > DKIM_SETTLE_LINE - f->name_len - 1) {
			fold_long(&raw, f);
		} else {
			continue;
		}
		if (differs(canon, f, &raw))
			headers_set_raw(h, i, str_c(&raw), raw.len);
	}
	str_fini(&raw);
}
