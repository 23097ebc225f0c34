/*
 * parsers.c - is each parser's time linear in what a client sends?
 *
 *	build/bench/parsers CORPUS [SMALL [LARGE]]
 *
 * For each parser, every input that its fuzzer kept is repeated to a fifth of
 * SMALL bytes (1000000); the slowest five, and some that were thought of, are
 * then measured at SMALL and at LARGE (10000000).  Printed: the slowest of
 * them at LARGE, its time at both sizes, and the ratio: about LARGE / SMALL
 * where time is linear.
 */
#include "milter/address.h"
#include "milter/auth_results_parse.h"
#include "milter/clock.h"
#include "milter/date.h"
#include "milter/dialect.h"
#include "milter/header_text.h"
#include "milter/mailbox.h"
#include "milter/mime.h"
#include "milter/mime_param.h"
#include "milter/report.h"
#include "milter/transfer.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORST 5
#define SEED_MAX 8192

static void
run_header_text(const char *text, size_t len)
{
	struct str out = { 0 };

	header_text_decode(&out, text, len);
	str_fini(&out);
}

static void
run_mailbox(const char *text, size_t len)
{
	free(mailbox_list_parse(text, len, NULL));
}

static void
run_address(const char *text, size_t len)
{
	struct address a = { 0 };

	if (address_parse(&a, text, len, NULL) == 0)
		address_fini(&a);
}

static void
run_mime_param(const char *text, size_t len)
{
	struct mime_value v;

	mime_value_parse(&v, text, len);
	mime_value_fini(&v);
}

static void
run_auth_results(const char *text, size_t len)
{
	json_decref(auth_results_parse(text, len, NULL));
}

static void
run_date(const char *text, size_t len)
{
	int64_t at;

	(void)date_parse(text, len, &at);
}

static void
run_mime(const char *text, size_t len)
{
	mime_free(mime_parse(text, len));
}

static void
run_report(const char *text, size_t len)
{
	struct mime_tree *tree = mime_parse(text, len);

	json_decref(report_parse_delivery(tree->root));
	json_decref(report_parse_feedback(tree->root));
	mime_free(tree);
}

static void
run_transfer(const char *text, size_t len)
{
	static const char *const names[] = { "base64", "quoted-printable" };

	for (size_t i = 0; i < 2; i++) {
		struct str out = { 0 };

		transfer_decode(&out,
		    transfer_named(names[i], strlen(names[i])), text, len);
		str_fini(&out);
	}
}

static void
run_dialect(const char *text, size_t len)
{
	(void)dialect_scan(text, len, NULL, NULL);
}

static const struct parser {
	const char *name, *corpus;
	void (*run)(const char *text, size_t len);
	size_t most; /* bytes that it reads at all; 0: any number */
	const char *thought_of[8];
	const char *head; /* goes before those */
} parsers[] = {
	{ "RFC 2047 headers", "header_text", run_header_text, 0,
	    { "=?utf-8?q?=41?= ", "=?", "=?utf-8?b?QUFB?=", "\r\n ",
		"?=?=?=", "=?iso-2022-jp?b?GyRC?=" } },
	{ "addresses of headers", "mailbox", run_mailbox, MAILBOX_TEXT_MAX,
	    { "(", "\"\\", "a@b,", "<@a,@a:", "a:;", "a:b@c;",
		"=?utf-8?q?a?= ", "()" } },
	{ "envelope addresses", "address", run_address, 0,
	    { "<", "a.", "\\\"", "@a:", "\xc3\xa9." } },
	{ "RFC 2231 parameters", "mime_param", run_mime_param, 0,
	    { ";a*0=b", ";a*0*=utf-8''%41", "(", "\"", ";=", "; a=\"\\" } },
	{ "Authentication-Results", "mime_param", run_auth_results, 0,
	    { "; spf=pass a.b=c", "(", "; a=b (c) reason=\"d\"" } },
	{ "dates", "date", run_date, 0, { "(", " ", "Mon, ", "9" } },
	{ "MIME trees", "mime", run_mime, 0,
	    { "--a\r\n", "\r\n", "A: b\r\n\r\n--a\r\n", "--b\r\n", "--a",
		"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n",
		"Content-Type: message/rfc822\r\n\r\n" },
	    "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" },
	{ "delivery reports", "report", run_report, 0,
	    { "Final-Recipient: rfc822; a@b\r\n", "\r\n", "A:\r\n" } },
	{ "transfer encodings", "transfer", run_transfer, 0,
	    { "=", "=3D", "=\r\n", "QUFB", " \r\n", "=4" } },
	{ "Lua for other versions", "dialect", run_dialect, 0,
	    { "if ", "(", "--[[", "\"\\", "a b ", "function " } },
};

