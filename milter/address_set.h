/*
 * address_set.h - which addresses are among many
 *
 * Addresses are the same when their email is.  Borrows them: the set is good
 * while the strings are.  A question costs little however many there are, so
 * does adding; no client can choose addresses that make it cost more.
 */
#ifndef KUMILTER_ADDRESS_SET_H
#define KUMILTER_ADDRESS_SET_H

#include "address.h"

struct address_set {
	const char **email; /* sorted, each once */
	size_t n, cap;
};

/* Of these; none for n = 0.  address_set_fini() frees it. */
void address_set_of(struct address_set *s, const struct address *a, size_t n);
void address_set_fini(struct address_set *s);

bool address_set_has(const struct address_set *s, const struct address *a);
/* false: it was there. */
bool address_set_add(struct address_set *s, const struct address *a);

#endif
