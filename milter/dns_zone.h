/*
 * dns_zone.h - zones as text
 *
 * A master file of RFC 1035, 5: $ORIGIN and $TTL, "@", names below the origin,
 * owners left out, comments, parentheses, quoted strings.  Of the records A,
 * AAAA, TXT, MX, PTR, NS and CNAME are kept; others are passed over.
 */
#ifndef KUMILTER_DNS_ZONE_H
#define KUMILTER_DNS_ZONE_H

#include "err.h"

#include <jansson.h>

#define DNS_ZONE_MAX ((size_t)1 << 20) /* bytes of a text */

/*
 * Add the origins of the text to the array zones, and to records its records
 * with all names whole: "www.example.com. 300 IN A 192.0.2.1".  -1 with *err,
 * which has the line.
 */
int dns_zone_read(json_t *zones, json_t *records, const char *text, size_t len,
    struct err *err);

#endif
