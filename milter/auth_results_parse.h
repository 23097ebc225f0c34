/*
 * auth_results_parse.h - an Authentication-Results header read (RFC 8601)
 *
 * The other way is auth_results.h, whose objects these are:
 *   { serv_id [, version], results = array of { method, result
 *   [, method_version] [, reason], props = { ["ptype.property"] = value } } }
 * "none" is no result.  Comments are skipped.  Linear in len; any thread.
 */
#ifndef KUMILTER_AUTH_RESULTS_PARSE_H
#define KUMILTER_AUTH_RESULTS_PARSE_H

#include "err.h"

#include <jansson.h>

/* The caller's, or NULL with *err. */
json_t *auth_results_parse(const char *text, size_t len, struct err *err);

#endif
