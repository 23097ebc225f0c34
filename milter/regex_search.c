/*
 * How a search ends
 *
 * PCRE2's match limit counts anew at each place where a match may begin, and
 * not what one count walks over.  So the fast form runs with a limit that is
 * the lower, the longer the text is: one place costs some tens of
 * milliseconds at most.  Between two places the callout looks at the clock.
 * A place that passes the limit is tried once more in the form that asks
 * before each item: there each step and each byte walked over counts.
 */
#include "regex_code.h"

#include "clock.h"
#include "xmalloc.h"

#ifdef HAVE_PCRE2

#include "charset.h"
#include "header_text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PLACE_STEPS 50000000 /* bytes walked over times limit, at one place */
#define PLACE_LIMIT 500      /* the limit is never lower */

struct regex_search {
	struct regex *re;
	const char *text;
	size_t len;
	struct str copy; /* of a text that is no UTF-8 */
	pcre2_match_context *context;
	pcre2_match_data *data;
	bool done, empty; /* the last match was */
	size_t at;        /* where the last match ended */
	bool matched;     /* there was one; for REGEX_RUST it ended here: */
	size_t last;
	unsigned groups;
	/* the limits, over all matches */
	struct regex_limits limits;
	int64_t cpu_end;      /* 0 until the clock is looked at */
	struct timespec tick; /* of the coarse clock, at the last look */
	const char *why;      /* it was ended */
	/* the callouts' */
	size_t place, position;
	unsigned long long steps, ask;
};

/* ---- limits ------------------------------------------------------------- */

/*
 * Next to all searches end before they are asked this: what the clock of the
 * thread costs, a call of the kernel, is a multiple of a match.
 */
static bool
is_over(struct regex_search *s)
{
	int64_t cpu = clock_cpu(CLOCK_THREAD_CPUTIME_ID);

	if (s->cpu_end == 0)
		s->cpu_end =
		    cpu + (s->limits.cpu > 0 ? s->limits.cpu : REGEX_CPU);
	if (s->limits.over != NULL && s->limits.over(s->limits.arg))
		s->why = "interrupted";
	else if (cpu > s->cpu_end)
		s->why = "too long";
	return s->why != NULL;
}

/* The same when the clock that costs nothing has moved. */
static bool
is_over_now(struct regex_search *s)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_nsec == s->tick.tv_nsec && now.tv_sec == s->tick.tv_sec)
		return false;
	s->tick = now;
	return is_over(s);
}

/* Before each place where a match may begin. */
static int
on_place(pcre2_callout_block *block, void *arg)
{
	struct regex_search *s = arg;

	s->place = block->start_match;
	return is_over_now(s) ? PCRE2_ERROR_CALLOUT : 0;
}

/* Before each item of the pattern. */
static int
on_item(pcre2_callout_block *block, void *arg)
{
	struct regex_search *s = arg;
	size_t at = block->current_position;

	s->place = block->start_match;
	s->steps +=
	    1 + (at > s->position ? at - s->position : s->position - at);
	s->position = at;
	if (s->steps < s->ask)
		return 0;
	s->ask = s->steps + REGEX_ASK;
	if (s->steps > REGEX_STEPS + 4 * (unsigned long long)s->len)
		s->why = "too many steps";
	return s->why != NULL || is_over(s) ? PCRE2_ERROR_CALLOUT : 0;
}

static uint32_t
place_limit(size_t len)
{
	size_t limit = len < 5 ? PLACE_STEPS / 5 : PLACE_STEPS / len;

	return (uint32_t)(limit < PLACE_LIMIT ? PLACE_LIMIT : limit);
}

/* ---- life --------------------------------------------------------------- */

static void
make_context(struct regex_search *s)
{
	s->context = pcre2_match_context_create(NULL);
	must(s->context != NULL);
	pcre2_set_heap_limit(s->context, (uint32_t)(REGEX_HEAP / 1024));
	pcre2_set_depth_limit(s->context, UINT32_MAX);
}

struct regex_search *
regex_search_new(struct regex *re, const char *text, size_t len,
    const struct regex_limits *limits)
{
	struct regex_search *s = xcalloc(1, sizeof *s);

	s->re = regex_ref(re);
	s->text = text;
	s->len = len;
	if (limits != NULL)
		s->limits = *limits;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &s->tick);
	s->ask = REGEX_ASK;
	if ((re->flags & REGEX_UTF) && !header_text_is_utf8(text, len)) {
		charset_repair(&s->copy, text, len);
		s->text = str_c(&s->copy);
		s->len = s->copy.len;
	}
	s->data = pcre2_match_data_create_from_pattern(re->code, NULL);
	must(s->data != NULL);
	make_context(s);
	return s;
}

void
regex_search_free(struct regex_search *s)
{
	if (s == NULL)
		return;
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	str_fini(&s->copy);
	regex_free(s->re);
	free(s);
}

/* ---- searching ---------------------------------------------------------- */

static int
run(struct regex_search *s, const pcre2_code *code, size_t from,
    uint32_t options)
{
	int rc;

	s->place = s->position = from;
	options |= PCRE2_NO_UTF_CHECK;
	rc = pcre2_match(code, (PCRE2_SPTR)s->text, s->len, from, options,
	    s->data, s->context);
	/* compiled patterns have 32 KB to go back; the heap is larger */
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = pcre2_match(code, (PCRE2_SPTR)s->text, s->len, from,
		    options | PCRE2_NO_JIT, s->data, s->context);
	return rc;
}

