/*
 * cidr_table.h - what a map of networks is made of: for cidr_map and
 * cidr_build alone
 *
 * Stretch i of a family begins at address i and has the value i; it ends where
 * the next one begins.  The first one begins at the lowest address.
 */
#ifndef KUMILTER_CIDR_TABLE_H
#define KUMILTER_CIDR_TABLE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CIDR_NONE UINT32_MAX

struct cidr_v6 {
	uint64_t hi, lo;
};

struct cidr_map {
	atomic_long refs;
	uint32_t *start4, *value4;
	struct cidr_v6 *start6;
	uint32_t *value6;
	size_t n4, n6;
	/* values one behind the other, each with a NUL; where each begins */
	char *text;
	size_t *at; /* n_values + 1 of them */
	size_t n_values;
};

#endif
