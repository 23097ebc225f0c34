/*
 * cidr_build.c - from networks to the borders of cidr_map.h
 *
 * Networks lie within each other or apart.  Sorted by their beginning, larger
 * ones first, a sweep over them keeps a stack of those that are open: each
 * beginning and each end is a border.
 */
#include "cidr_map.h"
#include "cidr_table.h"
#include "lru.h"
#include "xmalloc.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct net {
	struct cidr_v6 first; /* IPv4: in the upper half of hi */
	uint32_t value, order;
	uint8_t prefix;
};

struct list {
	struct net *net;
	size_t n, cap;
};

struct cidr_build {
	enum cidr_rule rule;
	size_t max;
	struct list list[2]; /* IPv4, IPv6 */
	struct lru values;   /* text -> its number */
	struct str text;
	size_t *at;
	size_t n_values, cap_values;
};

struct cidr_build *
cidr_build_new(enum cidr_rule rule, size_t max)
{
	struct cidr_build *b = xcalloc(1, sizeof *b);

	b->rule = rule;
	b->max = max < UINT32_MAX ? max : UINT32_MAX - 1;
	lru_init(&b->values, sizeof(uint32_t), SIZE_MAX, SIZE_MAX, NULL);
	return b;
}

void
cidr_build_free(struct cidr_build *b)
{
	if (b == NULL)
		return;
	lru_fini(&b->values);
	str_fini(&b->text);
	free(b->at);
	free(b->list[0].net);
	free(b->list[1].net);
	free(b);
}

size_t
cidr_build_n(const struct cidr_build *b)
{
	return b->list[0].n + b->list[1].n;
}

size_t
cidr_build_max(const struct cidr_build *b)
{
	return b->max;
}

static uint32_t
number_of(struct cidr_build *b, const char *value, size_t len)
{
	uint32_t *known;

	if (value == NULL)
		return CIDR_NONE;
	known = lru_get(&b->values, value, len);
	if (known != NULL)
		return *known;
	if (b->n_values + 1 >= b->cap_values) {
		b->cap_values = b->cap_values * 2 + 16;
		b->at = xrealloc(b->at, b->cap_values * sizeof *b->at);
	}
	b->at[b->n_values] = b->text.len;
	str_add(&b->text, value, len);
	str_addc(&b->text, '\0');
	b->at[b->n_values + 1] = b->text.len;
	known = lru_put(&b->values, value, len);
	*known = (uint32_t)b->n_values++;
	return *known;
}

static uint64_t
mask_of(int bits)
{
	return bits <= 0 ? 0 : bits >= 64 ? UINT64_MAX : ~(UINT64_MAX >> bits);
}

static struct cidr_v6
address_of(const struct ip *ip)
{
	struct cidr_v6 a = { 0 };

	for (int i = 0; i < 8; i++) {
		a.hi = a.hi << 8 | ip->bytes[i];
		a.lo = a.lo << 8 | ip->bytes[8 + i];
	}
	return a;
}

static int
append(struct cidr_build *b, bool v6, struct cidr_v6 first, int prefix,
    uint32_t value, struct err *err)
{
	struct list *list = &b->list[v6];
	size_t n = cidr_build_n(b);

	if (n >= b->max)
		return err_set(err, "more than %zu networks", b->max);
	if (list->n == list->cap) {
		list->cap = list->cap * 2 + 16;
		list->net = xrealloc(list->net, list->cap * sizeof *list->net);
	}
	first.hi &= mask_of(prefix);
	first.lo &= mask_of(prefix - 64);
	list->net[list->n++] = (struct net){
		.first = first,
		.value = value,
		.order = (uint32_t)n,
		.prefix = (uint8_t)prefix,
	};
	return 0;
}

int
cidr_build_add(struct cidr_build *b, const struct cidr *net, const char *value,
    size_t len, struct err *err)
{
	uint32_t number = number_of(b, value, len);
	struct cidr_v6 zero = { 0 };

	if (net->ip.family == 0)
		return append(b, false, zero, 0, number, err) == 0
			   ? append(b, true, zero, 0, number, err)
			   : -1;
	return append(b, net->ip.family == AF_INET6, address_of(&net->ip),
	    net->prefix, number, err);
}

