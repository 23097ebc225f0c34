/*
 * clock.h - time as nanoseconds
 *
 * clock_mono() never goes back and is for measuring and deadlines;
 * clock_deadline() turns one into the timespec that
 * pthread_mutex_clocklock(CLOCK_MONOTONIC) and friends want.
 */
#ifndef KUMILTER_CLOCK_H
#define KUMILTER_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_MS INT64_C(1000000)
#define CLOCK_S INT64_C(1000000000)

int64_t clock_mono(void);
int64_t clock_wall(void);
int64_t clock_cpu(clockid_t id); /* CPU time of one thread; -1 if gone */
struct timespec clock_timespec(int64_t ns);
void clock_sleep_until(int64_t mono_ns);

#endif
