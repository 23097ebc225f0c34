/*
 * esmtp_listener.h - what kumo.start_esmtp_listener says of a session
 *
 * Parameters are JSON objects as the policy gave them.  A milter binds no
 * SMTP port; several listeners are several profiles, told apart by the MTA's
 * local address.  Pure: no Lua, no session.
 */
#ifndef KUMILTER_ESMTP_LISTENER_H
#define KUMILTER_ESMTP_LISTENER_H

#include "err.h"
#include "ip.h"

#include <jansson.h>
#include <stdbool.h>

/* Unknown keys, wrong types and networks that are none are errors. */
int esmtp_listener_check(const json_t *params, struct err *err);

/*
 * The parameters for a session (a new object): those of the profile whose
 * listen is the local address, else of the one with its port, else of the
 * first; then what its peer map says of the client, then what its via map
 * says of the local address.  local and peer may be NULL: unknown.
 */
json_t *esmtp_listener_params(const json_t *profiles, const struct ip *local,
    int port, const struct ip *peer);

/* Put overrides over params; meta is merged key by key, the rest replaced. */
void esmtp_listener_override(json_t *params, const json_t *overrides);

/* Is this address in relay_hosts (127.0.0.1 and ::1 where none are given)? */
bool esmtp_listener_relays_for(const json_t *params, const struct ip *peer);

/* An integer parameter, or preset. */
long long esmtp_listener_number(
    const json_t *params, const char *key, long long preset);

/* A duration in ns ("30s", or a number of seconds); 0: not given. */
int64_t esmtp_listener_duration(const json_t *params, const char *key);

#endif
