#include "regex.h"

#include "xmalloc.h"

#ifdef HAVE_PCRE2

#include "charset.h"
#include "header_text.h"
#include "str.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct regex {
	atomic_int refs;
	pcre2_code *code;
	bool utf;
	uint32_t names, name_size;
	PCRE2_SPTR name_table;
};

struct regex_search {
	struct regex *re;
	const char *text;
	size_t len;
	struct str copy; /* of a text that is no UTF-8 */
	pcre2_match_context *context;
	pcre2_match_data *data;
	bool done, empty; /* the last match was */
	size_t at;        /* where the last match ended */
	unsigned groups;
	/* the callout's, over all matches */
	unsigned long long steps, max, ask;
	size_t position;
	bool (*over)(void *arg);
	void *arg;
	bool interrupted;
};

bool
regex_is_built_in(void)
{
	return true;
}

/* ---- patterns ----------------------------------------------------------- */

/* Bytes of one "(*UTF)" or "(*UTF8)" at p, or 0. */
static size_t
utf_verb(const char *p, size_t len)
{
	static const char *const verbs[] = { "(*UTF)", "(*UTF8)" };

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (len >= strlen(verbs[i]) &&
		    memcmp(p, verbs[i], strlen(verbs[i])) == 0)
			return strlen(verbs[i]);
	return 0;
}

/* The pattern without these verbs, which stand among others at its front. */
static unsigned
take_utf_verbs(struct str *out, const char *p, size_t len, unsigned flags)
{
	while (len > 2 && p[0] == '(' && p[1] == '*') {
		const char *end = memchr(p, ')', len);
		size_t n = utf_verb(p, len);

		if (n > 0)
			flags |= REGEX_UTF;
		else if (end != NULL)
			str_add(out, p, n = (size_t)(end - p) + 1);
		else
			break;
		p += n;
		len -= n;
	}
	str_add(out, p, len);
	return flags;
}

static pcre2_code *
compile(const struct str *pattern, unsigned flags, int *number, size_t *at)
{
	uint32_t options = PCRE2_AUTO_CALLOUT;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code *code;

	must(context != NULL);
	if (flags & REGEX_UTF)
		options |= PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
	else
		options |= PCRE2_NEVER_UTF;
	if (flags & REGEX_LENIENT)
		pcre2_set_compile_extra_options(
		    context, PCRE2_EXTRA_BAD_ESCAPE_IS_LITERAL);
	code = pcre2_compile((PCRE2_SPTR)str_c(pattern), pattern->len, options,
	    number, at, context);
	pcre2_compile_context_free(context);
	return code;
}

static struct regex *
wrap(pcre2_code *code, unsigned flags)
{
	struct regex *re = xcalloc(1, sizeof *re);

	atomic_init(&re->refs, 1);
	re->code = code;
	re->utf = (flags & REGEX_UTF) != 0;
	pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &re->names);
	pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &re->name_size);
	pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &re->name_table);
	return re;
}

struct regex *
regex_new(const char *pattern, size_t len, unsigned flags, int *number,
    struct err *err)
{
	PCRE2_UCHAR text[256];
	struct str plain = { 0 };
	pcre2_code *code;
	size_t at = 0;

	if (len > REGEX_PATTERN_MAX) {
		*number = PCRE2_ERROR_PATTERN_STRING_TOO_LONG;
		err_set(
		    err, "a pattern of more than %zu bytes", REGEX_PATTERN_MAX);
		return NULL;
	}
	flags = take_utf_verbs(&plain, pattern, len, flags);
	code = compile(&plain, flags, number, &at);
	at += len - plain.len;
	str_fini(&plain);
	if (code == NULL) {
		pcre2_get_error_message(*number, text, sizeof text);
		err_set(err, "%s at byte %zu", (char *)text, at + 1);
		return NULL;
	}
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* or not: only slower */
	return wrap(code, flags);
}

struct regex *
regex_ref(struct regex *re)
{
	atomic_fetch_add(&re->refs, 1);
	return re;
}

void
regex_free(struct regex *re)
{
	if (re == NULL || atomic_fetch_sub(&re->refs, 1) > 1)
		return;
	pcre2_code_free(re->code);
	free(re);
}

size_t
regex_size(const struct regex *re)
{
	size_t size = 0, jit = 0;

	pcre2_pattern_info(re->code, PCRE2_INFO_SIZE, &size);
	pcre2_pattern_info(re->code, PCRE2_INFO_JITSIZE, &jit);
	return sizeof *re + size + jit;
}

unsigned
regex_count(const struct regex *re)
{
	uint32_t n = 0;

	pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &n);
	return n;
}

const char *
regex_name(const struct regex *re, unsigned i, unsigned *group)
{
	PCRE2_SPTR row = re->name_table + (size_t)i * re->name_size;

	if (i >= re->names)
		return NULL;
	*group = (unsigned)row[0] << 8 | row[1];
	return (const char *)row + 2;
}

