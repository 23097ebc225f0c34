/*
 * seldom.h - what is done once in a while and no more often
 *
 * A table for the whole process of what was done when, by name; of 256 names
 * that with the earliest end is forgotten for a new one.  Any thread may ask.
 */
#ifndef KUMILTER_SELDOM_H
#define KUMILTER_SELDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Was it not done in the last `interval` ns?  Then it is done now. */
bool seldom_may(const char *name, size_t len, int64_t interval);

#endif
