/*
 * lg_hist.c - durations in buckets that widen with them; growable bytes
 */
#include "lg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUB_BITS 5
#define SUB (1u << SUB_BITS)

/* 32 buckets for each power of two: never more than 3 % off. */
static size_t
bucket_of(uint64_t ns)
{
	int e;

	if (ns < SUB)
		return (size_t)ns;
	e = 63 - __builtin_clzll(ns);
	return (size_t)(e - SUB_BITS + 1) * SUB +
	       ((ns >> (e - SUB_BITS)) & (SUB - 1));
}

static uint64_t
bucket_value(size_t i)
{
	size_t e = i / SUB;

	if (e == 0)
		return i;
	return (uint64_t)(SUB + i % SUB) << (e - 1);
}

void
hist_add(struct hist *h, uint64_t ns)
{
	h->bucket[bucket_of(ns)]++;
	h->n++;
	if (ns > h->max)
		h->max = ns;
}

uint64_t
hist_quantile(const struct hist *h, double q)
{
	uint64_t want = (uint64_t)(q * (double)h->n), seen = 0;

	for (size_t i = 0; i < HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen > want)
			return bucket_value(i);
	}
	return h->max;
}

void
buf_reserve(struct buf *b, size_t more)
{
	if (b->off > 0) {
		memmove(b->p, b->p + b->off, b->len - b->off);
		b->len -= b->off;
		b->off = 0;
	}
	if (b->len + more <= b->cap)
		return;
	b->cap = (b->len + more) * 2;
	b->p = realloc(b->p, b->cap);
	if (b->p == NULL) {
		fputs("loadgen: out of memory\n", stderr);
		exit(71);
	}
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	buf_reserve(b, n);
	memcpy(b->p + b->len, p, n);
	b->len += n;
}

void
buf_drop(struct buf *b, size_t n)
{
	b->off += n;
	if (b->off == b->len)
		b->off = b->len = 0;
}
