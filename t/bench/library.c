/*
 * library.c - what a call of the policy library costs: make bench-library
 *
 *	build/bench/library [-r ROUNDS] [-m MS] [ROW ...]
 *
 * Two sessions in two Lua states call one function over and over, at once, on
 * a thread each; policy_library.lua says how.  In each round the same two
 * threads then call what is beneath it in C, without Lua: PCRE2's pcre2_match,
 * jansson's json_loads, or the room of milter/ itself.  What is reported is
 * CPU time of the thread for one call, the median of the rounds; time that
 * other programs take does not count, but they do cost cache.  The ratio is
 * that of one round, its spread the smallest and the largest.  "wall" is by
 * the clock, and with it what the two wait for each other.
 */
#include "milter/cidr_map.h"
#include "milter/clock.h"
#include "milter/domain_map.h"
#include "milter/epoch.h"
#include "milter/event.h"
#include "milter/log.h"
#include "milter/memo.h"
#include "milter/regex_code.h"
#include "milter/throttle.h"
#include "milter/xmalloc.h"

#include <jansson.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRIES 1000000
#define KEYS 65536
#define THREADS 2
#define ROUNDS_MAX 101

#define POLICY "t/bench/policy_library.lua"
#define SAMPLE "t/bench/sample.json"
#define PATTERN "^(?:mail|smtp)\\d+-[a-z]+\\.(?:dyn|pool)\\."
#define SUBJECT "smtp1234-customer.pool.example.net"

static char *hosts[KEYS], *addresses[KEYS];
static char json_text[4096];
static struct domain_map *domains;
static struct cidr_map *networks;
static struct memo *memo;
static struct throttle_spec spec = { 1000000, 1, 1000000, true };
static struct throttle_spec slow = { 1000, 60, 1000, true };
static volatile size_t sink;

/* ---- the plain calls ---------------------------------------------------- */

static void
plain_memo(long n)
{
	for (long i = 0; i < n; i++) {
		struct memo_flight *mine = NULL, *flight = NULL;
		struct memo_value *v = NULL;

		struct memo_result r = { .json = NULL, .cost = 8 };

		if (memo_ask(memo, "key", 3, &mine, clock_mono(), &v,
			&flight) == MEMO_CALLER) {
			r.json = json_integer(42);
			v = memo_done(flight, &mine, &r, clock_mono());
		}
		sink += json_integer_value(memo_json(v)) != 0;
		memo_flight_unref(flight);
		memo_value_unref(v);
	}
}

static void
plain_throttle(long n)
{
	for (long i = 0; i < n; i++)
		sink +=
		    throttle_take(&spec, "plain", 5, clock_mono()).throttled;
}

static void
plain_throttles(long n)
{
	for (long i = 0; i < n; i++) {
		const char *host = hosts[(i + 1) % KEYS];

		sink += throttle_take(&slow, host, strlen(host), clock_mono())
			    .throttled;
	}
}

static void
plain_domain(long n)
{
	size_t len;

	for (long i = 0; i < n; i++) {
		const char *host = hosts[(i + 1) % KEYS];

		sink += domain_map_lookup(domains, host, strlen(host), &len) !=
			NULL;
	}
}

static void
plain_cidr(long n)
{
	struct ip ip;
	size_t len;

	for (long i = 0; i < n; i++)
		if (ip_parse(&ip, addresses[(i + 1) % KEYS], NULL) == 0)
			sink += cidr_map_lookup(networks, &ip, &len) != NULL;
}

#ifdef HAVE_PCRE2
static void
plain_regex(long n)
{
	PCRE2_SIZE at;
	int why;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)PATTERN,
	    PCRE2_ZERO_TERMINATED, PCRE2_UTF, &why, &at, NULL);
	pcre2_match_data *data =
	    pcre2_match_data_create_from_pattern(code, NULL);

	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	for (long i = 0; i < n; i++)
		sink += pcre2_match(code, (PCRE2_SPTR)SUBJECT, strlen(SUBJECT),
			    0, 0, data, NULL) > 0;
	pcre2_match_data_free(data);
	pcre2_code_free(code);
}
#else
#define plain_regex NULL
#endif

static void
plain_json(long n)
{
	for (long i = 0; i < n; i++) {
		json_t *value = json_loads(json_text, JSON_DECODE_ANY, NULL);

		sink += value != NULL;
		json_decref(value);
	}
}

