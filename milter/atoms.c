#include "atoms.h"

#include "lru.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

const char *
atoms_get(const struct atoms *a, uint32_t i, size_t *len)
{
	size_t begin = i > 0 ? a->end[i - 1] : 0;

	*len = a->end[i] - begin;
	return str_c(&a->text) + begin;
}

/* The slot where it is, or where it would be. */
static size_t
place(const struct atoms *a, const char *p, size_t len)
{
	size_t mask = a->n_slots - 1;
	size_t i = (size_t)lru_hash(p, len) & mask;

	while (a->slot[i] != ATOM_NONE) {
		size_t have;
		const char *text = atoms_get(a, a->slot[i], &have);

		if (have == len && memcmp(text, p, len) == 0)
			break;
		i = (i + 1) & mask;
	}
	return i;
}

uint32_t
atoms_find(const struct atoms *a, const char *p, size_t len)
{
	return a->n == 0 ? ATOM_NONE : a->slot[place(a, p, len)];
}

static void
grow(struct atoms *a)
{
	if (a->n == a->cap) {
		a->cap = a->cap + a->cap / 2 + 16;
		a->end = xrealloc(a->end, a->cap * sizeof *a->end);
	}
	if ((a->n + 1) * 4 <= a->n_slots * 3)
		return;
	a->n_slots = a->n_slots > 0 ? a->n_slots * 2 : 16;
	a->slot = xrealloc(a->slot, a->n_slots * sizeof *a->slot);
	memset(a->slot, 0xff, a->n_slots * sizeof *a->slot);
	for (uint32_t i = 0; i < a->n; i++) {
		size_t len;
		const char *p = atoms_get(a, i, &len);

		a->slot[place(a, p, len)] = i;
	}
}

uint32_t
atoms_add(struct atoms *a, const char *p, size_t len)
{
	size_t at;

	grow(a);
	at = place(a, p, len);
	if (a->slot[at] != ATOM_NONE)
		return a->slot[at];
	str_add(&a->text, p, len);
	a->end[a->n] = (uint32_t)a->text.len;
	a->slot[at] = (uint32_t)a->n++;
	return a->slot[at];
}

size_t
atoms_size(const struct atoms *a)
{
	return a->text.cap + a->cap * sizeof *a->end +
	       a->n_slots * sizeof *a->slot;
}

void
atoms_copy(struct atoms *to, const struct atoms *from)
{
	*to = (struct atoms){
		.n = from->n, .cap = from->n, .n_slots = from->n_slots
	};
	str_add(&to->text, str_c(&from->text), from->text.len);
	to->end = xmalloc((to->cap + 1) * sizeof *to->end);
	to->slot = xmalloc((to->n_slots + 1) * sizeof *to->slot);
	if (from->n == 0)
		return;
	memcpy(to->end, from->end, to->n * sizeof *to->end);
	memcpy(to->slot, from->slot, to->n_slots * sizeof *to->slot);
}

void
atoms_fini(struct atoms *a)
{
	str_fini(&a->text);
	free(a->end);
	free(a->slot);
	*a = (struct atoms){ 0 };
}
