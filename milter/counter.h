/*
 * counter.h - numbers of the process that policies count in, by path
 *
 * One number for all Lua states and all policies after each other, from its
 * first use to the end of the process or its unlinking.  Whoever holds a
 * handle counts without a lock.  COUNTER_MAX paths are kept: a new one pushes
 * out the one that was looked up longest ago, whose handles go on counting
 * for themselves.
 *
 * Any thread may call anything here.
 */
#ifndef KUMILTER_COUNTER_H
#define KUMILTER_COUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNTER_MAX 65536
#define COUNTER_PATH_MAX 512

struct counter;

/* Made with 0 if there is none; path has at most COUNTER_PATH_MAX bytes. */
struct counter *counter_open(const char *path, size_t len);
void counter_unref(struct counter *c);

/* A sum past the ends of an int64_t stays there. */
int64_t counter_add(struct counter *c, int64_t delta); /* the new value */
int64_t counter_read(const struct counter *c);
void counter_reset(struct counter *c);

/* Forget the path; false: there was none.  Handles keep their number. */
bool counter_unlink(const char *path, size_t len);

#endif
