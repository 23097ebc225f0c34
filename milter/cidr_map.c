#include "cidr_map.h"

#include "cidr_table.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

struct cidr_map *
cidr_map_ref(struct cidr_map *map)
{
	atomic_fetch_add_explicit(&map->refs, 1, memory_order_relaxed);
	return map;
}

void
cidr_map_unref(struct cidr_map *map)
{
	if (map == NULL || atomic_fetch_sub(&map->refs, 1) != 1)
		return;
	free(map->start4);
	free(map->value4);
	free(map->start6);
	free(map->value6);
	free(map->text);
	free(map->at);
	free(map);
}

static uint64_t
word_of(const uint8_t *bytes, int n)
{
	uint64_t word = 0;

	for (int i = 0; i < n; i++)
		word = word << 8 | bytes[i];
	return word;
}

static uint32_t
find4(const struct cidr_map *map, uint32_t ip)
{
	size_t low = 0, high = map->n4;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (map->start4[mid] <= ip)
			low = mid;
		else
			high = mid;
	}
	return map->n4 != 0 ? map->value4[low] : CIDR_NONE;
}

static uint32_t
find6(const struct cidr_map *map, const struct cidr_v6 *ip)
{
	size_t low = 0, high = map->n6;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		const struct cidr_v6 *s = &map->start6[mid];

		if (s->hi < ip->hi || (s->hi == ip->hi && s->lo <= ip->lo))
			low = mid;
		else
			high = mid;
	}
	return map->n6 != 0 ? map->value6[low] : CIDR_NONE;
}

const char *
cidr_map_lookup(const struct cidr_map *map, const struct ip *ip, size_t *len)
{
	struct cidr_v6 v6;
	uint32_t value;

	if (ip->family == AF_INET) {
		value = find4(map, (uint32_t)word_of(ip->bytes, 4));
	} else {
		v6.hi = word_of(ip->bytes, 8);
		v6.lo = word_of(ip->bytes + 8, 8);
		value = find6(map, &v6);
	}
	if (value == CIDR_NONE)
		return NULL;
	*len = map->at[value + 1] - map->at[value] - 1;
	return map->text + map->at[value];
}

size_t
cidr_map_size(const struct cidr_map *map)
{
	return sizeof *map + map->n4 * 8 + map->n6 * 20 +
	       (map->n_values + 1) * sizeof *map->at + map->at[map->n_values];
}
