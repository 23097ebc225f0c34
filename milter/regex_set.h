/*
 * regex_set.h - from a text to the value of a pattern that matches in it
 *
 * Patterns are Rust's (regex_rust.h).  Where several match, the one that
 * stands first in the order of their bytes counts.  Built once, then only
 * read: any number of threads may look up at once.
 */
#ifndef KUMILTER_REGEX_SET_H
#define KUMILTER_REGEX_SET_H

#include "regex.h"

#define REGEX_SET_MAX 10000

struct regex_set;

struct regex_set *regex_set_new(void);
void regex_set_free(struct regex_set *set); /* NULL is allowed */
int regex_set_add(struct regex_set *set, const char *pattern,
    size_t pattern_len, const char *value, size_t len, struct err *err);

/* When all were added; nothing is found before. */
void regex_set_done(struct regex_set *set);

/* 1, with the value; 0; -1 where a limit was passed: all searches share it. */
int regex_set_lookup(const struct regex_set *set, const char *text,
    size_t text_len, const struct regex_limits *limits, const char **value,
    size_t *len, struct err *err);
size_t regex_set_size(const struct regex_set *set); /* bytes of memory */

#endif
