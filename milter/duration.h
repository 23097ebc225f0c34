/*
 * duration.h - "1h 30m" and "64MB" as numbers, and back
 *
 * Durations are nanoseconds and never negative.  The text is that of Rust's
 * humantime, which KumoMTA takes: one or more terms NUMBER UNIT, with or
 * without spaces, that add up.
 *   nanos nsec ns | micros usec us | millis msec ms
 *   seconds second secs sec s | minutes minute mins min m
 *   hours hour hrs hr h | days day d | weeks week wks wk w
 *   months month M (30.44 days) | years year yrs yr y (365.25 days)
 * Case matters (M and m).  Numbers are whole; a number without a unit is an
 * error, but for "0".
 *
 * Sizes are bytes: NUMBER [UNIT], with units k m g t in either case, alone
 * or with "B" or "iB".  All are powers of 1024: "64MB" and "64MiB" are the
 * same, as in the limits of other mail software.
 */
#ifndef KUMILTER_DURATION_H
#define KUMILTER_DURATION_H

#include "err.h"
#include "str.h"

#include <stddef.h>
#include <stdint.h>

int duration_parse(const char *text, int64_t *ns, struct err *err);

/* Appends "1h 2m 3s", "2days", "1month", "0s".  Negative is written as 0s. */
void duration_format(struct str *out, int64_t ns);

int size_parse(const char *text, size_t *size, struct err *err);

#endif
