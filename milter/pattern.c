#include "pattern.h"

#include "pattern_item.h"

#include <string.h>

typedef unsigned char byte;

#define POSITION (-1) /* in place of a capture's length */

enum {
	MEANS = 1,  /* may be more than the byte itself */
	REPEATS = 2 /* behind an item: how often */
};

static const byte flags[256] = {
	['('] = MEANS,
	[')'] = MEANS,
	['%'] = MEANS,
	['['] = MEANS,
	['.'] = MEANS,
	['$'] = MEANS,
	['*'] = REPEATS,
	['+'] = REPEATS,
	['-'] = REPEATS,
	['?'] = REPEATS,
};

/* A quantified item that could have matched another number of bytes. */
struct choice {
	const byte *s;     /* the rest was last tried here */
	const byte *least; /* greedy: no shorter than this; lazy: NULL */
	const byte *item;  /* lazy: what to take one more of */
	const byte *rest;  /* the pattern behind the quantifier */
	uint32_t open;
	unsigned captures;
	int next; /* the byte that the rest begins with, or -1 */
};

void
pattern_init(struct pattern *m, const char *pattern, size_t pattern_len,
    const char *subject, size_t subject_len)
{
	m->match = m->stop = NULL;
	m->error = NULL;
	m->captures = 0;
	m->over = NULL;
	m->arg = NULL;
	m->begin = (const byte *)pattern;
	m->end = m->begin + pattern_len;
	m->subject = (const byte *)subject;
	m->limit = m->subject + subject_len;
	m->steps = PATTERN_STEPS;
	m->open = 0;
	m->sets = m->oldest = 0;
}

static const byte *
fail(struct pattern *m, const char *why)
{
	m->error = why;
	return NULL;
}

/* Long scans are paid for here, single steps in run(). */
static inline void
charge(struct pattern *m, ptrdiff_t bytes)
{
	m->steps -= bytes / 8;
}

static bool
may_go_on(struct pattern *m)
{
	m->steps = PATTERN_STEPS;
	if (m->over == NULL || !m->over(m->arg))
		return true;
	m->error = "interrupted";
	return false;
}