/* The last address of the network of this prefix that begins at a. */
static struct cidr_v6
last_of(struct cidr_v6 a, int prefix)
{
	a.hi |= ~mask_of(prefix);
	a.lo |= ~mask_of(prefix - 64);
	return a;
}

static int
compare(struct cidr_v6 a, struct cidr_v6 b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo < b.lo ? -1 : a.lo > b.lo;
}

/* false: a was the last address there is. */
static bool
step(struct cidr_v6 *a)
{
	if (++a->lo == 0)
		a->hi++;
	return a->hi != 0 || a->lo != 0;
}

/* IPv4: the bits that end has not are 1. */
static int
add_stretch(struct cidr_build *b, bool v6, struct cidr_v6 at,
    struct cidr_v6 end, uint32_t number, struct err *err)
{
	int bits = v6 ? 128 : 32;

	do {
		int prefix = bits;
		struct cidr_v6 stop = last_of(at, bits);

		/* the largest network that begins here and ends in time */
		while (prefix > 0) {
			struct cidr_v6 wider = last_of(at, prefix - 1);

			if ((at.hi & ~mask_of(prefix - 1)) != 0 ||
			    (at.lo & ~mask_of(prefix - 1 - 64)) != 0 ||
			    compare(wider, end) > 0)
				break;
			prefix--;
			stop = wider;
		}
		if (append(b, v6, at, prefix, number, err) != 0)
			return -1;
		at = stop;
		if (compare(at, end) == 0)
			return 0;
	} while (step(&at));
	return 0;
}

int
cidr_build_add_range(struct cidr_build *b, const struct ip *first,
    const struct ip *last, const char *value, size_t len, struct err *err)
{
	bool v6 = first->family == AF_INET6;
	struct cidr_v6 at = address_of(first);
	struct cidr_v6 end = last_of(address_of(last), v6 ? 128 : 32);

	if (first->family != last->family || compare(at, end) > 0)
		return err_set(err, "a range ends before it begins");
	return add_stretch(b, v6, at, end, number_of(b, value, len), err);
}

/* The stretch from one border to the next; NULL: to the end. */
static int
add_border_to(struct cidr_build *b, const struct cidr_map *map, bool v6,
    uint32_t value, struct cidr_v6 at, const struct cidr_v6 *next,
    struct err *err)
{
	struct cidr_v6 end = { UINT64_MAX, UINT64_MAX };

	if (value == CIDR_NONE)
		return 0;
	if (next != NULL) {
		end = *next;
		if (end.lo-- == 0)
			end.hi--;
	}
	return add_stretch(b, v6, at, end,
	    number_of(b, map->text + map->at[value],
		map->at[value + 1] - map->at[value] - 1),
	    err);
}

