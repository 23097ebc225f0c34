/*
 * glob_walk.h - paths that fit a pattern, and what is in a directory
 *
 * Within one part of a path: * ? [a-z] [!a-z] and \ before a character that
 * is to be itself; none of the first two fits a dot at the beginning.  A part
 * that is ** stands for any directories, none included, but for hidden ones
 * and links.  {a,b} stands for either, before all else.
 *
 * Answers are paths, each with a NUL behind it, in the order of their bytes.
 * What cannot be read is not there.
 */
#ifndef KUMILTER_GLOB_WALK_H
#define KUMILTER_GLOB_WALK_H

#include "err.h"
#include "str.h"

#include <stdint.h>

/*
 * Append the paths below dir, relative to it; those of a pattern from "/" on
 * are whole.  -1: not a pattern, more than 100000 names were looked at, or it
 * is later than deadline (clock_mono()).
 */
int glob_walk(struct str *out, const char *pattern, const char *dir,
    int64_t deadline, struct err *err);

/* Append the paths of all that is in the directory, in no order. */
int glob_list(struct str *out, const char *dir, struct err *err);

#endif
