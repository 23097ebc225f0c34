/*
 * cidr_named.h - the maps of networks that policies gave a name
 *
 * One map for all Lua states, kept when a policy is loaded again.  A map read
 * from a file is read anew when it was asked for after its time of refresh
 * and the file has changed since: in a thread of its own, the old one serving
 * meanwhile and for good where the new one cannot be read.  Lines that cannot
 * be read and what a refresh could not do are in the log.
 *
 * Any thread may call anything here; defining and reloading read files.
 */
#ifndef KUMILTER_CIDR_NAMED_H
#define KUMILTER_CIDR_NAMED_H

#include "ip.h"
#include "rbldnsd.h"

#define CIDR_NAMED_MAX 64
#define CIDR_NAMED_NAME_MAX 255
#define CIDR_NAMED_NETWORKS ((size_t)4000000)

struct cidr_terms {
	const char *path; /* NULL: an empty map */
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
int cidr_named_reload(const char *name, struct err *err);

/*
 * 1: *out has the value's text added; 0: no network covers the address; -1: no
 * such name.  now is clock_mono(): it may begin a refresh, which
 * cidr_named_settle() waits for.
 */
int cidr_named_query(
    const char *name, const struct ip *ip, int64_t now, struct str *out);
void cidr_named_settle(void);

#endif