int
cidr_build_add_map(
    struct cidr_build *b, const struct cidr_map *map, struct err *err)
{
	for (size_t i = 0; i < map->n4; i++) {
		struct cidr_v6 at = { (uint64_t)map->start4[i] << 32, 0 };
		struct cidr_v6 next = { 0, 0 };

		if (i + 1 < map->n4)
			next.hi = (uint64_t)map->start4[i + 1] << 32;
		if (add_border_to(b, map, false, map->value4[i], at,
			i + 1 < map->n4 ? &next : NULL, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < map->n6; i++)
		if (add_border_to(b, map, true, map->value6[i], map->start6[i],
			i + 1 < map->n6 ? &map->start6[i + 1] : NULL, err) != 0)
			return -1;
	return 0;
}

/* ---- the sweep ---------------------------------------------------------- */

static int
by_beginning(const void *a, const void *b)
{
	const struct net *m = a, *n = b;
	int order = compare(m->first, n->first);

	if (order != 0)
		return order;
	if (m->prefix != n->prefix)
		return m->prefix < n->prefix ? -1 : 1;
	return m->order < n->order ? -1 : 1;
}

struct border {
	struct cidr_v6 at;
	uint32_t value;
};

struct sweep {
	struct border *border;
	size_t n;
	const struct net *open[130]; /* one for each prefix length at most */
	int depth;
};

static void
add_border(struct sweep *s, struct cidr_v6 at, uint32_t value)
{
	if (s->n > 0 && compare(s->border[s->n - 1].at, at) == 0)
		s->n--; /* a stretch of no address */
	if (s->n > 0 && s->border[s->n - 1].value == value)
		return;
	s->border[s->n++] = (struct border){ at, value };
}

static uint32_t
value_on_top(const struct sweep *s)
{
	return s->depth > 0 ? s->open[s->depth - 1]->value : CIDR_NONE;
}

/* Networks that end before this address are over; NULL: all are. */
static void
close_until(struct sweep *s, const struct cidr_v6 *at)
{
	while (s->depth > 0) {
		const struct net *top = s->open[s->depth - 1];
		struct cidr_v6 end = last_of(top->first, top->prefix);

		if (at != NULL && compare(end, *at) >= 0)
			return;
		s->depth--;
		if (step(&end))
			add_border(s, end, value_on_top(s));
	}
}

static bool
is_overruled(const struct sweep *s, const struct net *net, enum cidr_rule rule)
{
	return rule == CIDR_LATEST && s->depth > 0 &&
	       s->open[s->depth - 1]->order > net->order;
}

static void
sweep(struct sweep *s, struct list *list, enum cidr_rule rule)
{
	if (list->n == 0)
		return;
	qsort(list->net, list->n, sizeof *list->net, by_beginning);
	s->border = xmalloc((2 * list->n + 1) * sizeof *s->border);
	add_border(s, (struct cidr_v6){ 0, 0 }, CIDR_NONE);
	for (size_t i = 0; i < list->n; i++) {
		struct net *net = &list->net[i];

		close_until(s, &net->first);
		if (is_overruled(s, net, rule))
			continue;
		/* the same network once more takes the other's place */
		if (s->depth > 0 &&
		    s->open[s->depth - 1]->prefix == net->prefix)
			s->depth--;
		s->open[s->depth++] = net;
		add_border(s, net->first, net->value);
	}
	close_until(s, NULL);
}

static void
keep_v4(struct cidr_map *map, const struct sweep *s)
{
	map->n4 = s->n;
	map->start4 = xmalloc((s->n + 1) * sizeof *map->start4);
	map->value4 = xmalloc((s->n + 1) * sizeof *map->value4);
	for (size_t i = 0; i < s->n; i++) {
		map->start4[i] = (uint32_t)(s->border[i].at.hi >> 32);
		map->value4[i] = s->border[i].value;
	}
}

static void
keep_v6(struct cidr_map *map, const struct sweep *s)
{
	map->n6 = s->n;
	map->start6 = xmalloc((s->n + 1) * sizeof *map->start6);
	map->value6 = xmalloc((s->n + 1) * sizeof *map->value6);
	for (size_t i = 0; i < s->n; i++) {
		map->start6[i] = s->border[i].at;
		map->value6[i] = s->border[i].value;
	}
}

struct cidr_map *
cidr_build_done(struct cidr_build *b)
{
	struct cidr_map *map = xcalloc(1, sizeof *map);
	struct sweep v4 = { 0 }, v6 = { 0 };

	atomic_init(&map->refs, 1);
	sweep(&v4, &b->list[0], b->rule);
	keep_v4(map, &v4);
	free(v4.border);
	sweep(&v6, &b->list[1], b->rule);
	keep_v6(map, &v6);
	free(v6.border);
	map->n_values = b->n_values;
	map->text = str_take(&b->text);
	map->at = b->at != NULL ? b->at : xcalloc(1, sizeof *map->at);
	b->at = NULL;
	cidr_build_free(b);
	return map;
}
