/*
 * trace_filter.h - which sessions a watcher wants to see
 *
 * As JSON: { "client": [networks], "from": [patterns], "rcpt": [patterns] };
 * of each key at least one must fit, and a key that is not there is no
 * condition.  A pattern fits an address as it is in MAIL or RCPT, whatever
 * its case: "<>" the empty one; with an '@' the whole, without one its domain
 * alone; '*' stands for anything, '?' for one byte.
 *
 * A value; it is read once and then only looked at, by any thread.
 */
#ifndef KUMILTER_TRACE_FILTER_H
#define KUMILTER_TRACE_FILTER_H

#include "ip.h"

#define TRACE_FILTER_MAX 64   /* networks, and patterns, of a key */
#define TRACE_PATTERN_MAX 512 /* bytes */

struct trace_patterns {
	char *text[TRACE_FILTER_MAX];
	size_t n;
};

struct trace_filter {
	struct ip_set clients;
	struct trace_patterns from, rcpt;
};

/* -1 with *err: *f is to be left alone then. */
int trace_filter_read(
    struct trace_filter *f, const char *json, struct err *err);
void trace_filter_fini(struct trace_filter *f);

/* ip NULL: a client without an address, whom no network has. */
bool trace_filter_client(const struct trace_filter *f, const struct ip *ip);
/* address: "<ann@example.com>", or without the brackets. */
bool trace_patterns_fit(const struct trace_patterns *p, const char *address);

#endif
