/*
 * clock.h - time as nanoseconds
 *
 * clock_mono() never goes back and is for measuring and deadlines;
 * clock_deadline() turns one into the timespec that
 * pthread_mutex_clocklock(CLOCK_MONOTONIC) and friends want.
 */
#ifndef KUMILTER_CLOCK_H
#define KUMILTER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_MS INT64_C(1000000)
#define CLOCK_S INT64_C(1000000000)

int64_t clock_mono(void);
int64_t clock_wall(void);
int64_t clock_cpu(clockid_t id); /* CPU time of one thread; -1 if gone */
struct timespec clock_timespec(int64_t ns);
void clock_sleep_until(int64_t mono_ns);

/*
 * For simulations: from now on clock_wall() stands still at wall, and only
 * clock_skip() moves it, and clock_mono() with it.  clock_nap() is what a
 * policy's own sleeps are: until end, on clock_mono(), or a skip of what lies
 * between its begin and end.
 */
void clock_pretend(int64_t wall);
bool clock_pretends(void);
void clock_skip(int64_t ns);
void clock_nap(int64_t begin, int64_t end);

#endif
