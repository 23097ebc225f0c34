/*
 * moment.h - a point in time, to the nanosecond, in UTC
 *
 * The calendar is the Gregorian one, also before there was it; years are -9999
 * to 9999.  No leap seconds: second 60 is the first of the next minute.  No
 * state: any thread.
 */
#ifndef KUMILTER_MOMENT_H
#define KUMILTER_MOMENT_H

#include "str.h"

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

/* A time span may be negative: -0.5 s is { -1, 500000000 }. */
struct span {
	int64_t s;
	int32_t ns;
};

/* -1: the result is past the years that there are, or too long. */
int moment_at(struct moment *m, int64_t s, int32_t ns);
int moment_add(struct moment *m, const struct moment *a, struct span d);
struct span moment_since(const struct moment *a, const struct moment *b);
int span_add(struct span *sum, struct span a, struct span b);
struct span span_negate(struct span a);
/* "1h 2m 3s"; -1 for a negative one. */
int span_write(struct str *out, struct span d);

struct moment_fields {
	int year, month, day, hour, minute, second;
	int weekday; /* 0: Sunday */
	int yearday; /* 1: the first of January */
};
void moment_fields(struct moment_fields *f, const struct moment *m);

/* "2026-08-01 12:00:00.500 UTC"; a fraction of 3, 6 or 9 digits, or none. */
void moment_write(struct str *out, const struct moment *m);
/* "2026-08-01T12:00:00+00:00", with a fraction as above. */
void moment_write_rfc3339(struct str *out, const struct moment *m);
/* "Sat, 1 Aug 2026 12:00:00 +0000" */
void moment_write_rfc2822(struct str *out, const struct moment *m);

/*
 * By a format of strftime(3), names in English, with what Rust's chrono adds:
 * %f %3f %.f %.3f ... for the fraction, %:z, %-d %_d %0d for what fills up.
 * What is no conversion stands for itself.
 */
void moment_format(
    struct str *out, const struct moment *m, const char *format, size_t len);

#endif
