/*
 * lmem.h - the memory of one Lua state, counted and bounded
 *
 * An allocator for lua_newstate().  Above the soft limit it goes on giving
 * small blocks (LuaJIT can crash when one fails at the wrong moment) but says
 * so in over, which the engine's count hook sees within a thousand
 * instructions; a single request of LMEM_LARGE or more, or any above the
 * emergency cap, fails, and Lua raises "not enough memory" cleanly.
 *
 * Requests fail only while armed, which is while Lua runs in a protected call:
 * the engine's own pushes around it have nobody to raise to, and even a short
 * string can make LuaJIT enlarge the table of all strings.
 *
 * Only the thread that holds the state touches it, except for reading used.
 */
#ifndef KUMILTER_LMEM_H
#define KUMILTER_LMEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define LMEM_LARGE ((size_t)256 * 1024)

struct lmem {
	atomic_size_t used;
	size_t soft; /* 0 = no limit */
	bool over;   /* the soft limit was passed since lmem_arm() */
	bool armed;  /* requests may fail */
	/* Told before a request fails; it must not allocate from here. */
	void (*refusing)(struct lmem *m);
};

void *lmem_alloc(void *ud, void *ptr, size_t osize, size_t nsize);
void lmem_arm(struct lmem *m);
void lmem_disarm(struct lmem *m);
size_t lmem_used(const struct lmem *m);

#endif
