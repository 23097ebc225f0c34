/*
 * regex.h - regular expressions of PCRE2, which end
 *
 * A backtracking matcher may need longer than the world lasts: (a+)+b on
 * forty a does.  Here a search ends with an error
 *   "too many steps"    of REGEX_STEPS and four for each byte of the text: an
 *                       item of the pattern tried, a byte walked over; counted
 *                       where backtracking begins to run away
 *   "too long"          of CPU time, where there is much to be done and none
 *                       of it runs away
 *   "too much memory"   more than REGEX_HEAP
 *   "interrupted"       over() said so, which is asked every few milliseconds
 * and the same does whether PCRE2's compiler for patterns can be used or not:
 * a hardened service may have no memory that is both written and executed.
 *
 * Text and pattern are bytes, and classes know ASCII, unless the flag
 * REGEX_UTF or a leading (*UTF) or (*UTF8) says that they are UTF-8.  Then
 * what is not UTF-8 in a text is read as U+FFFD, so no text makes a search
 * fail.
 *
 * Ownership: regex_new() and regex_ref() give a reference, regex_free() takes
 * it back.  A search has its own reference and borrows the text.
 * Threads: a regex may be used by many at once, a search by one at a time.
 * Errors: -1 or NULL with *err.
 *
 * Without PCRE2 (HAVE_PCRE2) regex_new() always fails.
 */
#ifndef KUMILTER_REGEX_H
#define KUMILTER_REGEX_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGEX_STEPS 50000000ULL
#define REGEX_ASK 10000 /* steps between two calls of over() */
#define REGEX_CPU (500 * INT64_C(1000000)) /* ns */
#define REGEX_HEAP ((size_t)32 * 1024 * 1024)
#define REGEX_PATTERN_MAX ((size_t)64 * 1024)

enum regex_flag {
	REGEX_UTF = 1,
	/* \j, which PCRE2 refuses, is a j: as PCRE was before it */
	REGEX_LENIENT = 2,
	/*
	 * As Rust's regex crate, of which regex_rust.h makes the pattern: UTF-8
	 * and Unicode's classes, $ is the very end, lines end in LF.  No verbs
	 * are taken, and an empty match right behind a match is none.
	 */
	REGEX_RUST = 4,
};

struct regex;
struct regex_search;

bool regex_is_built_in(void);

/* *number is PCRE2's for the error.  See regex_cache.h, too. */
struct regex *regex_new(const char *pattern, size_t len, unsigned flags,
    int *number, struct err *err);
struct regex *regex_ref(struct regex *re);
void regex_free(struct regex *re); /* NULL is allowed */

/* Bytes that it takes, for who keeps many. */
size_t regex_size(const struct regex *re);

/* How many groups it has, the whole match not counted. */
unsigned regex_count(const struct regex *re);

/*
 * The i-th name of a group, from 0, and the number of that group; NULL beyond
 * the last.  With (?J) several groups may have one name.
 */
const char *regex_name(const struct regex *re, unsigned i, unsigned *group);

struct regex_limits {
	bool (*over)(void *arg); /* or NULL */
	void *arg;
	int64_t cpu; /* ns of all matches together; 0: REGEX_CPU */
};

/* From the beginning of text.  limits may be NULL. */
struct regex_search *regex_search_new(struct regex *re, const char *text,
    size_t len, const struct regex_limits *limits);
void regex_search_free(struct regex_search *s); /* NULL is allowed */

/*
 * The next match behind the last one: 1; 0: there is none; -1: *err says
 * what limit was passed.  After an empty match one that is
 * not empty is looked for at the same place, as Perl does; with REGEX_RUST one
 * character further on.
 */
int regex_next(struct regex_search *s, struct err *err);

/*
 * Group i of the match, 0 is the whole.  false: it has no part in the match.
 * What it points to is valid as long as the search.
 */
bool regex_group(
    const struct regex_search *s, unsigned i, const char **text, size_t *len);

/* One more than the number of the last group with a part in the match. */
unsigned regex_groups(const struct regex_search *s);

/* The text as it is searched: the caller's, or a copy that is UTF-8. */
const char *regex_text(const struct regex_search *s, size_t *len);

#endif
