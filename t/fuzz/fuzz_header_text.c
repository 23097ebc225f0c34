#include "fuzz.h"

#include "milter/encoded_word.h"
#include "milter/header_text.h"

#include <string.h>

static void
check_word(const char *p, size_t n)
{
	struct str out = { 0 };
	struct encoded_word w;

	if (!encoded_word_scan(&w, p, n))
		return;
	must(w.len <= n && w.text >= p && w.text + w.textlen + 2 == p + w.len);
	must(strlen(w.charset) > 0);
	must(encoded_word_decode(&out, &w) || out.len == 0);
	must(out.len <= w.textlen);
	str_fini(&out);
}

/* What is UTF-8 stays so, what is not stays as it is; old text is kept. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct str out = { 0 };

	str_adds(&out, "old ");
	header_text_decode(&out, text, size);
	must(out.len >= 4 && memcmp(out.data, "old ", 4) == 0);
	if (header_text_is_utf8(text, size))
		must(header_text_is_utf8(out.data, out.len));
	else
		must(out.len == size + 4 &&
		     memcmp(out.data + 4, data, size) == 0);
	str_fini(&out);
	for (size_t i = 0; i < size; i++)
		if (text[i] == '=')
			check_word(text + i, size - i);
	return 0;
}
