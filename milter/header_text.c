#include "header_text.h"

#include "encoded_word.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* ---- UTF-8 -------------------------------------------------------------- */

/*
 * Length of the well-formed sequence at p, or minus the number of bytes that
 * one U+FFFD stands for: the longest start of a sequence, at least one byte
 * (Unicode's "maximal subpart").
 */
static int
utf8_step(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	int want;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return -1;
	want = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	for (int i = 1; i < want; i++) {
		if ((size_t)i >= n || p[i] < low || p[i] > high)
			return -i;
		low = 0x80;
		high = 0xbf;
	}
	return want;
}

bool
header_text_is_utf8(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;

	for (size_t i = 0; i < len;) {
		int step = utf8_step(p + i, len - i);

		if (step < 0)
			return false;
		i += (size_t)step;
	}
	return true;
}

static void
add_utf8(struct str *out, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;

	for (size_t i = 0; i < len;) {
		int step = utf8_step(p + i, len - i);

		if (step > 0)
			str_add(out, text + i, (size_t)step);
		else
			str_adds(out, REPLACEMENT);
		i += (size_t)(step > 0 ? step : -step);
	}
}

/* ---- charsets ----------------------------------------------------------- */

/*
 * What mail calls a charset is often a subset of what it sends: the web's
 * rule (WHATWG Encoding), which KumoMTA follows, reads the superset.  The
 * first row is ours to decode; the others name what iconv(3) is to use.
 */
static const struct {
	const char *name, *use;
} charsets[] = {
	{ "utf8", "UTF-8" },
	{ "us-ascii", "WINDOWS-1252" },
	{ "ascii", "WINDOWS-1252" },
	{ "iso-8859-1", "WINDOWS-1252" },
	{ "iso8859-1", "WINDOWS-1252" },
	{ "latin1", "WINDOWS-1252" },
	{ "iso-8859-9", "WINDOWS-1254" },
	{ "iso-8859-8-i", "ISO-8859-8" },
	{ "gb2312", "GB18030" },
	{ "gbk", "GB18030" },
	{ "x-gbk", "GB18030" },
	{ "ks_c_5601-1987", "CP949" },
	{ "euc-kr", "CP949" },
	{ "shift_jis", "CP932" },
	{ "shift-jis", "CP932" },
	{ "x-sjis", "CP932" },
	{ "tis-620", "CP874" },
	{ "unicode-1-1-utf-7", "UTF-7" },
	{ "unicode-1-1-utf-8", "UTF-8" },
};

#define NO_ICONV ((iconv_t)-1)
#define CONVERTERS 4
/* iconv_open() may read files: how often one header may make it do so */
#define OPENS_MAX 32

struct converter {
	char name[ENCODED_WORD_CHARSET_MAX + 1]; /* "" where the slot is free */
	iconv_t cd;                              /* NO_ICONV: no such charset */
};

static const char *
charset_to_use(const char *name)
{
	for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++)
		if (strcasecmp(name, charsets[i].name) == 0)
			return charsets[i].use;
	return name;
}

/* ---- the reader --------------------------------------------------------- */

/*
 * The bytes of adjacent words of one charset wait in pending, because a
 * character may be split between two of them.
 */
struct reader {
	struct str *out;
	struct converter cache[CONVERTERS];
	unsigned next_slot, opens;
	bool space;    /* white space was read and not yet written */
	bool started;  /* something was read that is not white space */
	bool was_word; /* the last thing of that was an encoded word */
	struct str pending;
	char charset[ENCODED_WORD_CHARSET_MAX + 1]; /* of pending */
	iconv_t cd; /* for it, where it is not UTF-8 */
};

static bool
is_utf8_name(const char *charset)
{
	return strcasecmp(charset, "UTF-8") == 0;
}

