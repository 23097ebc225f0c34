/*
 * cidr_named.h - the maps of networks that policies gave a name
 *
 * One map for all Lua states, kept when a policy is loaded again.  A map read
 * from a file is read anew when it was asked for after its time of refresh
 * and the file has changed since, one from a database when it was asked for
 * after that time: in a thread of its own, the old one serving meanwhile and
 * for good where the new one cannot be read.  Lines that cannot be read and
 * what a refresh could not do are in the log.
 *
 * Any thread may call anything here; defining and reloading read files and ask
 * databases.
 */
#ifndef KUMILTER_CIDR_NAMED_H
#define KUMILTER_CIDR_NAMED_H

#include "ip.h"
#include "rbldnsd.h"

#include <jansson.h>

#define CIDR_NAMED_MAX 64
#define CIDR_NAMED_NAME_MAX 255
#define CIDR_NAMED_NETWORKS ((size_t)4000000)

struct cidr_terms {
	/* a file, or { "uris", "sql", "cidr_column", "value_column" } as in
	 * cidr_query.h; neither: an empty map */
	const char *path;
	const json_t *query;
	int64_t deadline; /* clock_mono() for a database; 0: 30 s from now */
	enum rbldnsd_value value;
	int64_t refresh; /* ns; 0: only cidr_named_reload() */
	bool interpolate;
};

/*
 * Terms that are as they were and a file that is as it was change nothing.
 * -1: the file cannot be read, or there are CIDR_NAMED_MAX names.
 */
int cidr_named_define(
    const char *name, const struct cidr_terms *terms, struct err *err);
int cidr_named_reload(const char *name, int64_t deadline, struct err *err);

/*
 * 1: *out has the value's text added; 0: no network covers the address; -1: no
 * such name.  now is clock_mono(): it may begin a refresh, which
 * cidr_named_settle() waits for.
 */
int cidr_named_query(
    const char *name, const struct ip *ip, int64_t now, struct str *out);
void cidr_named_settle(void);

#endif
