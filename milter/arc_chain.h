/*
 * arc_chain.h - the ARC header fields of a message as sets (RFC 8617, 5.2)
 *
 * A set is the three fields of one instance.  What is wrong with their
 * structure is found here, without the DNS and without cryptography; what
 * stands in them is still a stranger's.  No more than 50 sets are looked at,
 * however many fields there are.  Any thread.
 */
#ifndef KUMILTER_ARC_CHAIN_H
#define KUMILTER_ARC_CHAIN_H

#include "err.h"
#include "header.h"

#include <stdbool.h>

#define ARC_SETS_MAX 50

/* In the order in which a seal signs them. */
enum arc_field { ARC_RESULTS, ARC_SIGNATURE, ARC_SEAL, ARC_FIELDS };

enum arc_status { ARC_NONE, ARC_PASS, ARC_FAIL };

struct arc_set {
	const struct header *field[ARC_FIELDS]; /* NULL: there is none */
};

struct arc_chain {
	struct arc_set set[ARC_SETS_MAX]; /* that of i=1 is the first */
	unsigned n; /* the highest instance there is, its set whole or not */
	bool any;   /* there are fields of ARC, if only one */
	bool
	    cut_short; /* more of them than 50 sets have: the rest is unknown */
	bool ended;    /* the newest seal says cv=fail */
};

/*
 * Borrows from the headers.  -1 with *err: no chain that can pass; the sets
 * that were found are told nevertheless.
 */
int arc_chain_collect(
    struct arc_chain *c, const struct headers *headers, struct err *err);

bool arc_set_is_whole(const struct arc_set *s);

/* "ARC-Seal" */
const char *arc_field_name(enum arc_field field);
/* Is it the name of one of the three? */
bool arc_is_field(const char *name);
/* "pass" */
const char *arc_status_text(enum arc_status status);

#endif
