#include "duration.h"

#include "clock.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define MINUTE (60 * CLOCK_S)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MONTH (INT64_C(2630016) * CLOCK_S) /* 30.44 days */
#define YEAR (INT64_C(31557600) * CLOCK_S) /* 365.25 days */

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{ "nanos", 1 },
	{ "nsec", 1 },
	{ "ns", 1 },
	{ "micros", 1000 },
	{ "usec", 1000 },
	{ "us", 1000 },
	{ "millis", CLOCK_MS },
	{ "msec", CLOCK_MS },
	{ "ms", CLOCK_MS },
	{ "seconds", CLOCK_S },
	{ "second", CLOCK_S },
	{ "secs", CLOCK_S },
	{ "sec", CLOCK_S },
	{ "s", CLOCK_S },
	{ "minutes", MINUTE },
	{ "minute", MINUTE },
	{ "mins", MINUTE },
	{ "min", MINUTE },
	{ "m", MINUTE },
	{ "hours", HOUR },
	{ "hour", HOUR },
	{ "hrs", HOUR },
	{ "hr", HOUR },
	{ "h", HOUR },
	{ "days", DAY },
	{ "day", DAY },
	{ "d", DAY },
	{ "weeks", 7 * DAY },
	{ "week", 7 * DAY },
	{ "wks", 7 * DAY },
	{ "wk", 7 * DAY },
	{ "w", 7 * DAY },
	{ "months", MONTH },
	{ "month", MONTH },
	{ "M", MONTH },
	{ "years", YEAR },
	{ "year", YEAR },
	{ "yrs", YEAR },
	{ "yr", YEAR },
	{ "y", YEAR },
};

/* From the largest; the first three have a plural. */
static const struct {
	const char *name;
	bool plural;
	int64_t ns;
} shown[] = {
	{ "year", true, YEAR },
	{ "month", true, MONTH },
	{ "day", true, DAY },
	{ "h", false, HOUR },
	{ "m", false, MINUTE },
	{ "s", false, CLOCK_S },
	{ "ms", false, CLOCK_MS },
	{ "us", false, 1000 },
	{ "ns", false, 1 },
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *
skip_space(const char *p)
{
	while (is_space(*p))
		p++;
	return p;
}

/* NULL where there is no number or none that fits. */
static const char *
read_number(const char *p, uint64_t *n)
{
	if (!is_digit(*p))
		return NULL;
	for (*n = 0; is_digit(*p); p++)
		if (__builtin_mul_overflow(*n, 10, n) ||
		    __builtin_add_overflow(*n, (uint64_t)(*p - '0'), n))
			return NULL;
	return p;
}

static int64_t
unit_ns(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strlen(units[i].name) == len &&
		    memcmp(units[i].name, name, len) == 0)
			return units[i].ns;
	return 0;
}

/* One NUMBER UNIT, added to *sum; the place after it, or NULL and *why. */
static const char *
read_term(const char *p, int64_t *sum, const char **why)
{
	const char *unit;
	uint64_t n;
	int64_t ns, term;

	*why = is_digit(*p) ? "number too large" : "number expected";
	p = read_number(p, &n);
	if (p == NULL)
		return NULL;
	unit = p = skip_space(p);
	while (is_letter(*p))
		p++;
	*why = "a unit is missing, such as in 5s";
	if (p == unit)
		return NULL;
	*why = "unknown unit";
	ns = unit_ns(unit, (size_t)(p - unit));
	if (ns == 0)
		return NULL;
	*why = "number too large";
	if (__builtin_mul_overflow(n, ns, &term) ||
	    __builtin_add_overflow(*sum, term, sum))
		return NULL;
	return skip_space(p);
}

int
duration_parse(const char *text, int64_t *ns, struct err *err)
{
	const char *p = skip_space(text), *why = "it is empty";
	int64_t sum = 0;

	*ns = 0;
	if (p[0] == '0' && *skip_space(p + 1) == '\0')
		return 0;
	if (*p == '\0')
		p = NULL;
	while (p != NULL && *p != '\0')
		p = read_term(p, &sum, &why);
	if (p == NULL)
		return err_set(err, "\"%s\" is no duration: %s", text, why);
	*ns = sum;
	return 0;
}

void
duration_format(struct str *out, int64_t ns)
{
	const char *before = "";

	if (ns <= 0) {
		str_adds(out, "0s");
		return;
	}
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
		int64_t n = ns / shown[i].ns;

		if (n == 0)
			continue;
		str_addf(out, "%s%lld%s%s", before, (long long)n, shown[i].name,
		    shown[i].plural && n > 1 ? "s" : "");
		before = " ";
		ns -= n * shown[i].ns;
	}
}

/* 0 bits for bytes, 10 for k ...; -1 for what is no unit. */
static int
size_shift(const char *unit)
{
	static const char letters[] = "kmgt";
	const char *letter;

	if (strcasecmp(unit, "") == 0 || strcasecmp(unit, "b") == 0)
		return 0;
	letter = strchr(letters, unit[0] | 0x20);
	if (letter == NULL || *letter == '\0')
		return -1;
	if (unit[1] != '\0' && strcasecmp(unit + 1, "b") != 0 &&
	    strcasecmp(unit + 1, "ib") != 0)
		return -1;
	return (int)(letter - letters + 1) * 10;
}

int
size_parse(const char *text, size_t *size, struct err *err)
{
	const char *p = skip_space(text), *end;
	char unit[4] = "";
	uint64_t n;
	int shift;

	*size = 0;
	if (!is_digit(*p))
		return err_set(err, "\"%s\" is no size: number expected", text);
	p = read_number(p, &n);
	if (p != NULL) {
		p = skip_space(p);
		for (end = p; is_letter(*end); end++)
			;
		if ((size_t)(end - p) < sizeof unit && *skip_space(end) == '\0')
			memcpy(unit, p, (size_t)(end - p));
		else
			unit[0] = '?';
		shift = size_shift(unit);
		if (shift < 0)
			return err_set(err,
			    "\"%s\" is no size: after the "
			    "number may stand k, M, G, T, KB, KiB ...",
			    text);
		if (n <= SIZE_MAX >> shift) {
			*size = (size_t)n << shift;
			return 0;
		}
	}
	return err_set(err, "\"%s\" is no size: number too large", text);
}
