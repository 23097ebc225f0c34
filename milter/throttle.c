#include "throttle.h"

#include "clock.h"
#include "lru.h"
#include "metric.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/*
 * Times are counted in ns * limit: then the distance of two events, which is
 * period / limit, is a whole number, too.  63 bits of time and 53 of limit.
 */
__extension__ typedef __int128 wide;

#define SHARDS 16

/* What a bucket is found by, in one piece and without holes. */
struct bucket_key {
	uint64_t limit, max_burst, period;
	char name[THROTTLE_NAME_MAX];
};

static struct shard {
	pthread_mutex_t lock;
	struct lru buckets; /* bucket_key -> wide, when all of it is there */
} shards[SHARDS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
begin(void)
{
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&shards[i].lock, NULL);
		lru_init(&shards[i].buckets, sizeof(wide),
		    THROTTLE_MAX / SHARDS, THROTTLE_BYTES / SHARDS, NULL);
	}
}

/* ---- what is written ---------------------------------------------------- */

/* Digits with '_' and ',' among them. */
static bool
parse_number(const char *text, size_t len, uint64_t max, uint64_t *out)
{
	bool any = false;

	*out = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '_' || text[i] == ',')
			continue;
		if (!isdigit((unsigned char)text[i]))
			return false;
		*out = *out * 10 + (uint64_t)(text[i] - '0');
		if (*out > max)
			return false;
		any = true;
	}
	return any;
}

static const struct {
	const char *name;
	uint64_t seconds;
} units[] = {
	{ "s", 1 },
	{ "sec", 1 },
	{ "second", 1 },
	{ "m", 60 },
	{ "min", 60 },
	{ "minute", 60 },
	{ "h", 3600 },
	{ "hr", 3600 },
	{ "hour", 3600 },
	{ "d", 86400 },
	{ "day", 86400 },
};

/* 0 for what is no unit. */
static uint64_t
unit_of(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strlen(units[i].name) == len &&
		    memcmp(units[i].name, name, len) == 0)
			return units[i].seconds;
	return 0;
}

static int
parse_period(const char *text, size_t len, uint64_t *period, struct err *err)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t n = 1, unit;

	if (digits > len)
		digits = len;
	unit = unit_of(text + digits, len - digits);
	if (unit == 0)
		return err_set(
		    err, "unknown period quantity %.*s", (int)len, text);
	if (digits > 0 &&
	    (!parse_number(text, digits, THROTTLE_PERIOD_MAX / unit, &n) ||
		n == 0))
		return err_set(err,
		    "invalid period %.*s: more than 0 and at most 366 days "
		    "expected",
		    (int)len, text);
	*period = n * unit;
	return 0;
}

int
throttle_parse(const char *text, struct throttle_spec *spec, struct err *err)
{
	const char *slash, *option, *s = text;
	size_t len;

	spec->local = strncmp(s, "local:", 6) == 0;
	if (spec->local)
		s += 6;
	slash = strchr(s, '/');
	if (slash == NULL)
		return err_set(err, "expected 'limit/period', got %.200s", s);
	len = (size_t)(slash - s);
	if (!parse_number(s, len, THROTTLE_LIMIT_MAX, &spec->limit))
		return err_set(err, "invalid limit '%.*s'",
		    (int)(len < 200 ? len : 200), s);
	if (spec->limit == 0)
		return err_set(err,
		    "invalid limit in %.200s: it must be greater than 0", s);
	option = strstr(slash, ",max_burst=");
	spec->max_burst = spec->limit;
	if (option != NULL && !parse_number(option + 11, strlen(option + 11),
				  THROTTLE_LIMIT_MAX, &spec->max_burst))
		return err_set(err, "invalid max_burst '%.200s'", option + 11);
	len = option != NULL ? (size_t)(option - slash - 1) : strlen(slash + 1);
	if (len > 200)
		return err_set(
		    err, "unknown period quantity %.200s", slash + 1);
	return parse_period(slash + 1, len, &spec->period, err);
}

/* ---- what happens ------------------------------------------------------- */

static int64_t
as_ns(wide t, uint64_t limit)
{
	return t > 0 ? (int64_t)((t + (wide)limit - 1) / (wide)limit) : 0;
}

/* *full: when all of the bucket is there again. */
static struct throttle_answer
decide(const struct throttle_spec *spec, wide *full, int64_t now_ns)
{
	uint64_t most =
	    spec->max_burst < spec->limit ? spec->max_burst + 1 : spec->limit;
	wide now = (wide)now_ns * (wide)spec->limit;
	wide apart = (wide)spec->period * CLOCK_S;
	wide was = *full > now ? *full : now, next = was + apart;
	wide early = next - (wide)most * apart - now;
	struct throttle_answer a = { .limit = most, .throttled = early > 0 };

	if (a.throttled)
		a.retry_after = as_ns(early, spec->limit);
	else
		was = *full = next;
	a.remaining = (uint64_t)(((wide)most * apart - (was - now)) / apart);
	a.reset_after = as_ns(was - now, spec->limit);
	return a;
}

static struct throttle_answer
ask(const struct throttle_spec *spec, const char *name, size_t len, int64_t now,
    bool take)
{
	struct bucket_key key = { spec->limit, spec->max_burst, spec->period,
		{ 0 } };
	size_t size = offsetof(struct bucket_key, name) + len;
	struct throttle_answer a;
	struct shard *s;
	wide *kept, full;
	unsigned long before;

	must(len <= THROTTLE_NAME_MAX);
	pthread_once(&once, begin);
	if (len > 0)
		memcpy(key.name, name, len);
	/* not the bits by which the table itself tells its keys apart */
	s = &shards[lru_hash(&key, size) >> 60];
	pthread_mutex_lock(&s->lock);
	before = s->buckets.evicted;
	kept = take ? lru_put(&s->buckets, &key, size)
		    : lru_get(&s->buckets, &key, size);
	full = kept != NULL ? *kept : 0;
	a = decide(spec, &full, now);
	if (take)
		*kept = full;
	metric_add(METRIC_KEYS_DROPPED, (long)(s->buckets.evicted - before));
	pthread_mutex_unlock(&s->lock);
	if (take)
		metric_count(a.throttled ? METRIC_THROTTLE_REFUSED
					 : METRIC_THROTTLE_PASSED);
	return a;
}

struct throttle_answer
throttle_take(
    const struct throttle_spec *spec, const char *name, size_t len, int64_t now)
{
	return ask(spec, name, len, now, true);
}

struct throttle_answer
throttle_look(
    const struct throttle_spec *spec, const char *name, size_t len, int64_t now)
{
	return ask(spec, name, len, now, false);
}
