/*
 * api_calls.h - which functions of the module kumo a policy's text calls
 *
 * Only tokens are looked at: "kumo", names behind dots, and what begins the
 * arguments of a call.  A call by another name (local k = kumo) is not seen.
 */
#ifndef KUMILTER_API_CALLS_H
#define KUMILTER_API_CALLS_H

#include <stddef.h>

#define API_CALL_MAX 128 /* bytes of a name, its end included */

/* name: "kumo.dns.lookup_ptr"; for the length of the call. */
typedef void api_call_found(void *arg, int line, const char *name);

/* Calls found for each call, in order.  Names the text gives a value to, such
 * as "kumo.mine = " or "function kumo.mine()", are its own and left out. */
void api_calls_scan(
    const char *text, size_t len, api_call_found *found, void *arg);

#endif