struct seed {
	const char *head; /* or NULL */
	char text[SEED_MAX], name[80];
	size_t len;
	int64_t took;
};

static int64_t
measure(const struct parser *p, const struct seed *seed, size_t size)
{
	size_t head = seed->head != NULL ? strlen(seed->head) : 0;
	char *text = malloc(head + size + 1);
	int64_t begin;

	if (text == NULL)
		return 0;
	size -= size % seed->len; /* whole ones, at each size */
	if (head > 0)
		memcpy(text, seed->head, head);
	for (size_t i = 0; i < size; i++)
		text[head + i] = seed->text[i % seed->len];
	text[head + size] = '\0';
	begin = clock_mono();
	p->run(text, head + size);
	begin = clock_mono() - begin;
	free(text);
	return begin;
}

/* Keep the slowest, in no order. */
static void
keep(struct seed worst[WORST], const struct seed *seed)
{
	int least = 0;

	for (int i = 1; i < WORST; i++)
		if (worst[i].took < worst[least].took)
			least = i;
	if (seed->took > worst[least].took)
		worst[least] = *seed;
}

static void
try_corpus(const struct parser *p, const char *folder, size_t size,
    struct seed worst[WORST])
{
	static struct seed seed;
	char path[1024];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "%s/%s", folder, p->corpus);
	d = opendir(path);
	if (d == NULL) {
		perror(path);
		exit(1);
	}
	while ((e = readdir(d)) != NULL) {
		FILE *f;

		snprintf(path, sizeof path, "%s/%s/%s", folder, p->corpus,
		    e->d_name);
		f = e->d_name[0] != '.' ? fopen(path, "re") : NULL;
		if (f == NULL)
			continue;
		seed.len = fread(seed.text, 1, sizeof seed.text, f);
		fclose(f);
		if (seed.len == 0)
			continue;
		snprintf(seed.name, sizeof seed.name, "%.12s", e->d_name);
		seed.took = measure(p, &seed, size);
		keep(worst, &seed);
	}
	closedir(d);
}

static void
try_thoughts(const struct parser *p, size_t size, struct seed worst[WORST])
{
	static struct seed seed;

	for (int i = 0; i < 8 && p->thought_of[i] != NULL; i++) {
		seed.head = p->head;
		seed.len = strlen(p->thought_of[i]);
		memcpy(seed.text, p->thought_of[i], seed.len);
		snprintf(seed.name, sizeof seed.name, "thought %d", i + 1);
		seed.took = measure(p, &seed, size);
		keep(worst, &seed);
	}
}

static int64_t
best_of_three(const struct parser *p, const struct seed *seed, size_t size)
{
	int64_t best = measure(p, seed, size);

	for (int i = 0; i < 2; i++) {
		int64_t took = measure(p, seed, size);

		best = took < best ? took : best;
	}
	return best;
}

static void
report(const struct parser *p, const char *folder, size_t small, size_t large)
{
	static struct seed worst[WORST];
	int64_t a = 0, b = 0;
	int which = 0;

	if (p->most != 0 && large > p->most) {
		large = p->most;
		small = large / 10;
	}
	memset(worst, 0, sizeof worst);
	try_corpus(p, folder, small / 5, worst);
	try_thoughts(p, small / 5, worst);
	for (int i = 0; i < WORST && worst[i].len != 0; i++) {
		int64_t at = best_of_three(p, &worst[i], large);

		if (at > b) {
			b = at;
			a = best_of_three(p, &worst[i], small);
			which = i;
		}
	}
	printf(
	    "%-24s %8.2f ms for %8zu  %9.2f ms for %8zu  ratio %5.1f  (%s)\n",
	    p->name, (double)a / CLOCK_MS, small, (double)b / CLOCK_MS, large,
	    a > 0 ? (double)b / (double)a : 0.0, worst[which].name);
}

int
main(int argc, char **argv)
{
	size_t small = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;
	size_t large = argc > 3 ? strtoul(argv[3], NULL, 10) : 10000000;

	if (argc < 2) {
		fputs("usage: parsers CORPUS [SMALL [LARGE]]\n", stderr);
		return 64;
	}
	/* memory is kept, or large inputs would measure page faults */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	for (size_t i = 0; i < sizeof parsers / sizeof *parsers; i++)
		report(&parsers[i], argv[1], small, large);
	return 0;
}