static inline bool
is_letter(byte c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static inline bool
is_digit(byte c)
{
	return c >= '0' && c <= '9';
}

/* ---- quantifiers ----------------------------------------------------- */

/*
 * The byte that anything matching the pattern from p must begin with, or -1.
 * Captures are stepped over, for they take no bytes: what is wrong with them
 * has shown when the rest was tried for the first time, without this hint.
 */
static int
first_byte(const struct pattern *m, const byte *p)
{
	int c;

	while (p < m->end && (*p == '(' || *p == ')'))
		p++;
	if (p == m->end)
		return -1;
	if (*p == '%') {
		if (++p == m->end || is_letter(*p) || is_digit(*p))
			return -1;
	} else if (flags[*p] & MEANS) {
		return -1;
	}
	c = *p++;
	if (p < m->end && (flags[*p] & REPEATS) && *p != '+')
		return -1;
	return c;
}

/* As much as the item takes from s on. */
static inline const byte *
longest(const struct pattern *m, const struct pattern_item *it, const byte *s)
{
	if (it->kind == ITEM_ANY)
		return m->limit;
	if (it->kind == ITEM_BYTE)
		while (s < m->limit && *s == it->byte)
			s++;
	else
		while (s < m->limit && pattern_item_holds(it, *s))
			s++;
	return s;
}

static const byte *
push(struct pattern *m, struct choice **top, const struct choice *stack,
    const struct choice *c)
{
	if (*top - stack == PATTERN_DEPTH)
		return fail(m, "pattern too complex");
	**top = *c;
	++*top;
	return c->s;
}

/*
 * Take as much as possible.  Coming back is worth nothing where the pattern
 * ends here, nor where its rest begins with a byte that is not of this item.
 */
static inline const byte *
greedy(struct pattern *m, const struct pattern_item *it, const byte *s,
    const byte *quantifier, struct choice **top, const struct choice *stack)
{
	struct choice c;

	c.least = s + (*quantifier == '+');
	if (*quantifier == '?')
		c.s = s + (s < m->limit && pattern_item_holds(it, *s));
	else
		c.s = longest(m, it, s);
	charge(m, c.s - s);
	if (c.s < c.least)
		return NULL;
	if (c.s == c.least || quantifier + 1 == m->end)
		return c.s;
	c.rest = quantifier + 1;
	c.next = first_byte(m, c.rest);
	if (c.next >= 0 && !pattern_item_holds(it, (byte)c.next))
		return c.s;
	c.item = NULL;
	c.open = m->open;
	c.captures = m->captures;
	return push(m, top, stack, &c);
}

/* Take as little as possible. */
static inline const byte *
lazy(struct pattern *m, const byte *item, const byte *s, const byte *quantifier,
    struct choice **top, const struct choice *stack)
{
	struct choice c;

	if (quantifier + 1 == m->end)
		return s;
	c.s = s;
	c.least = NULL;
	c.item = item;
	c.rest = quantifier + 1;
	c.next = first_byte(m, c.rest);
	c.open = m->open;
	c.captures = m->captures;
	return push(m, top, stack, &c);
}

/* One item, quantified or not.  *p moves behind it. */
static inline const byte *
take(struct pattern *m, const byte *s, const byte **p, struct choice **top,
    const struct choice *stack)
{
	const byte *item = *p, *q;
	struct pattern_item it;

	q = pattern_item_decode(m, item, &it);
	if (q == NULL)
		return NULL;
	if (q < m->end && (flags[*q] & REPEATS)) {
		*p = q + 1;
		if (*q == '-')
			return lazy(m, item, s, q, top, stack);
		return greedy(m, &it, s, q, top, stack);
	}
	*p = q;
	return s < m->limit && pattern_item_holds(&it, *s) ? s + 1 : NULL;
}

/* The next shorter way for a greedy choice. */
static const byte *
shorter(struct pattern *m, struct choice *c)
{
	const byte *s = c->s;

	while (s > c->least) {
		s--;
		if (c->next >= 0 && *s != c->next)
			continue;
		charge(m, c->s - s);
		c->s = s;
		return s;
	}
	charge(m, c->s - s);
	return NULL;
}

/* The next longer way for a lazy choice. */
static const byte *
longer(struct pattern *m, struct choice *c)
{
	const byte *s = c->s;
	struct pattern_item it;

	pattern_item_decode(m, c->item, &it);
	if (s == m->limit || !pattern_item_holds(&it, *s))
		return NULL;
	s++;
	if (c->next >= 0 && it.kind == ITEM_ANY) {
		s = memchr(s, c->next, (size_t)(m->limit - s));
		if (s == NULL) {
			charge(m, m->limit - c->s);
			return NULL;
		}
	} else if (c->next >= 0) {
		while (s < m->limit && *s != c->next &&
		       pattern_item_holds(&it, *s))
			s++;
	}
	charge(m, s - c->s);
	c->s = s;
	return s;
}

/* Nothing more matches here: go back to the last choice with a way left. */
static const byte *
retry(struct pattern *m, struct choice **top, const struct choice *stack,
    const byte **p)
{
	const byte *s;

	for (; *top > stack; --*top) {
		struct choice *c = *top - 1;

		s = c->least != NULL ? shorter(m, c) : longer(m, c);
		if (s == NULL)
			continue;
		m->open = c->open;
		m->captures = c->captures;
		*p = c->rest;
		if (s == c->least)
			--*top;
		return s;
	}
	return NULL;
}

/* ---- the rest of the language ---------------------------------------- */

static const byte *
capture_open(struct pattern *m, const byte *s, const byte **p)
{
	unsigned i = m->captures;

	if (i == PATTERN_CAPTURES)
		return fail(m, "too many captures");
	m->captures++;
	m->capture[i].start = s;
	if (*p + 1 < m->end && (*p)[1] == ')') {
		m->capture[i].len = POSITION;
		*p += 2;
	} else {
		m->open |= (uint32_t)1 << i;
		*p += 1;
	}
	return s;
}

static const byte *
capture_close(struct pattern *m, const byte *s, const byte **p)
{
	int i;

	if (m->open == 0)
		return fail(m, "invalid pattern capture");
	i = 31 - __builtin_clz(m->open);
	m->capture[i].len = s - m->capture[i].start;
	m->open &= ~((uint32_t)1 << i);
	*p += 1;
	return s;
}

static const byte *
same_again(struct pattern *m, const byte *s, byte digit)
{
	unsigned i = (unsigned)digit - '1';
	ptrdiff_t len;

	if (digit == '0' || i >= m->captures || (m->open >> i) & 1)
		return fail(m, "invalid capture index");
	len = m->capture[i].len;
	if (len == POSITION || m->limit - s < len)
		return NULL;
	charge(m, len);
	if (memcmp(m->capture[i].start, s, (size_t)len) != 0)
		return NULL;
	return s + len;
}

static const byte *
balanced(struct pattern *m, const byte *s, const byte *pair)
{
	const byte *start = s;
	size_t depth = 1;

	if (m->end - pair < 2)
		return fail(m, "malformed pattern (missing arguments to '%b')");
	if (s == m->limit || *s != pair[0])
		return NULL;
	while (++s < m->limit) {
		if (*s == pair[1]) {
			if (--depth == 0)
				break;
		} else if (*s == pair[0]) {
			depth++;
		}
	}
	charge(m, s - start);
	return s < m->limit ? s + 1 : NULL;
}

static const byte *
frontier(struct pattern *m, const byte *s, const byte **p)
{
	byte before = s > m->subject ? s[-1] : 0;
	byte here = s < m->limit ? *s : 0;
	struct pattern_item it;

	*p += 2;
	if (*p == m->end || **p != '[')
		return fail(m, "missing '[' after '%f' in pattern");
	*p = pattern_item_decode(m, *p, &it);
	if (*p == NULL)
		return NULL;
	return !pattern_item_holds(&it, before) && pattern_item_holds(&it, here)
		   ? s
		   : NULL;
}

static inline bool
is_item(const struct pattern *m, const byte *p)
{
	switch (*p) {
	case '(':
	case ')':
		return false;
	case '$':
		return p + 1 != m->end;
	case '%':
		return p + 1 == m->end ||
		       !(p[1] == 'b' || p[1] == 'f' || is_digit(p[1]));
	}
	return true;
}

/* What is not an item: captures, '$' at the end, %b, %f, %1 to %9. */
static const byte *
take_other(struct pattern *m, const byte *s, const byte **p)
{
	const byte *at = *p;

	if (*at == '(')
		return capture_open(m, s, p);
	if (*at == ')')
		return capture_close(m, s, p);
	if (*at == '$') {
		*p = m->end;
		return s == m->limit ? s : NULL;
	}
	if (at[1] == 'f')
		return frontier(m, s, p);
	if (at[1] == 'b') {
		*p += 4;
		return balanced(m, s, at + 2);
	}
	*p += 2;
	return same_again(m, s, at[1]);
}

/* ---- from the outside ------------------------------------------------ */

static enum pattern_result
run(struct pattern *m, struct choice *stack, const byte *s)
{
	struct choice *top = stack;
	const byte *p = m->begin;

	m->match = s;
	m->captures = 0;
	m->open = 0;
	while (p != m->end) {
		if (--m->steps < 0 && !may_go_on(m))
			return PATTERN_ERROR;
		if (!(flags[*p] & MEANS) &&
		    (p + 1 == m->end || !(flags[p[1]] & REPEATS))) {
			if (s < m->limit && *s == *p) {
				s++;
				p++;
				continue;
			}
			s = NULL;
		} else if (is_item(m, p)) {
			s = take(m, s, &p, &top, stack);
		} else {
			s = take_other(m, s, &p);
		}
		if (s != NULL)
			continue;
		if (m->error != NULL)
			return PATTERN_ERROR;
		s = retry(m, &top, stack, &p);
		if (s == NULL)
			return PATTERN_NONE;
	}
	m->stop = s;
	return PATTERN_MATCH;
}

enum pattern_result
pattern_match(struct pattern *m, size_t at)
{
	struct choice stack[PATTERN_DEPTH];

	m->error = NULL;
	return run(m, stack, m->subject + at);
}

enum pattern_result
pattern_search(struct pattern *m, size_t from)
{
	struct choice stack[PATTERN_DEPTH];
	const byte *s = m->subject + from, *next;
	enum pattern_result found;
	int first;

	m->error = NULL;
	found = run(m, stack, s);
	if (found != PATTERN_NONE)
		return found;
	first = first_byte(m, m->begin);
	while (s++ < m->limit) {
		if (first >= 0) {
			next = memchr(s, first, (size_t)(m->limit - s));
			if (next == NULL)
				break;
			charge(m, next - s);
			s = next;
		}
		if (--m->steps < 0 && !may_go_on(m))
			return PATTERN_ERROR;
		found = run(m, stack, s);
		if (found != PATTERN_NONE)
			return found;
	}
	return PATTERN_NONE;
}

enum pattern_capture
pattern_capture(struct pattern *m, unsigned i, const char **text, size_t *len)
{
	if (i == 0 && m->captures == 0) {
		*text = (const char *)m->match;
		*len = (size_t)(m->stop - m->match);
		return PATTERN_CAPTURE_TEXT;
	}
	if (i >= m->captures || (m->open >> i) & 1) {
		m->error = i < m->captures ? "unfinished capture"
					   : "invalid capture index";
		return PATTERN_CAPTURE_BAD;
	}
	*text = (const char *)m->capture[i].start;
	if (m->capture[i].len == POSITION) {
		*len = (size_t)(m->capture[i].start - m->subject);
		return PATTERN_CAPTURE_POSITION;
	}
	*len = (size_t)m->capture[i].len;
	return PATTERN_CAPTURE_TEXT;
}

bool
pattern_is_plain(const char *pattern, size_t len)
{
	for (size_t i = 0; i < len; i++)
		switch (pattern[i]) {
		case '^':
		case '$':
		case '*':
		case '+':
		case '?':
		case '.':
		case '(':
		case '[':
		case '%':
		case '-':
			return false;
		}
	return true;
}
