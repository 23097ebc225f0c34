/*
 * windows.h - counts by window of time
 *
 * n counts for n windows that follow each other, window 0 of a sum being the
 * newest.  They stand in an array of WINDOWS_LEN(n) numbers that is all zero at
 * first.  now is the number of the window at hand (time divided by its
 * length): it normally grows, and what is n or more behind is forgotten.
 *
 * Nothing is locked here.
 */
#ifndef KUMILTER_WINDOWS_H
#define KUMILTER_WINDOWS_H

#include <stdint.h>

#define WINDOWS_LEN(n) ((size_t)(n) + 1)

void windows_add(int64_t *w, int n, int64_t now, int64_t delta);
/* The windows first to last, counted back from now; in either order. */
int64_t windows_sum(
    const int64_t *w, int n, int64_t now, int64_t first, int64_t last);
/* Take the counts of other, window by window, off those of w. */
void windows_subtract(int64_t *w, const int64_t *other, int n);

#endif
