#include "moment.h"

#include "duration.h"

#include <string.h>

#define DAY 86400

/* Days from 1970-01-01, for any year: years begin in March here. */
static int64_t
days_of(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year =
	    (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static int
days_in(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

int
moment_of_fields(struct moment *m, long long year, long long month,
    long long day, long long hour, long long minute, long long second)
{
	if (year < -9999 || year > 9999 || month < 1 || month > 12 || day < 1 ||
	    day > days_in(year, (int)month) || hour < 0 || hour > 23 ||
	    minute < 0 || minute > 59 || second < 0 || second > 59)
		return -1;
	m->s = days_of(year, (int)month, (int)day) * DAY + hour * 3600 +
	       minute * 60 + second;
	m->ns = 0;
	return 0;
}

void
moment_fields(struct moment_fields *f, const struct moment *m)
{
	int64_t days = m->s / DAY - (m->s % DAY < 0);
	int second = (int)(m->s - days * DAY);
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int of_era = (int)(z - era * 146097);
	int year =
	    (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * year + year / 4 - year / 100);
	int month = (5 * of_year + 2) / 153; /* 0: March */

	f->day = of_year - (153 * month + 2) / 5 + 1;
	f->month = month < 10 ? month + 3 : month - 9;
	f->year = (int)(era * 400) + year + (f->month <= 2);
	f->hour = second / 3600;
	f->minute = second / 60 % 60;
	f->second = second % 60;
	f->weekday = (int)(((days + 4) % 7 + 7) % 7);
	f->yearday = (int)(days - days_of(f->year, 1, 1)) + 1;
}

/* ---- sums --------------------------------------------------------------- */

#define FIRST (INT64_C(-377705116800)) /* -9999-01-01 */
#define LAST INT64_C(253402300799)     /* 9999-12-31T23:59:59 */
#define LONGEST INT64_C(9000000000000000)
#define NS 1000000000

int
moment_at(struct moment *m, int64_t s, int32_t ns)
{
	if (s < FIRST || s > LAST)
		return -1;
	*m = (struct moment){ s, ns };
	return 0;
}

/* Both are below some 10^16. */
static struct span
sum(int64_t s, int64_t ns)
{
	int64_t carry = ns / NS - (ns % NS < 0);

	return (struct span){ s + carry, (int32_t)(ns - carry * NS) };
}

int
moment_add(struct moment *m, const struct moment *a, struct span d)
{
	struct span at = sum(a->s + d.s, (int64_t)a->ns + d.ns);

	return moment_at(m, at.s, at.ns);
}

struct span
moment_since(const struct moment *a, const struct moment *b)
{
	return sum(a->s - b->s, (int64_t)a->ns - b->ns);
}

int
span_add(struct span *out, struct span a, struct span b)
{
	*out = sum(a.s + b.s, (int64_t)a.ns + b.ns);
	return out->s > LONGEST || out->s < -LONGEST ? -1 : 0;
}

struct span
span_negate(struct span a)
{
	return sum(-a.s, -(int64_t)a.ns);
}

int
span_write(struct str *out, struct span d)
{
	const int64_t year = 31557600; /* 365.25 days */

	if (d.s < 0)
		return -1;
	if (d.s > 200 * year) { /* more than duration.h counts */
		str_addf(out, "%lldyears", (long long)(d.s / year));
		d.s %= year;
		if (d.s == 0 && d.ns == 0)
			return 0;
		str_addc(out, ' ');
	}
	duration_format(out, d.s * NS + d.ns);
	return 0;
}

/* ---- RFC 3339 ----------------------------------------------------------- */

struct scan {
	const char *p, *end;
};

static bool
digits(struct scan *s, int n, int *value)
{
	*value = 0;
	for (; n > 0; n--, s->p++) {
		if (s->p == s->end || *s->p < '0' || *s->p > '9')
			return false;
		*value = *value * 10 + (*s->p - '0');
	}
	return true;
}

static bool
one_of(struct scan *s, const char *chars)
{
	if (s->p == s->end || *s->p == '\0' || strchr(chars, *s->p) == NULL)
		return false;
	s->p++;
	return true;
}

/* ".5": more than nine digits do not count. */
static bool
fraction(struct scan *s, int32_t *ns)
{
	int32_t unit = 100000000;
	const char *from;

	*ns = 0;
	if (!one_of(s, "."))
		return true;
	from = s->p;
	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
		*ns += (*s->p - '0') * unit;
		unit /= 10;
	}
	return s->p > from;
}

static bool
zone(struct scan *s, int *offset)
{
	int hours, minutes;
	bool minus;

	*offset = 0;
	if (one_of(s, "Zz"))
		return true;
	minus = s->p < s->end && *s->p == '-';
	if (!one_of(s, "+-") || !digits(s, 2, &hours) || !one_of(s, ":") ||
	    !digits(s, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*offset = (hours * 60 + minutes) * (minus ? -60 : 60);
	return true;
}

int
moment_parse_rfc3339(struct moment *m, const char *text, size_t len)
{
	struct scan s = { text, text + len };
	int year, month, day, hour, minute, second, offset;
	int32_t ns;

	if (!digits(&s, 4, &year) || !one_of(&s, "-") ||
	    !digits(&s, 2, &month) || !one_of(&s, "-") ||
	    !digits(&s, 2, &day) || !one_of(&s, "Tt ") ||
	    !digits(&s, 2, &hour) || !one_of(&s, ":") ||
	    !digits(&s, 2, &minute) || !one_of(&s, ":") ||
	    !digits(&s, 2, &second) || !fraction(&s, &ns) ||
	    !zone(&s, &offset) || s.p != s.end || second > 60 ||
	    moment_of_fields(m, year, month, day, hour, minute,
		second == 60 ? 59 : second) != 0)
		return -1;
	m->s += (second == 60) - offset;
	m->ns = ns;
	return 0;
}
