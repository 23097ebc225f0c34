/*
 * regex_replace.h - every match of a pattern replaced
 *
 * In the replacement stand for what a group matched, nothing if it has no
 * part in the match or is not in the pattern:
 *
 *   $0 to $99, \0 to \99   the group of that number; of two digits both count
 *                          if the pattern has that group, else the first
 *   ${12}, ${name}         the same, and by name
 *   \$, \\                 a dollar, a backslash
 *
 * Any other $ or \ stands for itself.  The result is bounded, since $0$0$0
 * for each byte of a message would not be: REGEX_RESULT_MAX.
 */
#ifndef KUMILTER_REGEX_REPLACE_H
#define KUMILTER_REGEX_REPLACE_H

#include "regex.h"
#include "str.h"

#define REGEX_RESULT_MAX ((size_t)128 * 1024 * 1024)

/* Appends to *out what `with` stands for at the match that s is at. */
typedef void regex_expand(struct str *out, const struct regex *re,
    const struct regex_search *s, const char *with, size_t len);

/*
 * The whole text to *out, with the first max matches replaced; max < 0: all.
 * How many were replaced, or -1 with *err.
 */
long regex_replace(struct str *out, struct regex *re, struct regex_search *s,
    const char *with, size_t with_len, long max, struct err *err);
/* The same with another notation. */
long regex_replace_as(struct str *out, struct regex *re, struct regex_search *s,
    regex_expand *as, const char *with, size_t with_len, long max,
    struct err *err);

#endif
