#include "clock.h"

#include <errno.h>

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
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_wall(void)
{
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
