#include "throttle_shared.h"

#include "clock.h"
#include "log.h"
#include "metric.h"
#include "redis.h"
#include "redis_options.h"
#include "xmalloc.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 wide;

#define TIMEOUT (1 * CLOCK_S) /* of one answer */
#define RETRY (1 * CLOCK_S)
/* No bucket is ahead of its time by more than a period. */
#define SECONDS_MAX ((int64_t)THROTTLE_PERIOD_MAX + 1)

/*
 * A time is microseconds and a fraction in 1/limit of one, so that nothing is
 * rounded.  ARGV: the distance of two events, that of all that may be had at
 * once (both so), the limit.  Gives whether it is too much, and how far the
 * bucket's time is ahead.
 */
static const char script[] =
    "if redis.replicate_commands then redis.replicate_commands() end\n"
    "local tu, tf, wu, wf, limit = tonumber(ARGV[1]), tonumber(ARGV[2]),\n"
    "  tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])\n"
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000000 + time[2]\n"
    "local us, f = now, 0\n"
    "local kept = redis.call('GET', KEYS[1])\n"
    "local a, b = string.match(kept or '', '^(%d+):(%d+)$')\n"
    "if a and tonumber(a) >= now then us, f = tonumber(a), tonumber(b) end\n"
    "local nu, nf = us + tu, f + tf\n"
    "if nf >= limit then nu, nf = nu + 1, nf - limit end\n"
    "local eu, ef = nu - wu - now, nf - wf\n"
    "if ef < 0 then eu, ef = eu - 1, ef + limit end\n"
    "if eu > 0 or eu == 0 and ef > 0 then return {1, us - now, f} end\n"
    "redis.call('SET', KEYS[1], string.format('%.0f:%.0f', nu, nf), 'PX',\n"
    "  string.format('%.0f', math.floor((nu - now) / 1000) + 1))\n"
    "return {0, nu - now, nf}\n";

struct throttle_shared {
	struct throttle_shared *next;
	char *key;
	struct redis_client *client;
	enum throttle_without without;
	pthread_mutex_t lock;
	/* by lock */
	bool known; /* what the server has */
	bool has_cell;
	char sha[64];
	bool down;
	int64_t next_try;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct throttle_shared *all; /* by lock */

/* ---- opening ------------------------------------------------------------ */

static int
read_without(struct throttle_shared *s, json_t *options, struct err *err)
{
	static const char *const names[] = { "fallback", "allow", "throttled",
		"error" };
	const json_t *value = json_object_get(options, "milter_on_error");
	const char *text = json_string_value(value);

	if (value == NULL)
		return 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (text != NULL && strcmp(text, names[i]) == 0 &&
		    strlen(text) == json_string_length(value)) {
			s->without = (enum throttle_without)i;
			return json_object_del(options, "milter_on_error");
		}
	return err_set(err,
	    "milter_on_error: 'fallback', 'allow', 'throttled' or 'error' "
	    "expected");
}

static void
shared_free(struct throttle_shared *s)
{
	redis_client_unref(s->client);
	pthread_mutex_destroy(&s->lock);
	free(s->key);
	free(s);
}

static struct throttle_shared *
shared_new(const json_t *options, struct err *err)
{
	struct throttle_shared *s = xcalloc(1, sizeof *s);
	json_t *copy = json_copy((json_t *)options);

	pthread_mutex_init(&s->lock, NULL);
	s->key = redis_options_key(options);
	if (read_without(s, copy, err) == 0)
		s->client = redis_client_get(copy, err);
	json_decref(copy);
	if (s->client != NULL)
		return s;
	shared_free(s);
	return NULL;
}

struct throttle_shared *
throttle_shared_get(const json_t *options, struct err *err)
{
	struct throttle_shared *s = shared_new(options, err), *found;
	int n = 0;

	if (s == NULL)
		return NULL;
	pthread_mutex_lock(&lock);
	for (found = all; found != NULL; found = found->next, n++)
		if (strcmp(found->key, s->key) == 0)
			break;
	if (found == NULL && n < THROTTLE_SHARED_MAX) {
		s->next = all;
		all = found = s;
		s = NULL;
	}
	pthread_mutex_unlock(&lock);
	if (s != NULL)
		shared_free(s);
	if (found == NULL)
		err_set(err, "more than %d different servers for throttles",
		    THROTTLE_SHARED_MAX);
	return found;
}

/* ---- asking ------------------------------------------------------------- */

static void
add(struct redis_command *c, const char *text)
{
	must(redis_command_add(c, text, strlen(text), NULL) == 0);
}

/* The reply, which is no error; NULL with *err.  The command is done with. */
static struct redis_value *
call(struct throttle_shared *s, struct redis_command *command, int64_t deadline,
    struct err *err)
{
	struct redis_value *v = NULL;
	int rc = redis_client_call(s->client, command, deadline, &v, err);

