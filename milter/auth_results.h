/*
 * auth_results.h - an Authentication-Results header (RFC 8601), as KumoMTA
 * writes it
 *
 * results: a JSON array of objects { method, result [, method_version]
 * [, reason] [, props = { ["ptype.property"] = value }] }.  Writes the value
 * of the header: the serv-id, then each result on a line of its own and each
 * property, sorted by its name, on another.  Lines are separated by "\n\t".
 */
#ifndef KUMILTER_AUTH_RESULTS_H
#define KUMILTER_AUTH_RESULTS_H

#include "err.h"
#include "str.h"

#include <jansson.h>

/* Is it such an array?  An empty table of Lua is one, too.  -1 with *err. */
int auth_results_check(const json_t *results, struct err *err);
int auth_results_write(struct str *out, const char *serv_id,
    const json_t *results, struct err *err);

#endif
