/*
 * atoms.h - byte strings, each kept once, by number
 *
 * All zero is empty.  Numbers count from 0 and stay.  4 GB in all at most,
 * which the owner sees to.  Reading writes nothing, so any number of threads
 * may read at once while nobody adds.
 */
#ifndef KUMILTER_ATOMS_H
#define KUMILTER_ATOMS_H

#include "str.h"

#include <stdint.h>

#define ATOM_NONE UINT32_MAX

struct atoms {
	struct str text;
	uint32_t *end; /* where each ends in text */
	size_t n, cap;
	uint32_t *slot; /* numbers by their hash, or ATOM_NONE */
	size_t n_slots; /* 0 or a power of two */
};

uint32_t atoms_add(struct atoms *a, const char *p, size_t len);
uint32_t atoms_find(const struct atoms *a, const char *p, size_t len);
const char *atoms_get(const struct atoms *a, uint32_t i, size_t *len);
size_t atoms_size(const struct atoms *a); /* bytes of memory */
void atoms_copy(struct atoms *to, const struct atoms *from);
void atoms_fini(struct atoms *a);

#endif
