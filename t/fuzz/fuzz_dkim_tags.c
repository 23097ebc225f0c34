#include "fuzz.h"

#include "milter/dkim_fields.h"
#include "milter/dkim_tags.h"

#include <string.h>

static void
check_tag(const struct dkim_tag *t, const char *text, size_t size)
{
	struct str out = { 0 };
	const char *item;
	size_t at = 0, len, n = 0, all = 0;

	must(t->name_len > 0 && t->name >= text);
	must(t->name + t->name_len < t->value + t->len + 1);
	must(t->value + t->len <= text + size);
	if (t->len > 0)
		must(!dkim_is_space(*t->value) &&
		     !dkim_is_space(t->value[t->len - 1]));
	while (dkim_tag_next(t, &at, &item, &len)) {
		must(item >= t->value && item + len <= t->value + t->len);
		all += len;
		n++;
	}
	must(n > 0 && all + n - 1 <= t->len);
	if (dkim_tag_base64(&out, t, NULL) == 0)
		must(out.len <= t->len);
	str_fini(&out);
}

/* What is signed of a field has no value in b=, and is told again alike. */
static void
check_field(const char *text)
{
	struct headers h = { 0 };
	struct str once = { 0 }, twice = { 0 };
	struct dkim_tags tags;
	const struct dkim_tag *b;

	headers_received(&h, "S", text);
	if (dkim_fields_signature(&once, DKIM_SIMPLE, h.field, NULL) == 0) {
		must(dkim_tags_parse(
			 &tags, once.data + 2, once.len - 2, NULL) == 0);
		b = dkim_tags_find(&tags, "b");
		must(b == NULL || b->len == 0);
		dkim_canon_field(
		    &twice, DKIM_SIMPLE, "S", once.data + 2, once.len - 2);
		must(twice.len == once.len &&
		     memcmp(twice.data, once.data, once.len) == 0);
		str_clear(&twice);
		must(dkim_fields_signature(
			 &twice, DKIM_RELAXED, h.field, NULL) == 0);
	}
	str_fini(&once);
	str_fini(&twice);
	headers_fini(&h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct str copy = { 0 };
	struct dkim_tags t;
	struct err err = { "" };

	if (dkim_tags_parse(&t, text, size, &err) == 0) {
		must(t.n > 0 && t.n <= DKIM_TAGS_MAX);
		for (size_t i = 0; i < t.n; i++)
			check_tag(&t.tag[i], text, size);
	} else {
		must(err.msg[0] != '\0');
	}
	str_add(&copy, text, size);
	check_field(str_c(&copy));
	str_fini(&copy);
	return 0;
}