static int
run_fast(struct regex_search *s, size_t from, uint32_t options)
{
	pcre2_set_callout(s->context, on_place, s);
	pcre2_set_match_limit(s->context, place_limit(s->len));
	return run(s, s->re->code, from, options);
}

static int
run_counted(struct regex_search *s, size_t from, uint32_t options)
{
	const pcre2_code *code = regex_counted(s->re);

	if (code == NULL)
		return PCRE2_ERROR_MATCHLIMIT;
	pcre2_set_callout(s->context, on_item, s);
	pcre2_set_match_limit(s->context, UINT32_MAX);
	return run(s, code, from, options);
}

static size_t
behind(const struct regex_search *s, size_t at)
{
	do
		at++;
	while ((s->re->flags & REGEX_UTF) && at < s->len &&
	       (s->text[at] & 0xc0) == 0x80);
	return at;
}

static int
run_both(struct regex_search *s, size_t from, uint32_t options)
{
	int rc;

	while ((rc = run_fast(s, from, options)) == PCRE2_ERROR_MATCHLIMIT) {
		size_t place = s->place;

		if (s->re->from_start)
			return run_counted(s, from, options);
		if (place != from)
			options &= ~(uint32_t)PCRE2_NOTEMPTY_ATSTART;
		rc = run_counted(s, place, options | PCRE2_ANCHORED);
		if (rc != PCRE2_ERROR_NOMATCH || place == s->len ||
		    (options & PCRE2_ANCHORED))
			return rc;
		from = behind(s, place);
		options &= ~(uint32_t)PCRE2_NOTEMPTY_ATSTART;
	}
	return rc;
}

static int
failed(struct regex_search *s, int rc, struct err *err)
{
	PCRE2_UCHAR text[256];

	s->done = true;
	if (s->why != NULL)
		return err_set(err, "%s", s->why);
	if (rc == PCRE2_ERROR_HEAPLIMIT)
		return err_set(err, "too much memory");
	if (rc == PCRE2_ERROR_MATCHLIMIT)
		return err_set(err, "too many steps");
	pcre2_get_error_message(rc, text, sizeof text);
	return err_set(err, "%s", (char *)text);
}

/* 1: a match at from or behind it; 0: none; -1. */
static int
search(struct regex_search *s, size_t from, uint32_t options, struct err *err)
{
	const size_t *span = pcre2_get_ovector_pointer(s->data);
	int rc = run_both(s, from, options);

	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc <= 0)
		return failed(s, rc, err);
	s->groups = (unsigned)rc;
	s->empty = span[0] == span[1];
	s->at = span[1];
	return 1;
}

/* As Rust's iterators go on; s->at is where to look next. */
static int
next_rust(struct regex_search *s, struct err *err)
{
	size_t end;
	int rc;

	do {
		rc = s->at > s->len ? 0 : search(s, s->at, 0, err);
		s->done = rc != 1;
		if (s->done)
			return rc;
		end = s->at;
		if (!s->empty)
			break;
		s->at = behind(s, end);
	} while (s->matched && end == s->last);
	s->matched = true;
	s->last = end;
	return 1;
}

int
regex_next(struct regex_search *s, struct err *err)
{
	int rc;

	if (s->why == NULL && is_over_now(s))
		return failed(s, 0, err);
	if (s->done)
		return 0;
	if (s->re->flags & REGEX_RUST)
		return next_rust(s, err);
	if (s->empty) {
		rc = search(
		    s, s->at, PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED, err);
		if (rc != 0)
			return rc;
		s->at = behind(s, s->at);
	}
	rc = s->at > s->len ? 0 : search(s, s->at, 0, err);
	s->done = rc != 1;
	return rc;
}

bool
regex_group(
    const struct regex_search *s, unsigned i, const char **text, size_t *len)
{
	const size_t *span = pcre2_get_ovector_pointer(s->data);

	if (i >= s->groups || span[2 * i] == PCRE2_UNSET)
		return false;
	*text = s->text + span[2 * i];
	*len = span[2 * i + 1] - span[2 * i];
	return true;
}

unsigned
regex_groups(const struct regex_search *s)
{
	return s->groups;
}

const char *
regex_text(const struct regex_search *s, size_t *len)
{
	*len = s->len;
	return s->text;
}

#else

struct regex_search *
regex_search_new(struct regex *re, const char *text, size_t len,
    const struct regex_limits *limits)
{
	(void)re;
	(void)text;
	(void)len;
	(void)limits;
	return NULL;
}

void
regex_search_free(struct regex_search *s)
{
	must(s == NULL);
}

int
regex_next(struct regex_search *s, struct err *err)
{
	(void)s;
	return err_set(err, "built without PCRE2");
}

bool
regex_group(
    const struct regex_search *s, unsigned i, const char **text, size_t *len)
{
	(void)s;
	(void)i;
	(void)text;
	(void)len;
	return false;
}

unsigned
regex_groups(const struct regex_search *s)
{
	(void)s;
	return 0;
}

const char *
regex_text(const struct regex_search *s, size_t *len)
{
	(void)s;
	*len = 0;
	return "";
}

#endif
