#include "regex_set.h"

#include "clock.h"
#include "regex_rust.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct entry {
	char *pattern, *value;
	size_t pattern_len, len;
	struct regex *re;
};

struct regex_set {
	struct entry *entry;
	size_t n, cap;
	bool done;
};

struct regex_set *
regex_set_new(void)
{
	return xcalloc(1, sizeof(struct regex_set));
}

void
regex_set_free(struct regex_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n; i++) {
		free(set->entry[i].pattern);
		free(set->entry[i].value);
		regex_free(set->entry[i].re);
	}
	free(set->entry);
	free(set);
}

int
regex_set_add(struct regex_set *set, const char *pattern, size_t pattern_len,
    const char *value, size_t len, struct err *err)
{
	struct str plain = { 0 };
	struct regex *re = NULL;
	int number;

	if (set->n >= REGEX_SET_MAX)
		return err_set(err, "more than %d patterns", REGEX_SET_MAX);
	if (regex_rust_pattern(&plain, pattern, pattern_len, err) == 0)
		re = regex_new(
		    str_c(&plain), plain.len, REGEX_RUST, &number, err);
	str_fini(&plain);
	if (re == NULL)
		return -1;
	if (set->n == set->cap) {
		set->cap = set->cap * 2 + 16;
		set->entry =
		    xrealloc(set->entry, set->cap * sizeof *set->entry);
	}
	set->entry[set->n++] = (struct entry){
		.pattern = xmemdup0(pattern, pattern_len),
		.pattern_len = pattern_len,
		.value = xmemdup0(value, len),
		.len = len,
		.re = re,
	};
	return 0;
}

static int
by_pattern(const void *a, const void *b)
{
	const struct entry *e = a, *f = b;
	size_t n =
	    e->pattern_len < f->pattern_len ? e->pattern_len : f->pattern_len;
	int order = memcmp(e->pattern, f->pattern, n);

	if (order != 0)
		return order;
	return e->pattern_len < f->pattern_len
		   ? -1
		   : e->pattern_len > f->pattern_len;
}

void
regex_set_done(struct regex_set *set)
{
	if (set->n > 0)
		qsort(set->entry, set->n, sizeof *set->entry, by_pattern);
	set->done = true;
}

static int
search_one(struct regex *re, const char *text, size_t len,
    const struct regex_limits *limits, struct err *err)
{
	struct regex_search *s = regex_search_new(re, text, len, limits);
	int rc = regex_next(s, err);

	regex_search_free(s);
	return rc;
}

int
regex_set_lookup(const struct regex_set *set, const char *text, size_t text_len,
    const struct regex_limits *limits, const char **value, size_t *len,
    struct err *err)
{
	int64_t cpu = limits->cpu > 0 ? limits->cpu : REGEX_CPU;
	int64_t end = clock_cpu(CLOCK_THREAD_CPUTIME_ID) + cpu;
	struct regex_limits left = *limits;
	struct timespec tick, now;
	size_t n = set->done ? set->n : 0;

	left.cpu = cpu;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &tick);
	for (size_t i = 0; i < n; i++) {
		int rc;

		/* the clock of the thread costs more than a pattern does */
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
		if (now.tv_nsec != tick.tv_nsec || now.tv_sec != tick.tv_sec) {
			left.cpu = end - clock_cpu(CLOCK_THREAD_CPUTIME_ID);
			tick = now;
		}
		if (left.cpu <= 0)
			return err_set(err, "too long");
		rc = search_one(set->entry[i].re, text, text_len, &left, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		*value = set->entry[i].value;
		*len = set->entry[i].len;
		return 1;
	}
	return 0;
}

size_t
regex_set_size(const struct regex_set *set)
{
	size_t size = sizeof *set + set->cap * sizeof *set->entry;

	for (size_t i = 0; i < set->n; i++)
		size += regex_size(set->entry[i].re) +
			set->entry[i].pattern_len + set->entry[i].len;
	return size;
}
