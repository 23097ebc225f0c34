/*
 * regex_cache.h - patterns that were compiled already
 *
 * A policy has the same few patterns in each session, and states and epochs
 * may share them.  Some policies put what a client sent into a pattern, so
 * the cache is bounded: REGEX_CACHE_MAX patterns and REGEX_CACHE_BYTES; the
 * one that was asked for longest ago goes.
 *
 * One for the process; any thread.
 */
#ifndef KUMILTER_REGEX_CACHE_H
#define KUMILTER_REGEX_CACHE_H

#include "regex.h"

#define REGEX_CACHE_MAX 256
#define REGEX_CACHE_BYTES ((size_t)32 * 1024 * 1024)

/* As regex_new(): a reference, to be given back with regex_free(). */
struct regex *regex_cached(const char *pattern, size_t len, unsigned flags,
    int *number, struct err *err);

/* How many it holds, and their bytes: for tests. */
size_t regex_cache_count(size_t *bytes);

#endif
