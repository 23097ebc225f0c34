#include "regex.h"

#include "regex_code.h"
#include "xmalloc.h"

#ifdef HAVE_PCRE2

#include "str.h"

#include <stdlib.h>
#include <string.h>

/* Asks at each place where a match may begin. */
#define CALLOUT "(?C1)"

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

/*
 * Verbs stand at the front: those of them that are not ours to read, and the
 * callout, go first in *out.  Gives the bytes of all.
 */
static size_t
take_verbs(struct str *out, const char *pattern, size_t len, unsigned *flags)
{
	const char *p = pattern, *end = pattern + len;

	while (end - p > 2 && p[0] == '(' && p[1] == '*') {
		size_t n = utf_verb(p, (size_t)(end - p));
		const char *close = memchr(p, ')', (size_t)(end - p));

		if (n > 0) {
			*flags |= REGEX_UTF;
		} else if (close != NULL) {
			n = (size_t)(close - p) + 1;
			str_add(out, p, n);
		} else {
			break;
		}
		p += n;
	}
	return (size_t)(p - pattern);
}

static pcre2_code *
compile(const struct str *pattern, unsigned flags, uint32_t options,
    int *number, size_t *at)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code *code;

	must(context != NULL);
	if (flags & REGEX_RUST) {
		options |= PCRE2_UCP | PCRE2_DOLLAR_ENDONLY;
		pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	}
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
	if (code != NULL) /* or not: a search is only slower */
		pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	return code;
}

static struct regex *
wrap(pcre2_code *code, struct str *pattern, unsigned flags)
{
	struct regex *re = xcalloc(1, sizeof *re);

	atomic_init(&re->refs, 1);
	atomic_init(&re->counted, NULL);
	re->code = code;
	re->flags = flags;
	re->pattern = *pattern;
	re->from_start = memmem(str_c(pattern), pattern->len, "\\G", 2) != NULL;
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
	size_t at, verbs, front;

	if (len > REGEX_PATTERN_MAX) {
		*number = PCRE2_ERROR_PATTERN_STRING_TOO_LONG;
		err_set(
		    err, "a pattern of more than %zu bytes", REGEX_PATTERN_MAX);
		return NULL;
	}
	if (flags & REGEX_RUST)
		flags |= REGEX_UTF;
	verbs =
	    flags & REGEX_RUST ? 0 : take_verbs(&plain, pattern, len, &flags);
	str_adds(&plain, CALLOUT);
	front = plain.len;
	str_add(&plain, pattern + verbs, len - verbs);
	code = compile(&plain, flags, 0, number, &at);
	if (code != NULL)
		return wrap(code, &plain, flags);
	str_fini(&plain);
	at = verbs + (at > front ? at - front : 0);
	pcre2_get_error_message(*number, text, sizeof text);
	err_set(err, "%s at byte %zu", (char *)text, at + 1);
	return NULL;
}

/*
 * Made when it is first needed, by whoever is first: several may be at it.
 * NULL: too large with all that it would call.
 */
const pcre2_code *
regex_counted(struct regex *re)
{
	pcre2_code *code = atomic_load(&re->counted), *none = NULL;
	size_t at;
	int number;

	if (code != NULL)
		return code;
	code =
	    compile(&re->pattern, re->flags, PCRE2_AUTO_CALLOUT, &number, &at);
	if (code == NULL ||
	    atomic_compare_exchange_strong(&re->counted, &none, code))
		return code;
	pcre2_code_free(code);
	return none;
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
	pcre2_code_free(atomic_load(&re->counted));
	str_fini(&re->pattern);
	free(re);
}

size_t
regex_size(const struct regex *re)
{
	size_t size = 0, jit = 0;

	pcre2_pattern_info(re->code, PCRE2_INFO_SIZE, &size);
	pcre2_pattern_info(re->code, PCRE2_INFO_JITSIZE, &jit);
	return sizeof *re + 2 * (size + jit) + re->pattern.len;
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

#endif