/* name: as policy_library.lua has it */
static const struct row {
	const char *name, *plain_name;
	void (*plain)(long n);
} rows[] = {
	{ "nothing", NULL, NULL },
	{ "memoize", "memo_ask", plain_memo },
	{ "memoize-table", NULL, NULL },
	{ "throttle", "throttle_take", plain_throttle },
	{ "make-throttle", "throttle_take", plain_throttles },
	{ "domain", "domain_map_lookup", plain_domain },
	{ "cidr", "ip_parse, cidr_map_lookup", plain_cidr },
	{ "regex", "pcre2_match", plain_regex },
	{ "captures", "pcre2_match", plain_regex },
	{ "json", "json_loads", plain_json },
};

#define N_ROWS (sizeof rows / sizeof *rows)

/* ---- two threads -------------------------------------------------------- */

struct took {
	double cpu, wall; /* ns of one call */
};

struct worker {
	pthread_t thread;
	struct session *session;
	const struct row *row;
	bool plain;
	long n;
	struct took took;
};

static pthread_barrier_t barrier;

static void
call_policy(struct session *s, const char *name, long n)
{
	char *rcpt = xasprintf("<%s@%ld>", name, n);
	struct reply r = { 0 };

	event_rcpt(s, rcpt, &r);
	if (r.action != REPLY_CONTINUE) {
		fprintf(stderr, "library: %s failed\n", name);
		exit(1);
	}
	reply_fini(&r);
	free(rcpt);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	int64_t cpu, wall;

	pthread_barrier_wait(&barrier);
	cpu = clock_cpu(CLOCK_THREAD_CPUTIME_ID);
	wall = clock_mono();
	if (w->plain)
		w->row->plain(w->n);
	else
		call_policy(w->session, w->row->name, w->n);
	w->took.cpu =
	    (double)(clock_cpu(CLOCK_THREAD_CPUTIME_ID) - cpu) / (double)w->n;
	w->took.wall = (double)(clock_mono() - wall) / (double)w->n;
	return NULL;
}

