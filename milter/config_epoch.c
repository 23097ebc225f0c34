#include "config_epoch.h"

#include "clock.h"
#include "tick.h"

#include <stdatomic.h>

static atomic_ulong epoch;
static void (*tell)(void);
static int64_t pause_ns;
static atomic_llong not_before; /* clock_mono() */

static enum tick_answer
take(struct tick *t)
{
	(void)t;
	atomic_store(&not_before, clock_mono() + pause_ns);
	return TICK_RUN;
}

static void
run(struct tick *t)
{
	(void)t;
	tell();
}

static struct tick tick = { .take = take, .run = run };

unsigned long
config_epoch(void)
{
	return atomic_load(&epoch);
}

void
config_epoch_on_bump(void (*told)(void), int64_t pause)
{
	tell = told;
	pause_ns = pause;
}

void
config_epoch_bump(void)
{
	int64_t now = clock_mono(), least = atomic_load(&not_before);

	atomic_fetch_add(&epoch, 1);
	if (tell != NULL)
		tick_put(&tick, now > least ? now : least);
}
