#include "pattern_item.h"

#include <string.h>

typedef unsigned char byte;

/* Classes as sets of bytes, ASCII only: 32 bytes in each word. */
static const struct {
	bool is;
	uint32_t bits[8];
} classes[26] = {
	['a' - 'a'] = { true, { 0, 0, 0x07fffffe, 0x07fffffe } },
	['c' - 'a'] = { true, { 0xffffffff, 0, 0, 0x80000000 } },
	['d' - 'a'] = { true, { 0, 0x03ff0000 } },
	['g' - 'a'] = { true, { 0, 0xfffffffe, 0xffffffff, 0x7fffffff } },
	['l' - 'a'] = { true, { 0, 0, 0, 0x07fffffe } },
	['p' - 'a'] = { true, { 0, 0xfc00fffe, 0xf8000001, 0x78000001 } },
	['s' - 'a'] = { true, { 0x00003e00, 0x00000001 } },
	['u' - 'a'] = { true, { 0, 0, 0x07fffffe } },
	['w' - 'a'] = { true, { 0, 0x03ff0000, 0x07fffffe, 0x07fffffe } },
	['x' - 'a'] = { true, { 0, 0x03ff0000, 0x0000007e, 0x0000007e } },
	['z' - 'a'] = { true, { 0x00000001 } },
};

static const byte *
fail(struct pattern *m, const char *why)
{
	m->error = why;
	return NULL;
}

/* NULL where the byte does not name a class. */
static const uint32_t *
class_bits(byte c)
{
	unsigned letter = (c | 0x20u) - 'a';

	return letter < 26 && classes[letter].is ? classes[letter].bits : NULL;
}

/* %x: a class, or the byte x itself. */
static void
escape_decode(byte c, struct pattern_item *it)
{
	const uint32_t *bits = class_bits(c);

	it->kind = bits != NULL ? ITEM_SET : ITEM_BYTE;
	it->byte = c;
	it->bits = bits;
	it->flip = (c & 0x20) == 0; /* %A is what %a is not */
}

/* The ']' that ends the set beginning at p, which is behind '[' and '^'. */
static const byte *
set_end(struct pattern *m, const byte *p)
{
	const byte *first = p;

	for (; p < m->end; p++) {
		if (*p == ']' && p != first)
			return p;
		if (*p == '%' && ++p == m->end)
			break;
	}
	return fail(m, "malformed pattern (missing ']')");
}

static void
set_add_escape(uint32_t bits[8], byte c)
{
	struct pattern_item it;

	escape_decode(c, &it);
	if (it.kind == ITEM_BYTE)
		bits[c >> 5] |= (uint32_t)1 << (c & 31);
	else
		for (int i = 0; i < 8; i++)
			bits[i] |= it.bits[i] ^ (0 - it.flip);
}

static void
set_fill(uint32_t bits[8], const byte *p, const byte *end)
{
	while (p < end) {
		unsigned from = *p, to = *p;

		if (*p == '%') {
			set_add_escape(bits, p[1]);
			p += 2;
			continue;
		}
		if (p + 2 < end && p[1] == '-') {
			to = p[2];
			p += 2;
		}
		for (; from <= to; from++)
			bits[from >> 5] |= (uint32_t)1 << (from & 31);
		p++;
	}
}

/* The set beginning at p, which is on its '['. */
static const struct pattern_set *
set_get(struct pattern *m, const byte *p)
{
	const byte *first = p + 1, *end;
	struct pattern_set *set;
	bool flip;

	for (unsigned i = 0; i < m->sets; i++)
		if (m->set[i].begin == p)
			return &m->set[i];
	flip = first < m->end && *first == '^';
	end = set_end(m, first + flip);
	if (end == NULL)
		return NULL;
	if (m->sets < PATTERN_SETS)
		set = &m->set[m->sets++];
	else
		set = &m->set[m->oldest++ % PATTERN_SETS];
	set->begin = p;
	set->end = end + 1;
	set->flip = flip;
	memset(set->bits, 0, sizeof(set->bits));
	set_fill(set->bits, first + flip, end);
	m->steps -= end - p;
	return set;
}

const byte *
pattern_item_decode(struct pattern *m, const byte *p, struct pattern_item *it)
{
	const struct pattern_set *set;

	*it = (struct pattern_item){ .kind = ITEM_BYTE, .byte = *p };
	if (*p == '.') {
		it->kind = ITEM_ANY;
	} else if (*p == '%') {
		if (++p == m->end)
			return fail(m, "malformed pattern (ends with '%')");
		escape_decode(*p, it);
	} else if (*p == '[') {
		if ((set = set_get(m, p)) == NULL)
			return NULL;
		it->kind = ITEM_SET;
		it->bits = set->bits;
		it->flip = set->flip;
		return set->end;
	}
	return p + 1;
}