/* ---- searches ----------------------------------------------------------- */

/* Called before each item of the pattern that is tried. */
static int
count(pcre2_callout_block *block, void *arg)
{
	struct regex_search *s = arg;
	size_t at = block->current_position;

	s->steps +=
	    1 + (at > s->position ? at - s->position : s->position - at);
	s->position = at;
	if (s->steps < s->ask)
		return 0;
	s->ask = s->steps + REGEX_ASK;
	s->interrupted = s->over != NULL && s->over(s->arg);
	return s->interrupted || s->steps > s->max ? PCRE2_ERROR_CALLOUT : 0;
}

struct regex_search *
regex_search_new(struct regex *re, const char *text, size_t len,
    bool (*over)(void *arg), void *arg)
{
	struct regex_search *s = xcalloc(1, sizeof *s);

	s->re = regex_ref(re);
	s->text = text;
	s->len = len;
	s->over = over;
	s->arg = arg;
	if (re->utf && !header_text_is_utf8(text, len)) {
		charset_repair(&s->copy, text, len);
		s->text = str_c(&s->copy);
		s->len = s->copy.len;
	}
	s->ask = REGEX_ASK;
	s->max = REGEX_STEPS + 4 * (unsigned long long)s->len;
	s->context = pcre2_match_context_create(NULL);
	s->data = pcre2_match_data_create_from_pattern(re->code, NULL);
	must(s->context != NULL && s->data != NULL);
	pcre2_set_callout(s->context, count, s);
	pcre2_set_heap_limit(s->context, (uint32_t)(REGEX_HEAP / 1024));
	/* steps are what is counted; these are not the same in both engines */
	pcre2_set_match_limit(s->context, UINT32_MAX);
	pcre2_set_depth_limit(s->context, UINT32_MAX);
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

static int
run(struct regex_search *s, size_t from, uint32_t options)
{
	s->position = from;
	return pcre2_match(s->re->code, (PCRE2_SPTR)s->text, s->len, from,
	    options | PCRE2_NO_UTF_CHECK, s->data, s->context);
}

static int
failed(struct regex_search *s, int rc, struct err *err)
{
	PCRE2_UCHAR text[256];

	s->done = true;
	if (s->interrupted)
		return err_set(err, "interrupted");
	if (rc == PCRE2_ERROR_CALLOUT)
		return err_set(err, "more than %llu steps", s->max);
	if (rc == PCRE2_ERROR_HEAPLIMIT)
		return err_set(
		    err, "more than %zu MB of memory", REGEX_HEAP >> 20);
	pcre2_get_error_message(rc, text, sizeof text);
	return err_set(err, "%s", (char *)text);
}

/* 1: a match at from or behind it; 0: none; -1. */
static int
search(struct regex_search *s, size_t from, uint32_t options, struct err *err)
{
	const size_t *span = pcre2_get_ovector_pointer(s->data);
	int rc = run(s, from, options);

	/* compiled patterns have 32 KB to go back; the heap is larger */
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = run(s, from, options | PCRE2_NO_JIT);
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc <= 0)
		return failed(s, rc, err);
	s->groups = (unsigned)rc;
	s->empty = span[0] == span[1];
	s->at = span[1];
	return 1;
}

int
regex_next(struct regex_search *s, struct err *err)
{
	int rc;

	if (s->over != NULL && s->over(s->arg)) {
		s->interrupted = true;
		return failed(s, 0, err);
	}
	if (s->done)
		return 0;
	if (s->empty) {
		rc = search(
		    s, s->at, PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED, err);
		if (rc != 0)
			return rc;
		do
			s->at++;
		while (s->re->utf && s->at < s->len &&
		       (s->text[s->at] & 0xc0) == 0x80);
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

bool
regex_is_built_in(void)
{
	return false;
}

struct regex *
regex_new(const char *pattern, size_t len, unsigned flags, int *number,
    struct err *err)
{
	(void)pattern;
	(void)len;
	(void)flags;
	*number = 0;
	err_set(err, "built without PCRE2");
	return NULL;
}

/* There is no regex that these could be called with. */
struct regex *
regex_ref(struct regex *re)
{
	return re;
}

void
regex_free(struct regex *re)
{
	must(re == NULL);
}

size_t
regex_size(const struct regex *re)
{
	(void)re;
	return 0;
}

unsigned
regex_count(const struct regex *re)
{
	(void)re;
	return 0;
}

const char *
regex_name(const struct regex *re, unsigned i, unsigned *group)
{
	(void)re;
	(void)i;
	(void)group;
	return NULL;
}

struct regex_search *
regex_search_new(struct regex *re, const char *text, size_t len,
    bool (*over)(void *arg), void *arg)
{
	(void)re;
	(void)text;
	(void)len;
	(void)over;
	(void)arg;
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
