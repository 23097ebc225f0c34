/*
 * toml_scan.h - what the files of the TOML reader share
 *
 * A function that takes something returns false where it is not as it must
 * be; *why says so then, and the scan stands where that was seen.
 */
#ifndef KUMILTER_TOML_SCAN_H
#define KUMILTER_TOML_SCAN_H

#include "str.h"

#include <jansson.h>
#include <stdbool.h>

#define TOML_DEPTH_MAX 100

struct toml_scan {
	const char *begin, *p, *end;
	const char *why;
	int depth; /* of brackets */
	bool has_float;
};

bool toml_fail(struct toml_scan *s, const char *why);
/* The byte at n from here, or NUL behind the end. */
char toml_at(const struct toml_scan *s, size_t n);
void toml_blanks(struct toml_scan *s); /* spaces and tabs */
/* Blanks, comments and new lines. */
bool toml_gap(struct toml_scan *s);
/* A comment, if there is one; and what ends a line. */
bool toml_comment(struct toml_scan *s);
bool toml_newline(struct toml_scan *s);

/* toml_string.c: any of the four forms at its quote; appends. */
bool toml_string(struct toml_scan *s, struct str *out, bool may_be_long);

/* toml_number.c: number, date, true or false.  NULL: it is none. */
json_t *toml_word(struct toml_scan *s);
/* Is that a date or time as TOML writes it?  The bytes it takes, or 0. */
size_t toml_datetime(const char *p, size_t n);

#endif
