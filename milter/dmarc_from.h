/*
 * dmarc_from.h - the domains that a message's From: claims (RFC 7489, 6.6.1)
 *
 * What a reader is shown as the sender may be written so that a checker sees
 * somebody else: two From: fields, a broken one, a crowd of addresses.  Those
 * are told apart from a From: that claims no domain at all.
 */
#ifndef KUMILTER_DMARC_FROM_H
#define KUMILTER_DMARC_FROM_H

#include "header.h"

#include <stdbool.h>
#include <stddef.h>

/* More of them are as good as none: each costs lookups. */
#define DMARC_FROM_MAX 4

struct dmarc_from {
	/* Without doubles; lower case and A-labels, as address.h has them */
	char *domain[DMARC_FROM_MAX];
	size_t n;
	bool broken;     /* not what a message may have: n is 0 */
	const char *why; /* there is no domain; or NULL */
};

/*
 * kumomta_quirks: only the first field counts, all that is no single address
 * is a From: without a domain, and nothing is broken.
 */
void dmarc_from_read(
    struct dmarc_from *out, const struct headers *h, bool kumomta_quirks);
void dmarc_from_fini(struct dmarc_from *f);

#endif
