#include "lmem.h"

#include <stdlib.h>

/* How far small blocks may overshoot before even they fail. */
static size_t
emergency_cap(const struct lmem *m)
{
	return m->soft * 2 + 64 * 1024 * 1024;
}

void *
lmem_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
	struct lmem *m = ud;
	size_t used = atomic_load_explicit(&m->used, memory_order_relaxed);
	size_t after;
	void *p;

	if (nsize == 0) {
		free(ptr);
		atomic_store_explicit(
		    &m->used, used - osize, memory_order_relaxed);
		return NULL;
	}
	after = used - osize + nsize;
	if (nsize > osize && m->soft != 0 && after > m->soft) {
		m->over = true;
		if (m->armed &&
		    (nsize >= LMEM_LARGE || after > emergency_cap(m))) {
			if (m->refusing != NULL)
				m->refusing(m);
			return NULL;
		}
	}
	p = realloc(ptr, nsize);
	if (p == NULL)
		return NULL;
	atomic_store_explicit(&m->used, after, memory_order_relaxed);
	return p;
}

void
lmem_arm(struct lmem *m)
{
	m->over = false;
	m->armed = true;
}

void
lmem_disarm(struct lmem *m)
{
	m->armed = false;
}

size_t
lmem_used(const struct lmem *m)
{
	return atomic_load_explicit(&m->used, memory_order_relaxed);
}
