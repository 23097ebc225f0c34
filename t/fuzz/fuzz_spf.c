#include "fuzz.h"

#include "milter/spf.h"
#include "milter/xmalloc.h"

#include <netinet/in.h>
#include <string.h>

/* 10 terms with 10 hosts each, 10 names of the client, the records, exp */
#define ASKED_MAX (1 + 10 * 11 + 11 + 1)

/* The first line is the record and a second one the explanation. */
struct world {
	const char *record, *other;
	size_t record_len, other_len;
	unsigned asked;
};

static void
answer(struct dns_answer *out, const char *text, size_t len)
{
	out->record = xcalloc(11, sizeof *out->record);
	for (out->n = 0; out->n < 11; out->n++) {
		out->record[out->n].text = xmemdup0(text, len);
		out->record[out->n].len = len;
	}
	out->status = DNS_FOUND;
}

static void
ask(void *arg, const char *name, enum dns_type type, struct dns_answer *out)
{
	struct world *w = arg;
	size_t len = strlen(name);

	must(len > 0 && len <= 4 * 255);
	must(++w->asked <= ASKED_MAX);
	*out = (struct dns_answer){ .status = DNS_NO_DATA };
	if (type == DNS_TXT && len > 4 && strncmp(name, "exp.", 4) == 0)
		answer(out, w->other, w->other_len);
	else if (type == DNS_TXT)
		answer(out, w->record, w->record_len);
	else if (type == DNS_A)
		answer(out, "192.0.2.1", strlen("192.0.2.1"));
	else if (type == DNS_MX || type == DNS_PTR)
		answer(out, name, len);
	/* one TXT of a name; up to ten hosts of an MX */
	while (out->n > (type == DNS_TXT ? 1 : 10))
		dns_record_fini(&out->record[--out->n]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *end = size != 0 ? memchr(text, '\n', size) : NULL;
	struct world w = { .record = text, .record_len = size };
	struct spf_query q = { .ip = { .family = AF_INET,
				   .bytes = { 192, 0, 2, 77 } },
		.domain = "sub.example.com",
		.local = "a-b.c",
		.origin = "example.com",
		.helo = "helo.example.com",
		.ask = ask,
		.arg = &w };
	struct spf_answer a;

	if (end != NULL) {
		w.record_len = (size_t)(end - text);
		w.other = end + 1;
		w.other_len = size - w.record_len - 1;
	} else {
		w.other = "";
	}
	for (int quirks = 0; quirks < 2; quirks++) {
		w.asked = 0;
		q.kumomta_quirks = quirks != 0;
		spf_check(&q, &a);
		must(a.reason != NULL);
		for (const char *c = a.reason; *c != '\0'; c++)
			must(*c >= ' ' && *c <= '~');
		must(spf_result_text(a.result) != NULL);
		spf_answer_fini(&a);
	}
	return 0;
}
