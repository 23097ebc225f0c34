/*
 * spf.c - checks of SPF and DMARC with a DNS that knows all answers already:
 * make bench-spf
 *
 *	build/bench/spf [-m MS] [-t THREADS]
 *
 * A nameserver of our own is asked once for everything; from then on libunbound
 * answers from its cache.  "cached" is by the clock, with THREADS at once (1),
 * and all of it: the lookups through the resolver, in the thread that waits
 * for them.  "own" is CPU time of one thread without any DNS: an array answers
 * at once.  "asked" says how many lookups one check needs.
 */
#include "t/unit/dns_server.h"

#include "milter/clock.h"
#include "milter/dmarc.h"
#include "milter/dns.h"
#include "milter/spf.h"

#include <time.h>

#define THREADS_MAX 64

static const struct dns_row zone[] = {
	{ "one.example", { "TXT v=spf1_ip4:192.0.2.7_-all" } },
	{ "many.example",
	    { "TXT v=spf1_include:a.many.example_include:b.many.example_"
	      "include:c.many.example_-all" } },
	{ "a.many.example", { "TXT v=spf1_ip4:198.51.100.0/24_~all" } },
	{ "b.many.example",
	    { "TXT v=spf1_ip4:203.0.113.0/25_ip4:203.0.113.128/25_~all" } },
	{ "c.many.example", { "TXT v=spf1_include:d.many.example_~all" } },
	{ "d.many.example", { "TXT v=spf1_ip4:192.0.2.0/24_~all" } },
	{ "mx.example", { "TXT v=spf1_mx_-all", "MX 10 m1.mx.example",
			    "MX 20 m2.mx.example", "MX 30 m3.mx.example" } },
	{ "m1.mx.example", { "A 198.51.100.1" } },
	{ "m2.mx.example", { "A 198.51.100.2" } },
	{ "m3.mx.example", { "A 192.0.2.7" } },
	{ "macro.example",
	    { "TXT v=spf1_exists:%{ir}.%{l1r+-}.x.macro.example_-all" } },
	{ "7.2.0.192.ann.x.macro.example", { "A 127.0.0.2" } },
	{ "_dmarc.one.example", { "TXT v=DMARC1;p=reject;sp=quarantine" } },
};

static struct dns_resolver *resolver;
static int64_t run_ns = 500 * CLOCK_MS;

/* ---- where answers come from -------------------------------------------- */

struct source {
	bool cached;
	unsigned asked;
};

static void
put(struct dns_answer *out, const char *text)
{
	out->record = xrealloc(out->record, (out->n + 1) * sizeof *out->record);
	out->record[out->n] =
	    (struct dns_record){ 0, xstrdup(text), strlen(text) };
	for (char *c = out->record[out->n].text; *c != '\0'; c++)
		if (*c == '_')
			*c = ' ';
	out->n++;
	out->status = DNS_FOUND;
}

static void
from_array(const char *name, enum dns_type type, struct dns_answer *out)
{
	char kind[8];

	*out = (struct dns_answer){ .status = DNS_NO_NAME };
	snprintf(kind, sizeof kind, "%s ", dns_type_text(type));
	for (size_t i = 0; i < sizeof zone / sizeof *zone; i++) {
		if (strcasecmp(zone[i].name, name) != 0)
			continue;
		out->status = DNS_NO_DATA;
		for (int k = 0; k < 6 && zone[i].answer[k] != NULL; k++)
			if (strncmp(zone[i].answer[k], kind, strlen(kind)) == 0)
				put(out, zone[i].answer[k] + strlen(kind) +
					     (type == DNS_MX ? 3 : 0));
	}
}

static void
ask(void *arg, const char *name, enum dns_type type, struct dns_answer *out)
{
	struct source *s = arg;

	s->asked++;
	if (s->cached)
		dns_lookup(
		    resolver, name, type, clock_mono() + 5 * CLOCK_S, out);
	else
		from_array(name, type, out);
}

