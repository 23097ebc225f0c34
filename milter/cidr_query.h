/*
 * cidr_query.h - networks from the rows of a database
 *
 * A column holds addresses or networks, another the value of each.  Rows
 * without a network are left out and complained about; the others count.
 */
#ifndef KUMILTER_CIDR_QUERY_H
#define KUMILTER_CIDR_QUERY_H

#include "cidr_map.h"

#include <jansson.h>

#define CIDR_QUERY_COMPLAINTS 20 /* rows named; of others only their number */

struct cidr_query {
	const json_t *uris; /* array of strings; the first that can be asked */
	const char *sql;
	/* a name, or a number from 1 on; NULL: the first column, no value */
	const char *cidr_column, *value_column;
};

/*
 * complaints gets "row 2: reason\n".  -1 when no database answers before the
 * deadline (clock_mono()), or the columns are not there.  A value of "" stands
 * for none.
 */
int cidr_query_load(struct cidr_build *b, const struct cidr_query *q,
    int64_t deadline, struct str *complaints, struct err *err);

#endif
