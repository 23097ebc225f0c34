/*
 * status.h - how the daemon is
 *
 * One gathering for all who ask: `kumilter status`, the metrics and their
 * page.  kumilter-metrics(7) describes the object's members.
 */
#ifndef KUMILTER_STATUS_H
#define KUMILTER_STATUS_H

#include "str.h"

#include <jansson.h>

/* Once, when the daemon begins: until then rates are 0. */
void status_start(void);

/* A new reference. */
json_t *status_json(void);
/* The same as text. */
void status_print(struct str *out);

#endif
