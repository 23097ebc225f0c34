#include "dkim_canon.h"

#include <string.h>

/* ---- headers ------------------------------------------------------------ */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Lines separated by "\n" get a CR each that has none. */
static void
add_lines(struct str *out, const char *raw, size_t len)
{
	while (len > 0) {
		const char *lf = memchr(raw, '\n', len);
		size_t n = lf != NULL ? (size_t)(lf - raw) : len;

		str_add(
		    out, raw, n - (lf != NULL && n > 0 && raw[n - 1] == '\r'));
		if (lf == NULL)
			return;
		str_add(out, "\r\n", 2);
		raw += n + 1;
		len -= n + 1;
	}
}

/* The end of a line, which is nothing where the line goes on? */
static size_t
line_end(const char *p, size_t len)
{
	if (*p == '\n')
		return 1;
	return *p == '\r' && len > 1 && p[1] == '\n' ? 2 : 0;
}

/* Runs of white space become a space each; none is left at the ends. */
static void
add_relaxed(struct str *out, const char *raw, size_t len)
{
	size_t begin = out->len;
	bool space = false;

	str_reserve(out, len);
	while (len > 0) {
		size_t n = line_end(raw, len);

		if (n == 0 && is_blank(*raw)) {
			space = true;
			n = 1;
		} else if (n == 0) {
			if (space && out->len != begin)
				str_addc(out, ' ');
			space = false;
			str_addc(out, *raw);
			n = 1;
		}
		raw += n;
		len -= n;
	}
}

/* In small letters, without white space between it and the colon. */
static void
add_relaxed_name(struct str *out, const char *name)
{
	size_t n = strlen(name);

	while (n > 0 && is_blank(name[n - 1]))
		n--;
	for (size_t i = 0; i < n; i++) {
		bool large = name[i] >= 'A' && name[i] <= 'Z';

		str_addc(out, large ? (char)(name[i] - 'A' + 'a') : name[i]);
	}
}

void
dkim_canon_field(struct str *out, enum dkim_canon canon, const char *name,
    const char *raw, size_t raw_len)
{
	if (canon == DKIM_SIMPLE) {
		str_adds(out, name);
		str_addc(out, ':');
		add_lines(out, raw, raw_len);
	} else {
		add_relaxed_name(out, name);
		str_addc(out, ':');
		add_relaxed(out, raw, raw_len);
	}
}

void
dkim_canon_header(
    struct str *out, enum dkim_canon canon, const struct header *h)
{
	dkim_canon_field(out, canon, h->name, h->raw, h->raw_len);
	str_add(out, "\r\n", 2);
}

/* ---- bodies ------------------------------------------------------------- */

void
dkim_canon_body_init(struct dkim_canon_body *b, enum dkim_canon canon,
    dkim_canon_take *take, void *arg)
{
	*b = (struct dkim_canon_body){
		.canon = canon, .take = take, .arg = arg
	};
}

static void
give(struct dkim_canon_body *b, const void *data, size_t len)
{
	b->size += len;
	b->take(b->arg, data, len);
}

/* The ends of lines behind which something stands after all. */
static void
give_lines(struct dkim_canon_body *b)
{
	static const char ends[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
				   "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
	uint64_t most = (sizeof ends - 1) / 2;

	while (b->lines > 0) {
		uint64_t n = b->lines < most ? b->lines : most;

		give(b, ends, (size_t)n * 2);
		b->lines -= n;
	}
}

static void
give_text(struct dkim_canon_body *b, const char *text, size_t len)
{
	give_lines(b);
	if (b->space)
		give(b, " ", 1);
	b->space = false;
	give(b, text, len);
}

/* A CR that nobody knew what to do with was a byte of the text. */
static void
give_cr(struct dkim_canon_body *b)
{
	if (b->cr)
		give_text(b, "\r", 1);
	b->cr = false;
}

/* Bytes that stay as they are, whatever follows. */
static size_t
plain_length(const struct dkim_canon_body *b, const char *p, size_t len)
{
	size_t n = 0;

	if (b->canon == DKIM_SIMPLE) {
		const char *cr = memchr(p, '\r', len);

		return cr != NULL ? (size_t)(cr - p) : len;
	}
	/* a space between two words is one already */
	while (n < len && p[n] != '\r' && p[n] != '\t')
		if (p[n] != ' ')
			n++;
		else if (n > 0 && n + 1 < len && p[n + 1] != '\r' &&
			 !is_blank(p[n + 1]))
			n += 2;
		else
			break;
	return n;
}

/* One byte that does not. */
static void
add_special(struct dkim_canon_body *b, char c)
{
	give_cr(b);
	if (c == '\r')
		b->cr = true;
	else
		b->space = true;
}

void
dkim_canon_body_add(struct dkim_canon_body *b, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		size_t n = 1;

		if (b->cr && *p == '\n') {
			b->cr = b->space = false;
			b->lines++;
		} else {
			n = plain_length(b, p, len);
			if (n != 0) {
				give_cr(b);
				give_text(b, p, n);
			} else {
				add_special(b, *p);
				n = 1;
			}
		}
		p += n;
		len -= n;
	}
}

void
dkim_canon_body_end(struct dkim_canon_body *b)
{
	give_cr(b);
	b->lines = 0;
	b->space = false;
	if (b->canon == DKIM_SIMPLE || b->size != 0)
		give(b, "\r\n", 2);
}
