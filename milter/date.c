#include "date.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HOUR 3600

struct scan {
	const char *p, *end;
};

static const char *const months[] = { "january", "february", "march", "april",
	"may", "june", "july", "august", "september", "october", "november",
	"december" };

static const struct {
	const char *name;
	int hours;
} zones[] = {
	{ "EST", -5 },
	{ "EDT", -4 },
	{ "CST", -6 },
	{ "CDT", -5 },
	{ "MST", -7 },
	{ "MDT", -6 },
	{ "PST", -8 },
	{ "PDT", -7 },
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* White space and comments, which nest; one without end takes the rest. */
static void
skip(struct scan *s)
{
	size_t depth = 0;

	for (; s->p < s->end; s->p++) {
		if (*s->p == '(')
			depth++;
		else if (*s->p == ')' && depth > 0)
			depth--;
		else if (*s->p == '\\' && depth > 0 && s->end - s->p > 1)
			s->p++;
		else if (depth == 0 && !is_space(*s->p))
			return;
	}
}

static bool
take(struct scan *s, char c)
{
	skip(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static size_t
letters(struct scan *s, const char **word)
{
	skip(s);
	*word = s->p;
	while (s->p < s->end && is_letter(*s->p))
		s->p++;
	return (size_t)(s->p - *word);
}

/* A number of lo to hi digits; how many, or 0. */
static int
number(struct scan *s, int lo, int hi, int *value)
{
	int n = 0;

	skip(s);
	*value = 0;
	for (; s->p < s->end && is_digit(*s->p) && n <= hi; s->p++, n++)
		*value = *value * 10 + (*s->p - '0');
	return n >= lo && n <= hi ? n : 0;
}

static bool
take_month(struct scan *s, int *month)
{
	const char *word;
	size_t n = letters(s, &word);

	for (int i = 0; i < 12; i++)
		if (n >= 3 && n <= strlen(months[i]) &&
		    strncasecmp(word, months[i], n) == 0) {
			*month = i;
			return true;
		}
	return false;
}

static bool
take_day(struct scan *s, struct tm *tm)
{
	const char *word;
	int digits, year;

	if (letters(s, &word) > 0)
		take(s, ',');
	if (number(s, 1, 2, &tm->tm_mday) == 0 || !take_month(s, &tm->tm_mon))
		return false;
	digits = number(s, 2, 4, &year);
	if (digits == 0 || (digits == 4 && year < 1900))
		return false;
	if (digits == 4)
		tm->tm_year = year - 1900;
	else
		tm->tm_year = digits == 2 && year < 50 ? year + 100 : year;
	return true;
}

static bool
take_time(struct scan *s, struct tm *tm)
{
	if (number(s, 1, 2, &tm->tm_hour) == 0 || !take(s, ':') ||
	    number(s, 2, 2, &tm->tm_min) == 0)
		return false;
	if (take(s, ':') && number(s, 2, 2, &tm->tm_sec) == 0)
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* What the zone is ahead of UTC, in seconds. */
static bool
take_zone(struct scan *s, int *offset)
{
	const char *word;
	bool minus;
	size_t n;
	int v;

	*offset = 0;
	n = letters(s, &word);
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
		if (n == 3 && strncasecmp(word, zones[i].name, n) == 0)
			*offset = zones[i].hours * HOUR;
	if (n > 0 || s->p == s->end)
		return true;
	minus = *s->p == '-';
	if ((!minus && *s->p != '+') || s->end - s->p < 5 || !is_digit(s->p[1]))
		return false;
	s->p++;
	if (number(s, 4, 4, &v) == 0 || v / 100 > 23 || v % 100 > 59)
		return false;
	*offset = (v / 100 * 60 + v % 100) * (minus ? -60 : 60);
	return true;
}

/* 31 April and its like come back as another day. */
static bool
is_day(const struct tm *tm)
{
	struct tm day = { .tm_mday = tm->tm_mday,
		.tm_mon = tm->tm_mon,
		.tm_year = tm->tm_year };

	timegm(&day);
	return day.tm_mday == tm->tm_mday && day.tm_mon == tm->tm_mon;
}

int
date_parse(const char *text, size_t len, int64_t *at)
{
	struct scan s = { text, text + len };
	struct tm tm = { 0 };
	int offset;

	if (!take_day(&s, &tm) || !take_time(&s, &tm) ||
	    !take_zone(&s, &offset) || !is_day(&tm))
		return -1;
	skip(&s);
	if (s.p != s.end)
		return -1;
	*at = (int64_t)timegm(&tm) - offset;
	return 0;
}

int
date_write(char out[DATE_SIZE], int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < 1000 - 1900 ||
	    tm.tm_year > 9999 - 1900)
		return -1;
	strftime(out, DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return 0;
}
