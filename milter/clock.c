#include "clock.h"

#include <errno.h>
#include <stdatomic.h>

/* Pretended time: where the wall clock stands, how far the other is ahead. */
static atomic_bool pretended;
static atomic_int_least64_t wall_now, ahead;

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		return -1;
	return (int64_t)ts.tv_sec * CLOCK_S + ts.tv_nsec;
}

int64_t
clock_mono(void)
{
	return read_clock(CLOCK_MONOTONIC) +
	       atomic_load_explicit(&ahead, memory_order_relaxed);
}

int64_t
clock_wall(void)
{
	if (clock_pretends())
		return atomic_load(&wall_now);
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_cpu(clockid_t id)
{
	return read_clock(id);
}

struct timespec
clock_timespec(int64_t ns)
{
	ns -= atomic_load_explicit(&ahead, memory_order_relaxed);
	if (ns < 0)
		ns = 0;
	return (
	    struct timespec){ .tv_sec = ns / CLOCK_S, .tv_nsec = ns % CLOCK_S };
}

void
clock_sleep_until(int64_t mono_ns)
{
	struct timespec ts = clock_timespec(mono_ns);

	while (
	    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

void
clock_pretend(int64_t wall)
{
	atomic_store(&wall_now, wall);
	atomic_store(&pretended, true);
}

bool
clock_pretends(void)
{
	return atomic_load_explicit(&pretended, memory_order_relaxed);
}

void
clock_skip(int64_t ns)
{
	atomic_fetch_add(&wall_now, ns);
	atomic_fetch_add(&ahead, ns);
}

void
clock_nap(int64_t begin, int64_t end)
{
	if (!clock_pretends())
		clock_sleep_until(end);
	else if (end > begin)
		clock_skip(end - begin);
}
