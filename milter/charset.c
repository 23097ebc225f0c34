#include "charset.h"

#include "header_text.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define NO_ICONV ((iconv_t)-1)

#define UTF8 "UTF-8"
#define ASCII "US-ASCII"
#define LATIN1 "WINDOWS-1252"

/*
 * What iconv(3) is to use for a name.  UTF8 and ASCII are ours to read.  A
 * name that is not here is unknown, even where the C library knows it.
 */
static const struct {
	const char *name, *use;
} charsets[] = {
	{ "utf-8", UTF8 },
	{ "utf8", UTF8 },
	{ "unicode-1-1-utf-8", UTF8 },
	{ "us-ascii", ASCII },
	{ "ascii", ASCII },
	{ "ansi_x3.4-1968", ASCII },
	{ "ansi_x3.4-1986", ASCII },
	{ "iso646-us", ASCII },
	{ "iso-8859-1", LATIN1 },
	{ "iso8859-1", LATIN1 },
	{ "iso_8859-1", LATIN1 },
	{ "latin1", LATIN1 },
	{ "l1", LATIN1 },
	{ "windows-1252", LATIN1 },
	{ "cp1252", LATIN1 },
	{ "cp-1252", LATIN1 },
	{ "iso-8859-2", "ISO-8859-2" },
	{ "latin2", "ISO-8859-2" },
	{ "iso-8859-3", "ISO-8859-3" },
	{ "iso-8859-4", "ISO-8859-4" },
	{ "iso-8859-5", "ISO-8859-5" },
	{ "iso-8859-6", "ISO-8859-6" },
	{ "iso-8859-7", "ISO-8859-7" },
	{ "iso-8859-8", "ISO-8859-8" },
	{ "iso-8859-8-i", "ISO-8859-8" },
	{ "iso-8859-9", "WINDOWS-1254" },
	{ "latin5", "WINDOWS-1254" },
	{ "iso-8859-10", "ISO-8859-10" },
	{ "iso-8859-11", "CP874" },
	{ "iso-8859-13", "ISO-8859-13" },
	{ "iso-8859-14", "ISO-8859-14" },
	{ "iso-8859-15", "ISO-8859-15" },
	{ "latin9", "ISO-8859-15" },
	{ "iso-8859-16", "ISO-8859-16" },
	{ "windows-874", "CP874" },
	{ "tis-620", "CP874" },
	{ "windows-1250", "WINDOWS-1250" },
	{ "cp1250", "WINDOWS-1250" },
	{ "windows-1251", "WINDOWS-1251" },
	{ "cp1251", "WINDOWS-1251" },
	{ "windows-1253", "WINDOWS-1253" },
	{ "windows-1254", "WINDOWS-1254" },
	{ "windows-1255", "WINDOWS-1255" },
	{ "windows-1256", "WINDOWS-1256" },
	{ "windows-1257", "WINDOWS-1257" },
	{ "windows-1258", "WINDOWS-1258" },
	{ "koi8-r", "KOI8-R" },
	{ "koi8-u", "KOI8-U" },
	{ "ibm437", "CP437" },
	{ "cp437", "CP437" },
	{ "ibm850", "CP850" },
	{ "cp850", "CP850" },
	{ "ibm852", "CP852" },
	{ "cp852", "CP852" },
	{ "ibm866", "CP866" },
	{ "cp866", "CP866" },
	{ "macintosh", "MACINTOSH" },
	{ "gb2312", "GB18030" },
	{ "gbk", "GB18030" },
	{ "x-gbk", "GB18030" },
	{ "cp936", "GB18030" },
	{ "gb18030", "GB18030" },
	{ "big5", "BIG5" },
	{ "big5-hkscs", "BIG5-HKSCS" },
	{ "euc-jp", "EUC-JP" },
	{ "iso-2022-jp", "ISO-2022-JP" },
	{ "shift_jis", "CP932" },
	{ "shift-jis", "CP932" },
	{ "sjis", "CP932" },
	{ "x-sjis", "CP932" },
	{ "windows-31j", "CP932" },
	{ "cp932", "CP932" },
	{ "euc-kr", "CP949" },
	{ "ks_c_5601-1987", "CP949" },
	{ "cp949", "CP949" },
	{ "iso-2022-kr", "ISO-2022-KR" },
	{ "utf-7", "UTF-7" },
	{ "unicode-1-1-utf-7", "UTF-7" },
	{ "utf-16", "UTF-16" },
	{ "utf-16le", "UTF-16LE" },
	{ "utf-16be", "UTF-16BE" },
	{ "utf-32", "UTF-32" },
};

static const char *
find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++)
		if (strlen(charsets[i].name) == len &&
		    strncasecmp(charsets[i].name, name, len) == 0)
			return charsets[i].use;
	return NULL;
}

bool
charset_is_known(const char *name, size_t len)
{
	return find(name, len) != NULL;
}

const char *
charset_iconv_name(const char *name, size_t len)
{
	return find(name, len);
}

/*
 * Bytes of the well-formed sequence at p, or minus the bytes that one U+FFFD
 * stands for (Unicode's "maximal subpart").
 */