	redis_command_fini(command);
	if (rc == 0 && redis_value_error(v) == NULL)
		return v;
	if (rc == 0)
		err_set(err, "Redis: %.300s", redis_value_error(v)->text);
	redis_value_free(v);
	return NULL;
}

/* What the server can, once until it was away. */
static int
learn(struct throttle_shared *s, int64_t deadline, bool *cell, char *sha,
    struct err *err)
{
	struct redis_command command = { 0 };
	struct redis_value *v;
	const struct redis_value *info;
	bool known;

	pthread_mutex_lock(&s->lock);
	known = s->known;
	*cell = s->has_cell;
	memcpy(sha, s->sha, sizeof s->sha);
	pthread_mutex_unlock(&s->lock);
	if (known)
		return 0;
	redis_command_words(&command, "COMMAND INFO CL.THROTTLE");
	v = call(s, &command, deadline, err);
	if (v == NULL)
		return -1;
	info = redis_value_at(v, 0);
	*cell = info != NULL && info->kind == REDIS_LIST;
	redis_value_free(v);
	sha[0] = '\0';
	if (!*cell) {
		redis_command_words(&command, "SCRIPT LOAD");
		add(&command, script);
		v = call(s, &command, deadline, err);
		if (v == NULL)
			return -1;
		snprintf(
		    sha, sizeof s->sha, "%s", v->text != NULL ? v->text : "");
		redis_value_free(v);
	}
	pthread_mutex_lock(&s->lock);
	s->known = true;
	s->has_cell = *cell;
	memcpy(s->sha, sha, sizeof s->sha);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static uint64_t
most_of(const struct throttle_spec *spec)
{
	return spec->max_burst < spec->limit ? spec->max_burst + 1
					     : spec->limit;
}

/* KumoMTA's key for CL.THROTTLE; our script's values are others than its. */
static void
add_key(struct redis_command *c, const char *prefix,
    const struct throttle_spec *spec, const char *name, size_t len)
{
	struct str key = { 0 };

	str_adds(&key, prefix);
	if (len > 0)
		str_add(&key, name, len);
	str_addf(&key, ":%" PRIu64 ":%" PRIu64 ":%" PRIu64, spec->limit,
	    spec->max_burst, spec->period);
	must(redis_command_add(c, key.data, key.len, NULL) == 0);
	str_fini(&key);
}

static void
add_u64(struct redis_command *c, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRIu64, n);
	add(c, text);
}

/*
 * So many integers, each from 0 to its most; anything else is no answer of a
 * throttle, and nobody is to pass because of it.  The fourth of CL.THROTTLE,
 * how long to wait, is -1 for who passes.
 */
static int
read_numbers(const struct redis_value *list, int64_t *out, const int64_t *most,
    size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct redis_value *v = redis_value_at(list, i);

		if (v == NULL || v->kind != REDIS_INT ||
		    v->i < (i == 3 ? -1 : 0) || v->i > most[i])
			return err_set(err, "Redis: not a throttle's answer");
		out[i] = v->i;
	}
	return 0;
}

static int
take_cell(struct throttle_shared *s, const struct throttle_spec *spec,
    const char *name, size_t len, int64_t deadline, struct throttle_answer *a,
    struct err *err)
{
	static const int64_t most[5] = { 1, INT64_MAX, INT64_MAX, SECONDS_MAX,
		SECONDS_MAX };
	struct redis_command command = { 0 };
	struct redis_value *v;
	int64_t n[5];
	int rc;

	redis_command_words(&command, "CL.THROTTLE");
	add_key(&command, "lua-user-throttle-", spec, name, len);
	add_u64(&command, most_of(spec) - 1);
	add_u64(&command, spec->limit);
	add_u64(&command, spec->period);
	add_u64(&command, 1);
	v = call(s, &command, deadline, err);
	if (v == NULL)
		return -1;
	rc = read_numbers(v, n, most, 5, err);
	redis_value_free(v);
	if (rc != 0)
		return -1;
	*a = (struct throttle_answer){ .throttled = n[0] == 1,
		.limit = (uint64_t)n[1],
		.remaining = (uint64_t)n[2],
		.reset_after = n[4] * CLOCK_S };
	if (a->throttled && n[3] > 0)
		a->retry_after = n[3] * CLOCK_S;
	return 0;
}

static void
script_command(struct redis_command *c, const char *how, const char *what,
    const struct throttle_spec *spec, const char *name, size_t len)
{
	wide apart = (wide)spec->period * 1000000;
	wide whole = apart * (wide)most_of(spec), limit = (wide)spec->limit;

	add(c, how);
	add(c, what);
	add(c, "1");
	add_key(c, "kumilter-throttle-", spec, name, len);
	add_u64(c, (uint64_t)(apart / limit));
	add_u64(c, (uint64_t)(apart % limit));
	add_u64(c, (uint64_t)(whole / limit));
	add_u64(c, (uint64_t)(whole % limit));
	add_u64(c, spec->limit);
}

