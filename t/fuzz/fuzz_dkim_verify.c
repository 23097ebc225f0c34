#include "fuzz.h"

#include "milter/dkim_verify.h"
#include "milter/header_text.h"
#include "milter/xmalloc.h"

#include <string.h>

/* The first line is the record of all keys, the rest is the message. */
struct world {
	const char *record;
	size_t len;
	unsigned asked;
};

static void
ask(void *arg, const char *name, struct dns_answer *out)
{
	struct world *w = arg;

	must(strstr(name, "._domainkey.") != NULL && strlen(name) <= 4 * 255);
	must(++w->asked <= DKIM_VERIFY_MAX);
	*out = (struct dns_answer){ .status = DNS_TIMEOUT };
	if (w->len == 0)
		return;
	out->status = DNS_FOUND;
	out->n = 2;
	out->record = xcalloc(2, sizeof *out->record);
	for (int i = 0; i < 2; i++) {
		out->record[i].text = xmemdup0(w->record, w->len);
		out->record[i].len = w->len;
	}
}

static void
check_text(const char *text)
{
	must(header_text_is_utf8(text, strlen(text)));
	for (const char *c = text; *c != '\0'; c++)
		must((unsigned char)*c >= ' ' && *c != 0x7f);
}

static void
check_verdict(const struct dkim_verdict *v)
{
	must((v->result == DKIM_PASS) == (v->reason == NULL));
	if (v->reason != NULL)
		check_text(v->reason);
	for (size_t i = 0; i < v->n_props; i++) {
		must(strlen(v->prop[i].value) <= 256);
		check_text(v->prop[i].value);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct body_limits limits = { 1 << 20, 1 << 24, "/tmp" };
	const char *text = (const char *)data;
	const char *end = size != 0 ? memchr(text, '\n', size) : NULL;
	size_t first = end != NULL ? (size_t)(end - text) : size;
	struct world w = { .record = text, .len = first };
	struct headers headers = { 0 }, none = { 0 };
	struct dkim_verify q = {
		.headers = &headers, .now = 1700000000, .ask = ask, .arg = &w
	};
	struct dkim_verdicts v;
	struct body *body;
	size_t at;

	first += end != NULL;
	at = headers_replace(&headers, &none, text + first, size - first);
	body = body_from(text + first + at, size - first - at, &limits, NULL);
	q.body = body;
	for (int quirks = 0; quirks < 2; quirks++) {
		w.asked = 0;
		q.kumomta_quirks = quirks != 0;
		if (dkim_verify(&q, &v, NULL) == 0)
			for (size_t i = 0; i < v.n; i++)
				check_verdict(&v.verdict[i]);
		dkim_verdicts_fini(&v);
	}
	body_unref(body);
	headers_fini(&headers);
	return 0;
}
