/*
 * What strangers publish and say to make a check of SPF or DMARC dear: each
 * has its result, and a bound on lookups and on what they are about.
 */
#include "unit.h"

#include "milter/dmarc.h"
#include "milter/spf.h"
#include "milter/xmalloc.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MB ((size_t)1 << 20)
#define NONE ((size_t)-1)
/* 10 terms with 10 hosts each, 10 names of the client, the records, exp */
#define ASKED_MAX (1 + 10 * 11 + 11 + 1)

/* How the DNS of an attacker answers. */
struct world {
	const char *txt; /* of every name; NULL: none */
	size_t txt_len;
	size_t txt_n; /* so often */
	size_t hosts; /* of each MX and PTR */
	size_t found; /* this many lookups, then silence; 0: all of them */
	unsigned asked;
	size_t longest;
	bool same; /* MX and PTR lead to that very name */
};

static void
put(struct dns_answer *out, size_t n, const char *text, size_t len)
{
	out->record = xcalloc(n, sizeof *out->record);
	out->n = n;
	out->status = n != 0 ? DNS_FOUND : DNS_NO_DATA;
	for (size_t i = 0; i < n; i++)
		out->record[i] =
		    (struct dns_record){ 0, xmemdup0(text, len), len };
}

static void
ask(void *arg, const char *name, enum dns_type type, struct dns_answer *out)
{
	struct world *w = arg;
	char host[64];

	*out = (struct dns_answer){ .status = DNS_NO_DATA };
	if (strlen(name) > w->longest)
		w->longest = strlen(name);
	w->asked++;
	if (w->found == NONE || (w->found != 0 && w->asked > w->found)) {
		out->status = DNS_TIMEOUT;
		return;
	}
	snprintf(host, sizeof host, "h%u.example", w->asked);
	if (type == DNS_TXT)
		put(out, w->txt_n, w->txt, w->txt_len);
	else if (type == DNS_MX || type == DNS_PTR)
		put(out, w->hosts, w->same ? name : host,
		    strlen(w->same ? name : host));
	else if (type == DNS_A)
		put(out, 1, "198.51.100.1", strlen("198.51.100.1"));
}

static enum spf_result
check(struct world *w, const char *local, const char *helo)
{
	struct spf_query q = { .ip = { .family = AF_INET,
				   .bytes = { 192, 0, 2, 7 } },
		.domain = "evil.example",
		.local = local,
		.origin = "evil.example",
		.helo = helo,
		.receiver = "mx.example.net",
		.ask = ask,
		.arg = w };
	struct spf_answer a;
	enum spf_result result;

	spf_check(&q, &a);
	result = a.result;
	ck_assert_uint_le(strlen(a.reason), 400);
	ck_assert_uint_le(a.lookups, 11);
	ck_assert_uint_le(w->asked, ASKED_MAX);
	ck_assert_uint_le(w->longest, 4 * 255);
	spf_answer_fini(&a);
	return result;
}

static const struct {
	const char *title, *record;
	size_t hosts, found;
	enum spf_result result;
	unsigned asked; /* exactly */
	bool same;
} rows[] = {
	{ "itself", "v=spf1 include:evil.example -all", 0, 0, SPF_PERMERROR, 11,
	    false },
	{ "itself, by redirect", "v=spf1 redirect=evil.example", 0, 0,
	    SPF_PERMERROR, 11, false },
	{ "two of itself in each",
	    "v=spf1 include:a.evil.example include:b.evil.example -all", 0, 0,
	    SPF_PERMERROR, 11, false },
	{ "others without end, named by macros", "v=spf1 include:a.%{d} -all",
	    0, 0, SPF_PERMERROR, 11, false },
	{ "11 hosts", "v=spf1 mx -all", 11, 0, SPF_PERMERROR, 2, false },
	{ "500 hosts", "v=spf1 mx -all", 500, 0, SPF_PERMERROR, 2, false },
	{ "10 hosts, ten times", "v=spf1 mx mx mx mx mx mx mx mx mx mx -all",
	    10, 0, SPF_FAIL, 1 + 10 * 11, false },
	{ "and once more", "v=spf1 mx mx mx mx mx mx mx mx mx mx mx -all", 10,
	    0, SPF_PERMERROR, 1 + 10 * 11, false },
	{ "500 names of the client, used in each term",
	    "v=spf1 exists:%{p}.x exists:%{p}.x ptr ptr:%{p} -all", 500, 0,
	    SPF_PASS, 1 + 11 + 1, false },
	{ "hosts that are themselves", "v=spf1 mx -all", 10, 0, SPF_FAIL, 12,
	    true },
	{ "silence at once", "v=spf1 -all", 0, NONE, SPF_TEMPERROR, 1, false },
	{ "silence later", "v=spf1 a mx include:a.evil.example -all", 1, 3,
	    SPF_TEMPERROR, 4, false },
	{ "silence for an explanation", "v=spf1 -all exp=why.evil.example", 0,
	    1, SPF_FAIL, 2, false },
	{ "silence for the client's names", "v=spf1 ptr -all", 0, 1, SPF_FAIL,
	    2, false },
};

START_TEST(row)
{
	struct world w = { .txt = rows[_i].record,
		.txt_len = strlen(rows[_i].record),
		.txt_n = 1,
		.hosts = rows[_i].hosts,
		.found = rows[_i].found,
		.same = rows[_i].same };
	enum spf_result result = check(&w, "ann", "evil.example");

	ck_assert_msg(result == rows[_i].result, "%s: %s", rows[_i].title,
	    spf_result_text(result));
	ck_assert_msg(w.asked == rows[_i].asked, "%s: asked %u times",
	    rows[_i].title, w.asked);
}
END_TEST

