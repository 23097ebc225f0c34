/*
 * glob_cache.h - what glob_walk() answered, kept for a while
 *
 * For all states of the process: 32 answers, errors too.  Any thread; two that
 * ask for the same at once may both look.
 */
#ifndef KUMILTER_GLOB_CACHE_H
#define KUMILTER_GLOB_CACHE_H

#include "err.h"
#include "str.h"

#include <stdint.h>

/* As glob_walk(); an answer that is asked for is kept for ttl ns. */
int glob_cached(struct str *out, const char *pattern, const char *dir,
    int64_t ttl, int64_t deadline, struct err *err);

#endif
