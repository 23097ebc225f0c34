/*
 * line_diff.h - what changed between two texts, line by line
 *
 * The unified form that diff -u has, without file names.  A pure function;
 * where the changed part is too large to be compared well, it is shown as
 * deleted and added as a whole.
 */
#ifndef KUMILTER_LINE_DIFF_H
#define KUMILTER_LINE_DIFF_H

#include "str.h"

/* Nothing is added where the texts are equal.  '\r' before '\n' is dropped. */
void line_diff(struct str *out, const char *before, size_t before_len,
    const char *after, size_t after_len);

#endif
