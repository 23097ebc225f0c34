/*
 * rbldnsd.h - block lists in the text format of rbldnsd, ip4set and ip6
 *
 *	# a comment; so is ; and an empty line
 *	$SOA ...               directives: passed over
 *	:127.0.0.2:text        what entries below have that say nothing
 *	192.0.2.1              also 192.0.2.0/24, 192.0.2, 192.0.2.1-192.0.2.9
 *	192.0.2.1-9 :3:text    127.0.0.3 and a text, 192.0.2.1-9:3:text as well
 *	192.0.2.1 text         a text alone
 *	2001:db8::/32 :3:text  here the blank is needed; no ranges
 *	!192.0.2.128/25        not this part
 *
 * A line that cannot be read is left out and complained about; the others
 * count.  "$" in a text stands for the address that is asked for, which is for
 * the asker to fill in.
 */
#ifndef KUMILTER_RBLDNSD_H
#define KUMILTER_RBLDNSD_H

#include "cidr_map.h"

#define RBLDNSD_LINE_MAX 4096
#define RBLDNSD_COMPLAINTS 20 /* lines named; of others only their number */

enum rbldnsd_value { RBLDNSD_A, RBLDNSD_TXT };

/*
 * complaints gets "file:line: reason\n".  -1 when the file cannot be read at
 * all (it must be a plain file) or has more networks than the builder takes.
 */
int rbldnsd_load(struct cidr_build *b, const char *path,
    enum rbldnsd_value value, struct str *complaints, struct err *err);

/* Text with each $ replaced by the address, $$ by one $. */
void rbldnsd_interpolate(
    struct str *out, const char *text, size_t len, const struct ip *ip);

#endif
