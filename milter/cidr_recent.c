#include "cidr_recent.h"

#include "cidr_map.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct cidr net;
	char *value;
	size_t len, order;
};

struct cidr_recent {
	struct entry *entry; /* in the order of setting */
	size_t n, cap;
	size_t mapped;  /* of them are in map */
	size_t compact; /* so many were there after the last compact() */
	size_t value_bytes;
	struct cidr_map *map;
};

struct cidr_recent *
cidr_recent_new(void)
{
	return xcalloc(1, sizeof(struct cidr_recent));
}

void
cidr_recent_free(struct cidr_recent *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		free(r->entry[i].value);
	free(r->entry);
	cidr_map_unref(r->map);
	free(r);
}

size_t
cidr_recent_size(const struct cidr_recent *r)
{
	return sizeof *r + r->cap * sizeof *r->entry + r->value_bytes +
	       (r->map != NULL ? cidr_map_size(r->map) : 0);
}

static int
by_network(const void *a, const void *b)
{
	const struct entry *e = a, *f = b;
	int order;

	if (e->net.ip.family != f->net.ip.family)
		return e->net.ip.family < f->net.ip.family ? -1 : 1;
	order =
	    memcmp(e->net.ip.bytes, f->net.ip.bytes, sizeof e->net.ip.bytes);
	if (order != 0)
		return order;
	if (e->net.prefix != f->net.prefix)
		return e->net.prefix < f->net.prefix ? -1 : 1;
	return e->order < f->order ? -1 : 1;
}

static int
by_order(const void *a, const void *b)
{
	const struct entry *e = a, *f = b;

	return e->order < f->order ? -1 : 1;
}

static bool
is_same(const struct cidr *a, const struct cidr *b)
{
	return a->ip.family == b->ip.family && a->prefix == b->prefix &&
	       memcmp(a->ip.bytes, b->ip.bytes, sizeof a->ip.bytes) == 0;
}

/* Of a network that was set several times the last one stays. */
static void
compact(struct cidr_recent *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++)
		r->entry[i].order = i;
	qsort(r->entry, r->n, sizeof *r->entry, by_network);
	for (size_t i = 0; i < r->n; i++) {
		if (i + 1 < r->n &&
		    is_same(&r->entry[i].net, &r->entry[i + 1].net)) {
			r->value_bytes -= r->entry[i].len;
			free(r->entry[i].value);
			continue;
		}
		r->entry[kept++] = r->entry[i];
	}
	r->n = r->compact = kept;
	qsort(r->entry, r->n, sizeof *r->entry, by_order);
}

struct cidr_map *
cidr_recent_over(const struct cidr_recent *r, const struct cidr_map *base)
{
	struct cidr_build *b = cidr_build_new(CIDR_LATEST, SIZE_MAX);

	if (base != NULL)
		must(cidr_build_add_map(b, base, NULL) == 0);
	for (size_t i = 0; i < r->n; i++) {
		const struct entry *e = &r->entry[i];

		must(cidr_build_add(b, &e->net, e->value, e->len, NULL) == 0);
	}
	return cidr_build_done(b);
}

static void
make_map(struct cidr_recent *r)
{
	if (r->n > 2 * r->compact)
		compact(r);
	cidr_map_unref(r->map);
	r->map = cidr_recent_over(r, NULL);
	r->mapped = r->n;
}

int
cidr_recent_set(struct cidr_recent *r, const struct cidr *net,
    const char *value, size_t len, struct err *err)
{
	if (r->n >= CIDR_RECENT_MAX)
		make_map(r);
	if (r->n >= CIDR_RECENT_MAX)
		return err_set(err, "more than %zu networks", CIDR_RECENT_MAX);
	if (r->n == r->cap) {
		r->cap = r->cap + r->cap / 2 + 16;
		r->entry = xrealloc(r->entry, r->cap * sizeof *r->entry);
	}
	r->entry[r->n++] = (struct entry){
		.net = *net, .value = xmemdup0(value, len), .len = len
	};
	r->value_bytes += len;
	/* also who never looks up does not grow without end */
	if (r->n - r->mapped > 2 * r->compact + 65536)
		make_map(r);
	return 0;
}

const char *
cidr_recent_lookup(struct cidr_recent *r, const struct ip *ip, size_t *len)
{
	if (r->n - r->mapped > CIDR_RECENT_LIST)
		make_map(r);
	for (size_t i = r->n; i > r->mapped; i--)
		if (cidr_contains(&r->entry[i - 1].net, ip)) {
			*len = r->entry[i - 1].len;
			return r->entry[i - 1].value;
		}
	return r->map != NULL ? cidr_map_lookup(r->map, ip, len) : NULL;
}
