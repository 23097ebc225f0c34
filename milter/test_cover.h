/*
 * test_cover.h - which lines of a policy ran
 *
 * Counts, for the files below one folder, from test_cover_begin() on, which
 * comes before any state is made.  One thread runs Lua.
 */
#ifndef KUMILTER_TEST_COVER_H
#define KUMILTER_TEST_COVER_H

#include <jansson.h>

void test_cover_begin(const char *folder);
/* { file: { line: count } } so far; a new reference. */
json_t *test_cover_result(void);

#endif
