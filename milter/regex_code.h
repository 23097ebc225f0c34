/*
 * regex_code.h - a pattern as regex.c compiles and regex_search.c runs it
 *
 * There are two forms of one.  The first asks only at each place where a match
 * may begin, so that PCRE2 finds those as fast as it can; the other asks
 * before each item of the pattern, and can be counted.  regex_search.c says
 * when which is used.
 */
#ifndef KUMILTER_REGEX_CODE_H
#define KUMILTER_REGEX_CODE_H

#include "regex.h"
#include "str.h"

#ifdef HAVE_PCRE2

#include <stdatomic.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct regex {
	atomic_int refs;
	pcre2_code *code;
	_Atomic(pcre2_code *) counted; /* NULL: not needed yet */
	struct str pattern;            /* as both are made of it */
	unsigned flags;
	bool from_start; /* has \G: a search begins where it was told to */
	uint32_t names, name_size;
	PCRE2_SPTR name_table;
};

/* The second form; NULL: PCRE2 finds that too large. */
const pcre2_code *regex_counted(struct regex *re);

#endif
#endif
