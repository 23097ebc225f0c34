/*
 * datasource.h - the databases that a policy may ask
 *
 * kumo.milter.configure{ datasources = { NAME = "sqlite:/path" } } names them;
 * an array of URIs is tried from the first on.  Kept as JSON, constant once
 * the policy is loaded: any thread may look things up.
 */
#ifndef KUMILTER_DATASOURCE_H
#define KUMILTER_DATASOURCE_H

#include "err.h"

#include <jansson.h>
#include <stddef.h>

/* Is this such a table?  The error names the entry. */
int datasource_check(const json_t *all, struct err *err);

/* The i-th URI of a name, from 0; NULL behind the last or for no such name. */
const char *datasource_uri(const json_t *all, const char *name, size_t i);

/* What sqlite_pool_run() takes, or NULL where the driver is another one. */
const char *datasource_sqlite(const char *uri);

#endif