/* Both at once; the mean of the two. */
static struct took
measure(struct worker w[THREADS], const struct row *row, bool plain, long n)
{
	struct took sum = { 0, 0 };

	for (int i = 0; i < THREADS; i++) {
		w[i].row = row;
		w[i].plain = plain;
		w[i].n = n;
		pthread_create(&w[i].thread, NULL, work, &w[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		sum.cpu += w[i].took.cpu / THREADS;
		sum.wall += w[i].took.wall / THREADS;
	}
	return sum;
}

/* So many calls that they take ms. */
static long
calibrate(struct worker w[THREADS], const struct row *row, bool plain, int ms)
{
	long n = 1000;
	double t = measure(w, row, plain, n).cpu;

	n = (long)(1e6 * 10 / t) + 1; /* once more, warm */
	t = measure(w, row, plain, n).cpu;
	return (long)(1e6 * ms / t) + 1;
}

/* ---- the report --------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof *values, compare);
	return n % 2 == 1 ? values[n / 2]
			  : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void
report(const struct row *row, struct worker w[THREADS], int rounds, int ms)
{
	double ours[ROUNDS_MAX], wall[ROUNDS_MAX], plain[ROUNDS_MAX],
	    ratio[ROUNDS_MAX];
	long n = calibrate(w, row, false, ms), m = 0;

	if (row->plain != NULL)
		m = calibrate(w, row, true, ms);
	for (int i = 0; i < rounds; i++) {
		struct took t, p = { 0, 0 };

		if (m != 0 && i % 2 == 1)
			p = measure(w, row, true, m);
		t = measure(w, row, false, n);
		if (m != 0 && i % 2 == 0)
			p = measure(w, row, true, m);
		ours[i] = t.cpu;
		wall[i] = t.wall;
		plain[i] = p.cpu;
		ratio[i] = m != 0 ? t.cpu / p.cpu : 0;
	}
	printf("%-14s %8.0f", row->name, median(ours, rounds));
	printf(" (%5.0f ..%6.0f) %8.0f", ours[0], ours[rounds - 1],
	    median(wall, rounds));
	if (m != 0) {
		printf(" %8.0f", median(plain, rounds));
		printf(" %6.2f", median(ratio, rounds));
		printf(" (%5.2f ..%6.2f)  %s", ratio[0], ratio[rounds - 1],
		    row->plain_name);
	}
	putchar('\n');
	fflush(stdout);
}

/* ---- what is measured --------------------------------------------------- */

static char *
domain_of(int n)
{
	return xasprintf("mail%d.example%d.net", n % 7, n);
}

static char *
network_of(int n, const char *rest)
{
	return xasprintf(
	    "%d.%d.%d.%s", n / 65536 + 16, n / 256 % 256, n % 256, rest);
}

static void
make_maps(void)
{
	struct cidr_build *b = cidr_build_new(CIDR_SMALLEST, ENTRIES);

	domains = domain_map_new();
	for (int n = 0; n < ENTRIES; n++) {
		char *name = domain_of(n), *text = network_of(n, "0/24");
		struct cidr net;

		must(domain_map_set(domains, name, strlen(name), (char *)&n,
			 sizeof n, NULL) == 0);
		must(cidr_parse(&net, text, NULL) == 0 &&
		     cidr_build_add(b, &net, (char *)&n, sizeof n, NULL) == 0);
		free(name);
		free(text);
	}
	networks = cidr_build_done(b);
}

static void
make_keys(void)
{
	for (long i = 0; i < KEYS; i++) {
		int n = (int)(i * 7919 % ENTRIES);
		char *name = domain_of(n), host[8];

		snprintf(host, sizeof host, "%d", n % 250);
		hosts[i] = xasprintf("x.%s", name);
		addresses[i] = network_of(n, host);
		free(name);
	}
}

static void
make_rest(void)
{
	struct memo_options o = { .ttl = 3600 * CLOCK_S,
		.populate_timeout = CLOCK_S,
		.capacity = 1000 };
	struct err err;
	FILE *f = fopen(SAMPLE, "re");

	memo = memo_define("plain", 5, &o, &err);
	if (f == NULL || fread(json_text, 1, sizeof json_text - 1, f) == 0) {
		perror(SAMPLE);
		exit(1);
	}
	fclose(f);
}

static struct session *
connect_one(void)
{
	struct session *s = session_new();
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0xc0000207) };
	struct reply r = { 0 };

	session_macros_begin(s, PHASE_CONNECT);
	session_set_macro(s, PHASE_CONNECT, "j", "mx.example.com");
	memcpy(&s->peer, &in, sizeof in);
	event_connect(s, &r);
	reply_fini(&r);
	event_helo(s, "client.example.com", &r);
	reply_fini(&r);
	event_mail(s, "<ann@example.com>", &r);
	reply_fini(&r);
	return s;
}

static void
load_policy(void)
{
	struct epoch_options o = { .policy = POLICY, .timeout = 600 * CLOCK_S };
	struct err err;
	struct epoch *e = epoch_load(&o, &err);

	if (e == NULL) {
		fprintf(stderr, "library: %s\n", err.msg);
		exit(1);
	}
	epoch_set_current(e);
}

static bool
is_wanted(const char *name, char **names)
{
	for (char **n = names; *n != NULL; n++)
		if (strcmp(*n, name) == 0)
			return true;
	return *names == NULL;
}

int
main(int argc, char **argv)
{
	struct worker w[THREADS];
	int opt, rounds = 15, ms = 50;

	while ((opt = getopt(argc, argv, "r:m:")) != -1) {
		if (opt == 'r')
			rounds = atoi(optarg);
		else if (opt == 'm')
			ms = atoi(optarg);
		else
			return 64;
	}
	rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
	log_set_level(LOG_LEVEL_WARN);
	make_maps();
	make_keys();
	make_rest();
	load_policy();
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		w[i].session = connect_one();
	printf("%d threads, %d rounds of %d ms; maps of %d\n", THREADS, rounds,
	    ms, ENTRIES);
	printf("%-14s %8s %18s %8s %8s %6s\n", "ns per call", "Lua", "", "wall",
	    "C", "ratio");
	for (size_t i = 0; i < N_ROWS; i++)
		if (is_wanted(rows[i].name, argv + optind))
			report(&rows[i], w, rounds, ms);
	for (int i = 0; i < THREADS; i++)
		event_close(w[i].session);
	epoch_end();
	return 0;
}
