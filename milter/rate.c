#include "rate.h"

#include "clock.h"
#include "err.h"
#include "tick.h"

#include <pthread.h>

#define EVERY (5 * CLOCK_S)
#define LOOKS 61

static const enum metric counters[] = {
	METRIC_SESSIONS,
	METRIC_MESSAGES,
	METRIC_EVENTS,
	METRIC_REFUSED,
};
#define N (sizeof counters / sizeof *counters)

static struct {
	pthread_mutex_t lock;
	struct look {
		int64_t when;
		long value[N];
	} look[LOOKS]; /* a ring */
	unsigned n;    /* so many were taken */
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct look
look_now(void)
{
	struct look l = { .when = clock_mono() };

	for (size_t i = 0; i < N; i++)
		l.value[i] = metric_get(counters[i]);
	return l;
}

static enum tick_answer
take(struct tick *t)
{
	(void)t;
	return TICK_RUN;
}

static void
run(struct tick *t)
{
	pthread_mutex_lock(&all.lock);
	all.look[all.n++ % LOOKS] = look_now();
	pthread_mutex_unlock(&all.lock);
	tick_put(t, clock_mono() + EVERY);
}

void
rate_start(void)
{
	static struct tick tick = { .take = take, .run = run };

	tick_put(&tick, clock_mono());
}

const enum metric *
rate_counters(size_t *n)
{
	*n = N;
	return counters;
}

double
rate_of(size_t i, int seconds)
{
	struct look now = look_now(), then = now;
	unsigned kept;

	must(i < N);
	pthread_mutex_lock(&all.lock);
	kept = all.n < LOOKS ? all.n : LOOKS;
	for (unsigned k = 1; k <= kept; k++) {
		then = all.look[(all.n - k) % LOOKS];
		if (now.when - then.when >= seconds * CLOCK_S)
			break;
	}
	pthread_mutex_unlock(&all.lock);
	/* not of a moment: a single one would be many a second */
	if (now.when - then.when < CLOCK_S)
		return 0;
	return (double)(now.value[i] - then.value[i]) * (double)CLOCK_S /
	       (double)(now.when - then.when);
}