/* As long as a record is read at all; and a megabyte, which is not. */
#define READ_MAX 16000

static const struct {
	const char *begin, *piece, *end;
	enum spf_result result;
} large[] = {
	{ "v=spf1 ", "ip4:198.51.100.1 ", "-all", SPF_FAIL },
	{ "v=spf1 ", " ", "-all", SPF_FAIL },
	{ "v=spf1 ", "a ", "-all", SPF_PERMERROR },
	{ "v=spf1 ", "x=y ", "-all", SPF_FAIL },
	{ "v=spf1 ", "x=%{s} ", "-all", SPF_FAIL },
	{ "v=spf1 -exists:", "%{s}", ".x -all", SPF_FAIL },
	{ "v=spf1 -exists:", "%{l9999r}", ".x.y -all", SPF_FAIL },
	{ "v=spf1 -exists:", "%{p}", ".x.y -all", SPF_FAIL },
	{ "v=spf1 -exists:", "a.", "x -all", SPF_FAIL },
	{ "v=spf1 exists:", "%{", ".x -all", SPF_PERMERROR },
	{ "v=spf1 -all exp=", "%{s}.", "x", SPF_FAIL },
	{ "v=spf1 ip4:", "1", " -all", SPF_PERMERROR },
	{ "v=spf1 a/", "0", " -all", SPF_PERMERROR },
};

static enum spf_result
check_large(int i, size_t size)
{
	struct str text = { 0 };
	char local[65];
	struct world w = { .txt_n = 1, .hosts = 10 };
	enum spf_result result;

	memset(local, '.', 64);
	local[64] = '\0';
	str_adds(&text, large[i].begin);
	while (text.len + strlen(large[i].piece) <= size)
		str_adds(&text, large[i].piece);
	str_adds(&text, large[i].end);
	w.txt = text.data;
	w.txt_len = text.len;
	result = check(&w, local, "evil.example");
	str_fini(&text);
	return result;
}

START_TEST(large_row)
{
	enum spf_result result = check_large(_i, READ_MAX);

	ck_assert_msg(result == large[_i].result, "%s%s...: %s",
	    large[_i].begin, large[_i].piece, spf_result_text(result));
	ck_assert_int_eq(check_large(_i, MB), SPF_PERMERROR);
}
END_TEST

/* A megabyte of local part and of HELO, where macros use them. */
START_TEST(large_names)
{
	static const char record[] =
	    "v=spf1 exists:%{l}.x exists:%{lr-}.%{h}.x exists:%{S}.x "
	    "exists:%{H1r.}.y -all exp=%{l}";
	char *name = xcalloc(MB + 1, 1);
	struct world w = {
		.txt = record, .txt_len = sizeof record - 1, .txt_n = 1
	};

	for (size_t i = 0; i < MB; i++)
		name[i] = "a.-"[i % 3];
	check(&w, name, name);
	free(name);
}
END_TEST

/* 512 records of 2 KB, of a name that is asked for once. */
START_TEST(many_records)
{
	struct str text = { 0 };
	struct world w = { .txt_n = 512 };
	struct dmarc_answer a;
	const char *from = "evil.example";
	struct dmarc_query q = {
		.from = &from, .n_from = 1, .ask = ask, .arg = &w
	};

	str_adds(&text, "v=spf1 ");
	for (int i = 0; i < 100; i++)
		str_adds(&text, "include:example.com ");
	w.txt = text.data;
	w.txt_len = text.len;
	ck_assert_int_eq(check(&w, "ann", "x"), SPF_PERMERROR);
	ck_assert_uint_eq(w.asked, 1);
	str_clear(&text);
	str_adds(&text, "v=DMARC1;p=reject");
	for (int i = 0; i < 1000; i++)
		str_adds(&text, ";p");
	w = (struct world){
		.txt = text.data, .txt_len = text.len, .txt_n = 512
	};
	dmarc_check(&q, &a);
	ck_assert_int_eq(a.disposition, DMARC_NONE);
	ck_assert_uint_eq(w.asked, 1);
	dmarc_answer_fini(&a);
	str_fini(&text);
}
END_TEST

/* The DNS falls silent after each number of lookups. */
START_TEST(silence_anywhere)
{
	static const char record[] =
	    "v=spf1 a mx ptr ~exists:%{p}.x include:a.%{d} -all";

	for (size_t n = 1; n <= 40; n++) {
		struct world w = { .txt = record,
			.txt_len = sizeof record - 1,
			.txt_n = 1,
			.hosts = 3,
			.found = n };
		enum spf_result r = check(&w, "ann", "x.example");

		/* the record, a, mx and its hosts; who has no names has none */
		ck_assert_msg(n > 5 ? r != SPF_PASS : r == SPF_TEMPERROR,
		    "after %zu: %s", n, spf_result_text(r));
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("spf_attacks", &t);

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, row, 0, UNIT_N(rows));
	tcase_add_loop_test(t, large_row, 0, UNIT_N(large));
	tcase_add_test(t, large_names);
	tcase_add_test(t, many_records);
	tcase_add_test(t, silence_anywhere);
	return s;
}

UNIT_MAIN(suite)
