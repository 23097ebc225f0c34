/*
 * dns_record.h - what stands in DNS records, as text
 *
 * From a record's data as it travels to what a policy reads, and from a
 * policy's words to a name that can be asked for.  Nobody may be trusted:
 * data that ends early, points out of itself or is too long is refused.
 *
 * Names have no final dot, but for the root, which is ".".  A dot or a
 * backslash inside a label is written with a backslash before it, a byte that
 * is no printable ASCII as \DDD: a name of ours holds no NUL, no blank and no
 * line end.  TXT is what the record holds, its strings joined: any bytes.
 */
#ifndef KUMILTER_DNS_RECORD_H
#define KUMILTER_DNS_RECORD_H

#include "err.h"
#include "ip.h"
#include "str.h"

#include <stddef.h>

/* The numbers are those of the protocol. */
enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28
};

/* "mx" in any case of letters; -1 with *err, which lists the types. */
int dns_type_parse(enum dns_type *type, const char *text, struct err *err);
const char *dns_type_text(enum dns_type type);

struct dns_record {
	int preference; /* of MX; else 0 */
	char *text;     /* with a NUL behind it */
	size_t len;
};

/* 0 and *out, which is the caller's; -1: not what such a record holds. */
int dns_record_read(
    struct dns_record *out, enum dns_type type, const void *data, size_t len);
void dns_record_fini(struct dns_record *r);

/* "7.2.0.192.in-addr.arpa" for 192.0.2.7, and the like below ip6.arpa. */
void dns_reverse(struct str *out, const struct ip *ip);

/*
 * A name fit to be asked for: labels of 1 to 63 bytes, 255 in all, bytes that
 * are no printable ASCII escaped.  A final dot is allowed.  -1 with *err.
 */
int dns_name(struct str *out, const char *text, size_t len, struct err *err);
/* The same of UTF-8: labels that are no ASCII become A-labels. */
int dns_name_utf8(
    struct str *out, const char *text, size_t len, struct err *err);

#endif