static int
take_script(struct throttle_shared *s, const char *sha,
    const struct throttle_spec *spec, const char *name, size_t len,
    int64_t deadline, struct throttle_answer *a, struct err *err)
{
	struct redis_command command = { 0 };
	wide apart = (wide)spec->period * 1000000, ahead, early;
	wide most = (wide)most_of(spec), limit = (wide)spec->limit;
	const int64_t top[3] = { 1, SECONDS_MAX * 1000000,
		(int64_t)spec->limit };
	struct redis_value *v;
	int64_t n[3];
	int rc;

	script_command(&command, "EVALSHA", sha, spec, name, len);
	v = call(s, &command, deadline, err);
	if (v == NULL && strncmp(err->msg, "Redis: NOSCRIPT", 15) == 0) {
		script_command(&command, "EVAL", script, spec, name, len);
		v = call(s, &command, deadline, err);
	}
	if (v == NULL)
		return -1;
	rc = read_numbers(v, n, top, 3, err);
	redis_value_free(v);
	if (rc != 0)
		return -1;
	ahead = (wide)n[1] * limit + (wide)n[2];
	early = ahead + apart - most * apart;
	*a = (struct throttle_answer){ .throttled = n[0] == 1,
		.limit = (uint64_t)most,
		.remaining = ahead < most * apart
				 ? (uint64_t)((most * apart - ahead) / apart)
				 : 0,
		.reset_after = (int64_t)((ahead + limit - 1) / limit) * 1000 };
	if (a->throttled)
		a->retry_after = (int64_t)((early + limit - 1) / limit) * 1000;
	return 0;
}

/* ---- while it is away --------------------------------------------------- */

/* May this caller ask?  Of those who find it away, one at a time. */
static bool
may_ask(struct throttle_shared *s)
{
	int64_t now = clock_mono();
	bool may;

	pthread_mutex_lock(&s->lock);
	may = !s->down || now >= s->next_try;
	if (s->down && may)
		s->next_try = now + TIMEOUT + RETRY;
	pthread_mutex_unlock(&s->lock);
	return may;
}

static void
note(struct throttle_shared *s, bool down, const struct err *why)
{
	bool before;

	pthread_mutex_lock(&s->lock);
	before = s->down;
	s->down = down;
	s->next_try = clock_mono() + RETRY;
	if (down)
		s->known = false;
	pthread_mutex_unlock(&s->lock);
	if (down && !before)
		log_warn(NULL,
		    "throttles: %s: until it is back, throttles do without",
		    why->msg);
	else if (before && !down)
		log_warn(NULL, "throttles: Redis is back");
}

static int
do_without(struct throttle_shared *s, const struct throttle_spec *spec,
    const char *name, size_t len, struct throttle_answer *a)
{
	uint64_t most = most_of(spec);

	metric_count(METRIC_THROTTLES_WITHOUT);
	switch (s->without) {
	case WITHOUT_FALLBACK:
		*a = throttle_take(spec, name, len, clock_mono());
		return 0;
	case WITHOUT_ALLOW:
		*a = (struct throttle_answer){ .limit = most,
			.remaining = most };
		return 0;
	case WITHOUT_THROTTLED:
		*a = (struct throttle_answer){ .throttled = true,
			.limit = most,
			.reset_after = RETRY,
			.retry_after = RETRY };
		return 0;
	default:
		return -1;
	}
}

int
throttle_shared_ping(
    struct throttle_shared *s, int64_t deadline, struct err *err)
{
	struct redis_command command = { 0 };
	struct redis_value *v;

	redis_command_words(&command, "PING");
	v = call(s, &command, deadline, err);
	if (v == NULL)
		return -1;
	redis_value_free(v);
	return 0;
}

int
throttle_shared_take(struct throttle_shared *s,
    const struct throttle_spec *spec, const char *name, size_t len,
    int64_t deadline, struct throttle_answer *a, struct err *err)
{
	int64_t until = clock_mono() + TIMEOUT;
	char sha[sizeof s->sha];
	bool cell;
	int rc = -1;

	if (until > deadline)
		until = deadline;
	err_set(err, "throttles: Redis is away");
	if (may_ask(s)) {
		rc = learn(s, until, &cell, sha, err);
		if (rc == 0)
			rc = cell ? take_cell(s, spec, name, len, until, a, err)
				  : take_script(
					s, sha, spec, name, len, until, a, err);
		note(s, rc != 0, err);
	}
	return rc == 0 ? 0 : do_without(s, spec, name, len, a);
}