/* The converter for a charset, or NO_ICONV. */
static iconv_t
converter(struct reader *r, const char *charset)
{
	struct converter *c;

	for (int i = 0; i < CONVERTERS; i++)
		if (strcasecmp(r->cache[i].name, charset) == 0)
			return r->cache[i].cd;
	if (r->opens++ >= OPENS_MAX)
		return NO_ICONV;
	c = &r->cache[r->next_slot++ % CONVERTERS];
	if (c->name[0] != '\0' && c->cd != NO_ICONV)
		iconv_close(c->cd);
	strcpy(c->name, charset);
	c->cd = iconv_open("UTF-8", charset);
	return c->cd;
}

static void
add_converted(struct str *out, iconv_t cd, char *in, size_t left)
{
	char buf[1024], *to;
	size_t room, rc;

	iconv(cd, NULL, NULL, NULL, NULL);
	while (left > 0) {
		to = buf;
		room = sizeof buf;
		rc = iconv(cd, &in, &left, &to, &room);
		str_add(out, buf, sizeof buf - room);
		if (rc != (size_t)-1)
			break;
		if (errno == E2BIG && room < sizeof buf)
			continue;
		str_adds(out, REPLACEMENT);
		if (errno == EINVAL) /* ends inside a character */
			break;
		in++;
		left--;
	}
	/* some charsets hold their last character back (CP1258) */
	to = buf;
	room = sizeof buf;
	iconv(cd, NULL, NULL, &to, &room);
	str_add(out, buf, sizeof buf - room);
}

static void
flush(struct reader *r)
{
	if (r->pending.len == 0)
		return;
	if (is_utf8_name(r->charset))
		add_utf8(r->out, r->pending.data, r->pending.len);
	else
		add_converted(r->out, r->cd, r->pending.data, r->pending.len);
	str_clear(&r->pending);
}

/* ---- reading ------------------------------------------------------------ */

static void
write_space(struct reader *r)
{
	if (r->space && r->started)
		str_addc(r->out, ' ');
	r->space = false;
	r->started = true;
}

/* Makes charset the one of pending; false where iconv(3) has no such. */
static bool
switch_to(struct reader *r, const char *charset)
{
	iconv_t cd = NO_ICONV;

	if (r->was_word && strcasecmp(charset, r->charset) == 0)
		return true;
	flush(r); /* before converter() may close the one it needs */
	if (!is_utf8_name(charset)) {
		cd = converter(r, charset);
		if (cd == NO_ICONV)
			return false;
	}
	strcpy(r->charset, charset);
	r->cd = cd;
	return true;
}

static bool
take_word(struct reader *r, const struct encoded_word *w)
{
	if (!switch_to(r, charset_to_use(w->charset)))
		return false;
	if (!encoded_word_decode(&r->pending, w))
		return false;
	if (r->was_word)
		r->space = false;
	write_space(r);
	r->was_word = true;
	return true;
}

static void
take_text(struct reader *r, const char *p, size_t n)
{
	flush(r);
	write_space(r);
	str_add(r->out, p, n);
	r->was_word = false;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
read_value(struct reader *r, const char *p, size_t n)
{
	struct encoded_word w;

	for (size_t i = 0; i < n;) {
		if (is_space(p[i])) {
			r->space = true;
			i++;
			continue;
		}
		if (!encoded_word_scan(&w, p + i, n - i))
			w.len = 1;
		else if (take_word(r, &w)) {
			i += w.len;
			continue;
		}
		take_text(r, p + i, w.len);
		i += w.len;
	}
	flush(r);
	if (r->started && r->space)
		str_addc(r->out, ' ');
}

void
header_text_decode(struct str *out, const char *raw, size_t len)
{
	struct reader r = { .out = out };

	str_reserve(out, len);
	if (!header_text_is_utf8(raw, len)) {
		str_add(out, raw, len);
		return;
	}
	read_value(&r, raw, len);
	for (int i = 0; i < CONVERTERS; i++)
		if (r.cache[i].name[0] != '\0' && r.cache[i].cd != NO_ICONV)
			iconv_close(r.cache[i].cd);
	str_fini(&r.pending);
}
