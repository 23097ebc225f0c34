/*
 * date.h - "Thu, 7 Jul 1994 17:15:49 -0400": dates as mail writes them
 *
 * RFC 5322's date-time with its obsolete forms (4.3) and some that are not in
 * it but in mail.  Comments and folds may stand between any two words.
 *
 *   day of the week   may be missing or wrong; it is not looked at
 *   month             three letters of its name or more
 *   year              00 to 49 is 20xx, other years of two or three digits are
 *                     counted from 1900; 1900 to 9999
 *   seconds           may be missing; 60, a leap second, is the next minute
 *   zone              +hhmm; UT, GMT, EST and their like; any other word, a
 *                     military letter or none at all is UTC, as RFC 5322 says
 *                     of those it does not know
 *
 * Total: any bytes; linear in len.  No state: any thread.
 */
#ifndef KUMILTER_DATE_H
#define KUMILTER_DATE_H

#include <stddef.h>
#include <stdint.h>

#define DATE_SIZE sizeof "1994-07-07T21:15:49Z"

/* Seconds since 1970, UTC.  -1: this is no date. */
int date_parse(const char *text, size_t len, int64_t *at);

/* RFC 3339, UTC.  -1: the year has not four digits. */
int date_write(char out[DATE_SIZE], int64_t at);

#endif
