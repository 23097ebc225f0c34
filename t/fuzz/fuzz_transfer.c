#include "fuzz.h"

#include "milter/charset.h"
#include "milter/header_text.h"
#include "milter/transfer.h"

#include <string.h>

static void
check_lines(const struct str *s)
{
	size_t column = 0;

	for (size_t i = 0; i < s->len; i++) {
		char c = s->data[i];

		must((c & 0x80) == 0 && c != '\0');
		must(c != '\n' || (i > 0 && s->data[i - 1] == '\r'));
		column = c == '\n' ? 0 : column + 1;
		must(column <= 77); /* with CR */
	}
}

static void
check_base64(const char *p, size_t n)
{
	struct str coded = { 0 }, out = { 0 };

	transfer_base64(&coded, p, n);
	must(coded.len == transfer_base64_size(n));
	check_lines(&coded);
	must(transfer_is_strict(TRANSFER_BASE64, str_c(&coded), coded.len));
	transfer_decode(&out, TRANSFER_BASE64, str_c(&coded), coded.len);
	must(out.len == n && memcmp(str_c(&out), p, n) == 0);
	str_fini(&coded);
	str_fini(&out);
}

static void
check_quoted(const char *p, size_t n)
{
	struct str lines = { 0 }, coded = { 0 }, out = { 0 };

	transfer_crlf(&lines, p, n);
	transfer_quoted_printable(&coded, p, n);
	check_lines(&coded);
	must(transfer_is_strict(
	    TRANSFER_QUOTED_PRINTABLE, str_c(&coded), coded.len));
	transfer_decode(
	    &out, TRANSFER_QUOTED_PRINTABLE, str_c(&coded), coded.len);
	must(out.len == lines.len &&
	     memcmp(str_c(&out), str_c(&lines), lines.len) == 0);
	must(coded.len >= lines.len);
	str_fini(&lines);
	str_fini(&coded);
	str_fini(&out);
}

static void
check_charset(const char *p, size_t n)
{
	static const char *const names[] = { "utf-8", "us-ascii", "gb18030",
		"big5", "big5-hkscs", "euc-jp", "iso-2022-jp", "iso-2022-kr",
		"shift_jis", "euc-kr", "utf-7", "utf-16", "utf-32",
		"windows-1258", "koi8-r", "tis-620" };
	const char *name;
	struct str out = { 0 }, back = { 0 };

	if (n == 0)
		return;
	name = names[(unsigned char)p[0] % (sizeof names / sizeof *names)];
	must(charset_to_utf8(&out, name, strlen(name), p + 1, n - 1));
	must(header_text_is_utf8(str_c(&out), out.len));
	must(
	    charset_from_utf8(&back, name, strlen(name), str_c(&out), out.len));
	str_clear(&back);
	must(charset_from_utf8(&back, name, strlen(name), p + 1, n - 1));
	must(!charset_to_utf8(&out, p, n, p, n) || charset_is_known(p, n));
	str_fini(&out);
	str_fini(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct str out = { 0 };

	transfer_decode(&out, TRANSFER_BASE64, text, size);
	must(out.len <= size);
	str_clear(&out);
	transfer_decode(&out, TRANSFER_QUOTED_PRINTABLE, text, size);
	must(out.len <= size);
	str_fini(&out);
	check_base64(text, size);
	check_quoted(text, size);
	check_charset(text, size);
	return 0;
}
