#include "dns.h"

#include "clock.h"
#include "dns_resolver.h"
#include "metric.h"
#include "str.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_UNBOUND
#include <unbound.h>

#define CNAMES_MAX 8

/* Of who waits and of who will tell; the last of them frees it. */
struct question {
	pthread_mutex_t lock;
	pthread_cond_t told;
	int refs;
	bool done;
	enum dns_type type;
	struct dns_answer answer;
};

static struct question *
question_new(enum dns_type type)
{
	struct question *q = xcalloc(1, sizeof *q);
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->told, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&q->lock, NULL);
	q->type = type;
	q->refs = 1;
	return q;
}

/* The lock is held. */
static void
question_leave(struct question *q)
{
	bool last = --q->refs == 0;

	pthread_mutex_unlock(&q->lock);
	if (!last)
		return;
	dns_answer_fini(&q->answer);
	pthread_cond_destroy(&q->told);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* MX, the best first; equal ones stay in their order. */
static void
sort_records(struct dns_answer *a)
{
	for (size_t i = 1; i < a->n; i++) {
		struct dns_record one = a->record[i];
		size_t at = i;

		for (; at > 0 && a->record[at - 1].preference > one.preference;
		     at--)
			a->record[at] = a->record[at - 1];
		a->record[at] = one;
	}
}

static void
take_records(
    struct dns_answer *a, const struct ub_result *r, enum dns_type type)
{
	size_t n = 0;

	while (n < DNS_RECORDS_MAX && r->data[n] != NULL)
		n++;
	a->record = xcalloc(n + 1, sizeof *a->record);
	for (size_t i = 0; i < n; i++)
		if (r->len[i] >= 0 && dns_record_read(&a->record[a->n], type,
					  r->data[i], (size_t)r->len[i]) == 0)
			a->n++;
	sort_records(a);
	a->status = a->n != 0 ? DNS_FOUND : DNS_SERVFAIL;
}

static void
take_result(struct dns_answer *a, const struct ub_result *r, enum dns_type type)
{
	if (r->canonname != NULL)
		a->canonical = xstrdup(r->canonname);
	if (r->havedata && r->data != NULL)
		take_records(a, r, type);
	else if (r->nxdomain)
		a->status = DNS_NO_NAME;
	else
		a->status = r->rcode == 0 ? DNS_NO_DATA : DNS_SERVFAIL;
}

static void
on_told(void *arg, const struct ub_result *result, const char *why)
{
	struct question *q = arg;
	struct dns_answer a = { .status = DNS_FAILED };

	if (result != NULL)
		take_result(&a, result, q->type);
	else
		snprintf(a.why, sizeof a.why, "%s", why);
	pthread_mutex_lock(&q->lock);
	q->answer = a;
	q->done = true;
	pthread_cond_signal(&q->told);
	question_leave(q);
}

static void
wait_for(struct question *q, int64_t deadline)
{
	struct timespec until = clock_timespec(deadline);

	while (!q->done && clock_mono() < deadline)
		pthread_cond_timedwait(&q->told, &q->lock, &until);
}

static void
ask(struct dns_resolver *r, const char *name, enum dns_type type,
    int64_t deadline, struct dns_answer *out)
{
	struct question *q;
	struct err err;

	if (dns_resolver_fails(r, name)) {
		*out = (struct dns_answer){ .status = DNS_SERVFAIL };
		return;
	}
	if (!dns_resolver_can_tell(r, name)) {
		*out = (struct dns_answer){ .status = DNS_NO_NAME };
		return;
	}
	*out = (struct dns_answer){ .status = DNS_TIMEOUT };
	q = question_new(type);
	q->refs++; /* for on_told() */
	if (dns_resolver_ask(r, name, type, on_told, q, &err) != 0) {
		q->refs--;
		out->status = DNS_FAILED;
		snprintf(out->why, sizeof out->why, "%.120s", err.msg);
	}
	pthread_mutex_lock(&q->lock);
	if (out->status == DNS_TIMEOUT)
		wait_for(q, deadline);
	if (q->done) {
		*out = q->answer;
		q->answer = (struct dns_answer){ 0 };
	}
	question_leave(q);
}

/* What libunbound does of its own, but not in zones in memory. */
static void
follow(struct dns_resolver *r, const char *name, enum dns_type type,
    int64_t deadline, struct dns_answer *out)
{
	char *at = xstrdup(name);

	for (int i = 0; out->status == DNS_NO_DATA; i++) {
		struct dns_answer alias;

		ask(r, at, DNS_CNAME, deadline, &alias);
		if (alias.status != DNS_FOUND) {
			dns_answer_fini(&alias);
			break;
		}
		free(at);
		at = xstrdup(alias.record[0].text);
		dns_answer_fini(&alias);
		dns_answer_fini(out);
		if (i < CNAMES_MAX)
			ask(r, at, type, deadline, out);
		else
			out->status = DNS_SERVFAIL;
	}
	if (out->canonical == NULL && out->status == DNS_FOUND)
		out->canonical = xstrdup(at);
	free(at);
}

static void
count(enum dns_status status, int64_t took)
{
	static const enum metric counters[] = {
		[DNS_FOUND] = METRIC_DNS_FOUND,
		[DNS_NO_DATA] = METRIC_DNS_NO_DATA,
		[DNS_NO_NAME] = METRIC_DNS_NO_NAME,
		[DNS_SERVFAIL] = METRIC_DNS_SERVFAIL,
		[DNS_TIMEOUT] = METRIC_DNS_TIMEOUT,
		[DNS_FAILED] = METRIC_DNS_FAILED,
	};

	metric_count(counters[status]);
	metric_time(METRIC_TIME_DNS, took);
}

void
dns_lookup(struct dns_resolver *r, const char *name, enum dns_type type,
    int64_t deadline, struct dns_answer *out)
{
	int64_t begin = clock_mono();

	ask(r, name, type, deadline, out);
	if (type != DNS_CNAME && dns_resolver_has_zones(r))
		follow(r, name, type, deadline, out);
	if (begin < deadline) /* else nobody waited for it */
		count(out->status, clock_mono() - begin);
}

bool
dns_is_built(void)
{
	return true;
}

#else /* HAVE_UNBOUND */

bool
dns_is_built(void)
{
	return false;
}

struct dns_resolver *
dns_resolver_get(const char *servers, struct err *err)
{
	(void)servers;
	err_set(err, "built without libunbound");
	return NULL;
}

struct dns_resolver *
dns_resolver_new(const struct dns_config *c, struct err *err)
{
	(void)c;
	return dns_resolver_get(NULL, err);
}

struct dns_resolver *
dns_resolver_ref(struct dns_resolver *r)
{
	return r;
}

void
dns_resolver_unref(struct dns_resolver *r)
{
	(void)r;
}

void
dns_lookup(struct dns_resolver *r, const char *name, enum dns_type type,
    int64_t deadline, struct dns_answer *out)
{
	(void)r;
	(void)name;
	(void)type;
	(void)deadline;
	*out = (struct dns_answer){ .status = DNS_FAILED };
}

#endif

void
dns_answer_fini(struct dns_answer *a)
{
	for (size_t i = 0; i < a->n; i++)
		dns_record_fini(&a->record[i]);
	free(a->record);
	free(a->canonical);
	*a = (struct dns_answer){ 0 };
}

void
dns_explain(struct str *out, const struct dns_answer *a, const char *name,
    enum dns_type type)
{
	static const char *const texts[] = {
		[DNS_FOUND] = "found",
		[DNS_NO_DATA] = "no such record",
		[DNS_NO_NAME] = "no such name",
		[DNS_SERVFAIL] = "the DNS servers cannot tell",
		[DNS_TIMEOUT] = "no answer in time",
		[DNS_FAILED] = "cannot be asked",
	};

	str_addf(out, "%s of %s: %s", dns_type_text(type), name,
	    a->why[0] != '\0' ? a->why : texts[a->status]);
}
