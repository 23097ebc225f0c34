/*
 * The first line is a DMARC record, the second one of the organisation, what
 * follows a header block.
 */
#include "fuzz.h"

#include "milter/dmarc.h"
#include "milter/dmarc_from.h"
#include "milter/xmalloc.h"

#include <string.h>

struct world {
	const char *record[2];
	size_t len[2];
	unsigned asked;
};

static void
ask(void *arg, const char *name, enum dns_type type, struct dns_answer *out)
{
	struct world *w = arg;

	must(strlen(name) > 0 && strlen(name) <= 4 * 255);
	*out = (struct dns_answer){ .status = DNS_NO_DATA };
	if (type == DNS_TXT) {
		must(strncmp(name, "_dmarc.", 7) == 0);
		out->record = xcalloc(1, sizeof *out->record);
		out->record[0].text =
		    xmemdup0(w->record[w->asked % 2], w->len[w->asked % 2]);
		out->record[0].len = w->len[w->asked % 2];
		out->n = 1;
		out->status = DNS_FOUND;
	}
	w->asked++;
}

static void
must_be_line(const char *text)
{
	must(text != NULL);
	for (; *text != '\0'; text++)
		must(*text >= ' ' && *text <= '~');
}

static void
look(struct world *w, const struct dmarc_from *from, bool quirks)
{
	static const char *const d[] = { "example.com", "other.example" };
	struct dmarc_query q = { .from = (const char *const *)from->domain,
		.n_from = from->n,
		.dkim = d,
		.n_dkim = 2,
		.chance = 42,
		.kumomta_quirks = quirks,
		.ask = ask,
		.arg = w };
	struct dmarc_answer a, b;
	const char *const turned[] = { d[1], d[0] };

	w->asked = 0;
	dmarc_check(&q, &a);
	must(w->asked <= 5 * from->n);
	must_be_line(a.reason);
	for (int t = 0; a.has_record && t < DMARC_TAGS; t++)
		if (a.record.value[t] != NULL)
			must_be_line(a.record.value[t]);
	/* the order of what was found is nothing to go by */
	q.dkim = turned;
	w->asked = 0;
	dmarc_check(&q, &b);
	must(a.disposition == b.disposition);
	must(strcmp(a.reason, b.reason) == 0);
	dmarc_answer_fini(&a);
	dmarc_answer_fini(&b);
}

/* The rest up to the line's end, which is passed. */
static size_t
line(const char **at, const char *end)
{
	const char *nl =
	    *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
	size_t len = (size_t)((nl != NULL ? nl : end) - *at);

	*at = nl != NULL ? nl + 1 : end;
	return len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct headers h = { 0 }, none = { 0 };
	struct dmarc_from from;
	struct world w;

	for (int i = 0; i < 2; i++) {
		w.record[i] = at;
		w.len[i] = line(&at, end);
	}
	headers_replace(&h, &none, at, (size_t)(end - at));
	for (int quirks = 0; quirks < 2; quirks++) {
		dmarc_from_read(&from, &h, quirks != 0);
		must((from.n == 0) == (from.why != NULL));
		must(from.n <= DMARC_FROM_MAX);
		if (from.n != 0)
			look(&w, &from, quirks != 0);
		dmarc_from_fini(&from);
	}
	headers_fini(&h);
	return 0;
}