/* ---- what is checked ---------------------------------------------------- */

static void
check_spf(struct source *s, const char *domain)
{
	struct spf_query q = { .ip = { .family = AF_INET,
				   .bytes = { 192, 0, 2, 7 } },
		.domain = domain,
		.local = "ann",
		.origin = domain,
		.helo = "mail.example",
		.now = 1,
		.ask = ask,
		.arg = s };
	struct spf_answer a;

	spf_check(&q, &a);
	must(a.result == SPF_PASS);
	spf_answer_fini(&a);
}

static void
check_dmarc(struct source *s, const char *domain)
{
	const char *const dkim[] = { "other.example", "one.example" };
	struct dmarc_query q = { .from = &domain,
		.n_from = 1,
		.dkim = dkim,
		.n_dkim = 2,
		.ask = ask,
		.arg = s };
	struct dmarc_answer a;

	dmarc_check(&q, &a);
	must(a.disposition == DMARC_PASS);
	dmarc_answer_fini(&a);
}

static const struct row {
	const char *title, *domain;
	void (*check)(struct source *s, const char *domain);
} rows[] = {
	{ "SPF, one network", "one.example", check_spf },
	{ "SPF, four includes", "many.example", check_spf },
	{ "SPF, the third MX", "mx.example", check_spf },
	{ "SPF, exists with macros", "macro.example", check_spf },
	{ "DMARC, of a subdomain", "mail.one.example", check_dmarc },
};

/* ---- how fast ----------------------------------------------------------- */

static int64_t
cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * CLOCK_S + t.tv_nsec;
}

static double
own_rate(const struct row *row)
{
	struct source s = { false, 0 };
	int64_t begin = cpu_now(), now = begin;
	long n = 0;

	for (; now - begin < run_ns; now = cpu_now(), n += 100)
		for (int i = 0; i < 100; i++)
			row->check(&s, row->domain);
	return (double)n * 1e9 / (double)(now - begin);
}

struct worker {
	pthread_t thread;
	const struct row *row;
	int64_t until;
	long n;
};

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct source s = { true, 0 };

	for (; clock_mono() < w->until; w->n++)
		w->row->check(&s, w->row->domain);
	return NULL;
}

static double
cached_rate(const struct row *row, int threads, unsigned *asked)
{
	struct worker w[THREADS_MAX];
	struct source first = { true, 0 };
	int64_t begin;
	long n = 0;

	row->check(&first, row->domain); /* now it is all cached */
	*asked = first.asked;
	begin = clock_mono();
	for (int i = 0; i < threads; i++) {
		w[i] = (struct worker){ .row = row, .until = begin + run_ns };
		must(pthread_create(&w[i].thread, NULL, work, &w[i]) == 0);
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(w[i].thread, NULL);
		n += w[i].n;
	}
	return (double)n * 1e9 / (double)(clock_mono() - begin);
}

int
main(int argc, char **argv)
{
	struct dns_server *server;
	struct err err;
	int c, threads = 1;

	while ((c = getopt(argc, argv, "m:t:")) != -1)
		if (c == 'm')
			run_ns = atol(optarg) * CLOCK_MS;
		else if (c == 't' && atoi(optarg) >= 1 &&
			 atoi(optarg) <= THREADS_MAX)
			threads = atoi(optarg);
		else
			return 64;
	if (!dns_is_built()) {
		puts("bench-spf: built without libunbound");
		return 0;
	}
	server = dns_server_start(zone, sizeof zone / sizeof *zone);
	resolver = dns_resolver_get(server->address, &err);
	must(resolver != NULL);
	printf("%-26s %6s %14s %14s\n", "checks/s", "asked", "cached", "own");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned asked;
		double cached = cached_rate(&rows[i], threads, &asked);

		printf("%-26s %6u %14.0f %14.0f\n", rows[i].title, asked,
		    cached, own_rate(&rows[i]));
	}
	dns_resolver_unref(resolver);
	dns_server_stop(server);
	return 0;
}
