/*
 * dns_spec.h - resolvers as policies describe them
 *
 * What KumoMTA's configure_resolver() and its like take becomes a list of
 * resolvers that are asked one after the other, as JSON that is kept with the
 * policy's settings and only read from then on.  Any thread may ask.
 */
#ifndef KUMILTER_DNS_SPEC_H
#define KUMILTER_DNS_SPEC_H

#include "dns.h"

#include <jansson.h>

#define DNS_SPECS_MAX 16   /* of a policy, and of one list */
#define DNS_ZONES_MAX 1000 /* texts of one resolver */

/*
 * config: "HickorySystemConfig", { Hickory = D }, { Unbound = D },
 * { Test = T } or { Aggregate = { config, ... } }.  NULL with *err.
 */
json_t *dns_spec_read(const json_t *config, struct err *err);

/* Make its zones: -1 with *err where one has what a zone cannot. */
int dns_spec_prepare(const json_t *spec, struct err *err);

/*
 * As dns_lookup().  The first of the list that has such records tells; if none
 * has, the first that knows that there are none; else the first.
 */
void dns_spec_lookup(const json_t *spec, const char *name, enum dns_type type,
    int64_t deadline, struct dns_answer *out);

#endif
