/*
 * pattern.h - Lua's patterns, interruptible
 *
 * The language of string.find and its sisters (Lua 5.1 manual, 5.4.1, with
 * %f and %g; %z is a zero byte): character classes, [sets], * + - ?, %bxy,
 * %f[set], %1 to %9, captures and position captures.  Patterns and subjects
 * may hold zero bytes.  Classes know ASCII, whatever the locale is.
 *
 * The matcher of LuaJIT cannot be stopped: 'a?' forty times over before
 * forty 'a' keeps a core busy for hours.  This one counts its steps, asks
 * over() after each PATTERN_STEPS of them and gives up when told to.  It
 * does not recurse: a pattern has at most one point to come back to for each
 * quantifier, and PATTERN_DEPTH bounds those.
 *
 * As in Lua a malformed pattern is found out when the matcher gets there:
 * "x[" on a subject without an x is no match, not an error.
 *
 * Ownership: pattern and subject are borrowed until the last call.
 * Threads: a struct pattern is used by one at a time; there is nothing else.
 */
#ifndef KUMILTER_PATTERN_H
#define KUMILTER_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_CAPTURES 32 /* as in Lua */
#define PATTERN_DEPTH 200
#define PATTERN_SETS 8      /* [sets] kept decoded */
#define PATTERN_STEPS 10000 /* between two calls of over() */

enum pattern_result {
	PATTERN_ERROR = -1, /* error says why, in Lua's words */
	PATTERN_NONE,
	PATTERN_MATCH,
};

enum pattern_capture {
	PATTERN_CAPTURE_BAD = -1, /* error says why */
	PATTERN_CAPTURE_TEXT,
	PATTERN_CAPTURE_POSITION,
};

struct pattern {
	/* the answer: what the last match covers, or what went wrong */
	const unsigned char *match, *stop;
	const char *error;
	unsigned captures;

	/* set these between init and match; NULL never interrupts */
	bool (*over)(void *arg);
	void *arg;

	/* the rest is the matcher's own */
	const unsigned char *begin, *end;
	const unsigned char *subject, *limit;
	long steps;
	uint32_t open; /* bit i: capture i has begun and not ended */
	unsigned sets, oldest;
	struct {
		const unsigned char *start;
		ptrdiff_t len;
	} capture[PATTERN_CAPTURES];
	struct pattern_set {
		const unsigned char *begin, *end;
		uint32_t bits[8], flip;
	} set[PATTERN_SETS];
};

/* A leading '^' is an ordinary byte here: skip it and use pattern_match. */
void pattern_init(struct pattern *m, const char *pattern, size_t pattern_len,
    const char *subject, size_t subject_len);

/* Does the pattern match at this offset (0 to subject_len)? */
enum pattern_result pattern_match(struct pattern *m, size_t at);

/* Find the first match at this offset or behind it. */
enum pattern_result pattern_search(struct pattern *m, size_t from);

/*
 * After PATTERN_MATCH: capture i, counted from 0, as text or as the offset
 * *len (from 0) of a position capture.  Where the pattern has no captures,
 * number 0 is the whole match.
 */
enum pattern_capture pattern_capture(
    struct pattern *m, unsigned i, const char **text, size_t *len);

/* Is there any byte in it that patterns give a meaning to? */
bool pattern_is_plain(const char *pattern, size_t len);

#endif
