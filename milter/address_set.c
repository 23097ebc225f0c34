#include "address_set.h"

#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void
address_set_of(struct address_set *s, const struct address *a, size_t n)
{
	*s = (struct address_set){ .cap = n };
	s->email = xcalloc(n + 1, sizeof *s->email);
	for (size_t i = 0; i < n; i++)
		s->email[i] = a[i].email;
	qsort(s->email, n, sizeof *s->email, compare);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(s->email[i], s->email[s->n - 1]) != 0)
			s->email[s->n++] = s->email[i];
}

void
address_set_fini(struct address_set *s)
{
	free(s->email);
	*s = (struct address_set){ 0 };
}

/* The first that is not below it. */
static size_t
place(const struct address_set *s, const char *email)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(s->email[mid], email) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
is_at(const struct address_set *s, size_t at, const char *email)
{
	return at < s->n && strcmp(s->email[at], email) == 0;
}

bool
address_set_has(const struct address_set *s, const struct address *a)
{
	return is_at(s, place(s, a->email), a->email);
}

bool
address_set_add(struct address_set *s, const struct address *a)
{
	size_t at = place(s, a->email);

	if (is_at(s, at, a->email))
		return false;
	if (s->n == s->cap) {
		s->cap = s->cap * 2 + 8;
		s->email = xrealloc(s->email, s->cap * sizeof *s->email);
	}
	memmove(
	    s->email + at + 1, s->email + at, (s->n - at) * sizeof *s->email);
	s->email[at] = a->email;
	s->n++;
	return true;
}