static int
sequence(const unsigned char *p, size_t n)
{
	static const struct {
		unsigned char first, last, low, high;
		int len;
	} starts[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t s = 0, rows = sizeof starts / sizeof *starts;

	if (p[0] < 0x80)
		return 1;
	while (s < rows && (p[0] < starts[s].first || p[0] > starts[s].last))
		s++;
	if (s == rows)
		return -1;
	if (n < 2 || p[1] < starts[s].low || p[1] > starts[s].high)
		return -1;
	for (int i = 2; i < starts[s].len; i++)
		if ((size_t)i >= n || (p[i] & 0xc0) != 0x80)
			return -i;
	return starts[s].len;
}

void
charset_repair(struct str *out, const char *p, size_t n)
{
	size_t from = 0;

	str_reserve(out, n);
	for (size_t i = 0; i < n;) {
		int len = sequence((const unsigned char *)p + i, n - i);

		if (len > 0) {
			i += (size_t)len;
			continue;
		}
		str_add(out, p + from, i - from);
		str_adds(out, REPLACEMENT);
		i += (size_t)-len;
		from = i;
	}
	if (n > from)
		str_add(out, p + from, n - from);
}

/* What is converted. */
struct input {
	char *p;
	size_t left;
	bool is_utf8; /* else the other side is */
};

/* Over what cannot be converted: a byte, in UTF-8 a character. */
static void
skip(struct input *in)
{
	do {
		in->p++;
		in->left--;
	} while (in->is_utf8 && in->left > 0 && (in->p[0] & 0xc0) == 0x80);
}

/* U+FFFD, or a '?' in the encoding of the other side, shifts and all. */
static void
add_replacement(struct str *out, iconv_t cd, bool is_utf8)
{
	char buf[16], *to = buf, *from = (char *)"?";
	size_t room = sizeof buf, left = 1;

	if (!is_utf8) {
		str_adds(out, REPLACEMENT);
		return;
	}
	iconv(cd, &from, &left, &to, &room);
	str_add(out, buf, sizeof buf - room);
}

static void
convert(struct str *out, iconv_t cd, struct input *in)
{
	char buf[4096], *to;
	size_t room, rc;

	while (in->left > 0) {
		size_t before = in->left;
		int why;

		to = buf;
		room = sizeof buf;
		rc = iconv(cd, &in->p, &in->left, &to, &room);
		why = errno;
		str_add(out, buf, sizeof buf - room);
		if (rc != (size_t)-1)
			break;
		if (why == E2BIG && (in->left < before || room < sizeof buf))
			continue;
		add_replacement(out, cd, in->is_utf8);
		if (why == EINVAL) /* ends inside a character */
			break;
		skip(in);
	}
	/* some hold their last character back (windows-1258) */
	to = buf;
	room = sizeof buf;
	iconv(cd, NULL, NULL, &to, &room);
	str_add(out, buf, sizeof buf - room);
}

static bool
use(struct str *out, const char *iconv_name, const char *p, size_t n)
{
	iconv_t cd = iconv_open(UTF8, iconv_name);

	if (cd == NO_ICONV)
		return false;
	str_reserve(out, n);
	/* iconv only reads */
	convert(out, cd, &(struct input){ (char *)p, n, false });
	iconv_close(cd);
	return true;
}

void
charset_guess(struct str *out, const char *p, size_t n)
{
	if (header_text_is_utf8(p, n))
		str_add(out, p, n);
	else if (!use(out, LATIN1, p, n))
		charset_repair(out, p, n);
}

bool
charset_to_utf8(
    struct str *out, const char *name, size_t len, const char *p, size_t n)
{
	const char *how = find(name, len);

	if (how == NULL)
		return false;
	if (strcmp(how, UTF8) == 0)
		charset_repair(out, p, n);
	else if (strcmp(how, ASCII) == 0)
		charset_guess(out, p, n);
	else
		return use(out, how, p, n);
	return true;
}

/* The names that stand for a superset when they are read. */
static const char *
narrow(const char *how, const char *name, size_t len)
{
	static const struct {
		const char *name, *use;
	} narrower[] = {
		{ "iso-8859-1", "ISO-8859-1" },
		{ "iso8859-1", "ISO-8859-1" },
		{ "iso_8859-1", "ISO-8859-1" },
		{ "latin1", "ISO-8859-1" },
		{ "l1", "ISO-8859-1" },
		{ "iso-8859-9", "ISO-8859-9" },
		{ "latin5", "ISO-8859-9" },
		{ "iso-8859-11", "TIS-620" },
		{ "tis-620", "TIS-620" },
		{ "gb2312", "EUC-CN" },
		{ "gbk", "GBK" },
		{ "x-gbk", "GBK" },
		{ "cp936", "GBK" },
		{ "shift_jis", "SJIS" },
		{ "euc-kr", "EUC-KR" },
	};

	for (size_t i = 0; i < sizeof narrower / sizeof *narrower; i++)
		if (strlen(narrower[i].name) == len &&
		    strncasecmp(narrower[i].name, name, len) == 0)
			return narrower[i].use;
	return how;
}

bool
charset_from_utf8(
    struct str *out, const char *name, size_t len, const char *p, size_t n)
{
	const char *how = find(name, len);
	struct str utf8 = { 0 };
	iconv_t cd;

	if (how == NULL)
		return false;
	if (strcmp(how, UTF8) == 0) {
		charset_repair(out, p, n);
		return true;
	}
	cd = iconv_open(narrow(how, name, len), UTF8);
	if (cd == NO_ICONV)
		return false;
	charset_repair(&utf8, p, n);
	str_reserve(out, n);
	convert(out, cd, &(struct input){ utf8.data, utf8.len, true });
	iconv_close(cd);
	str_fini(&utf8);
	return true;
}
