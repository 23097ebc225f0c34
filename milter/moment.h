/*
 * moment.h - a point in time, to the nanosecond, in UTC
 *
 * The calendar is the Gregorian one, also before there was it; years are -9999
 * to 9999.  No leap seconds: second 60 is the first of the next minute.  No
 * state: any thread.
 */
#ifndef KUMILTER_MOMENT_H
#define KUMILTER_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct moment {
	int64_t s;  /* since 1970 */
	int32_t ns; /* 0 to 999999999 */
};

/* "2026-08-01T12:00:00.5+02:00" (RFC 3339).  -1: it is none. */
int moment_parse_rfc3339(struct moment *m, const char *text, size_t len);

/* -1: there is no such day or second. */
int moment_of_fields(struct moment *m, long long year, long long month,
    long long day, long long hour, long long minute, long long second);

#endif
