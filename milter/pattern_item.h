/*
 * pattern_item.h - what one byte of the subject is held against
 *
 * Part of pattern.c: an item of a pattern is a byte, '.', a class such as %a
 * or a [set].  Sets are decoded once into 256 bits and kept in the struct
 * pattern, as many as fit.
 */
#ifndef KUMILTER_PATTERN_ITEM_H
#define KUMILTER_PATTERN_ITEM_H

#include "pattern.h"

struct pattern_item {
	enum { ITEM_BYTE, ITEM_ANY, ITEM_SET } kind;
	unsigned char byte;   /* ITEM_BYTE */
	uint32_t flip;        /* ITEM_SET: 1 = the bytes not in bits */
	const uint32_t *bits; /* ITEM_SET */
};

/*
 * Decode the item at p, which is before the pattern's end, and give what is
 * behind it; NULL with m->error set where it is malformed.  *it is good until
 * the next call.
 */
const unsigned char *pattern_item_decode(
    struct pattern *m, const unsigned char *p, struct pattern_item *it);

static inline bool
pattern_item_holds(const struct pattern_item *it, unsigned char c)
{
	if (it->kind == ITEM_SET)
		return ((it->bits[c >> 5] >> (c & 31)) & 1) != it->flip;
	return it->kind == ITEM_ANY || it->byte == c;
}

#endif
