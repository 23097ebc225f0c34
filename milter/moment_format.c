#include "moment.h"

#include <stdio.h>
#include <string.h>

static const char *const months[] = { "January", "February", "March", "April",
	"May", "June", "July", "August", "September", "October", "November",
	"December" };
static const char *const weekdays[] = { "Sunday", "Monday", "Tuesday",
	"Wednesday", "Thursday", "Friday", "Saturday" };

/* ---- what has a name ---------------------------------------------------- */

/* No more digits than it needs: none, 3, 6 or 9. */
static void
add_fraction(struct str *out, int32_t ns)
{
	if (ns == 0)
		return;
	if (ns % 1000000 == 0)
		str_addf(out, ".%03d", ns / 1000000);
	else if (ns % 1000 == 0)
		str_addf(out, ".%06d", ns / 1000);
	else
		str_addf(out, ".%09d", ns);
}

static void
add_year(struct str *out, int year)
{
	if (year < 0)
		str_addf(out, "-%04d", -year);
	else
		str_addf(out, "%04d", year);
}

static void
add_day_and_time(struct str *out, const struct moment *m, const char *between)
{
	struct moment_fields f;

	moment_fields(&f, m);
	add_year(out, f.year);
	str_addf(out, "-%02d-%02d%s%02d:%02d:%02d", f.month, f.day, between,
	    f.hour, f.minute, f.second);
	add_fraction(out, m->ns);
}

void
moment_write(struct str *out, const struct moment *m)
{
	add_day_and_time(out, m, " ");
	str_adds(out, " UTC");
}

void
moment_write_rfc3339(struct str *out, const struct moment *m)
{
	add_day_and_time(out, m, "T");
	str_adds(out, "+00:00");
}

void
moment_write_rfc2822(struct str *out, const struct moment *m)
{
	moment_format(out, m, "%a, %-d %b %Y %H:%M:%S +0000", 28);
}

/* ---- formats ------------------------------------------------------------ */

/* The week of a year that begins with its first such day; 0 before it. */
static int
week(const struct moment_fields *f, int first_day)
{
	int day = (f->weekday - first_day + 7) % 7;

	return (f->yearday + 6 - day) / 7;
}

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* ISO 8601: weeks begin on Monday, the first one has a Thursday. */
static int
iso_week(const struct moment_fields *f, int *year)
{
	int monday = (f->weekday + 6) % 7; /* days since it */
	int day = f->yearday - 1 - monday, days = 365 + is_leap(f->year);

	*year = f->year;
	if (day < -3) { /* of the last week of the year before */
		*year -= 1;
		day += 365 + is_leap(*year);
	} else if (days - day < 4) {
		*year += 1;
		return 1;
	}
	return (day + 10) / 7;
}

/* A number, how wide it is, and what fills it up. */
struct number {
	char letter;
	int width;
	char fill;
	int value;
};

static bool
numeric(struct number *n, char letter, const struct moment *m,
    const struct moment_fields *f)
{
	int iso_year, iso = iso_week(f, &iso_year);
	int hour12 = f->hour % 12 == 0 ? 12 : f->hour % 12;
	const struct number all[] = {
		{ 'C', 2, '0', f->year / 100 },
		{ 'y', 2, '0', (f->year % 100 + 100) % 100 },
		{ 'g', 2, '0', (iso_year % 100 + 100) % 100 },
		{ 'm', 2, '0', f->month },
		{ 'd', 2, '0', f->day },
		{ 'e', 2, ' ', f->day },
		{ 'w', 1, '0', f->weekday },
		{ 'u', 1, '0', f->weekday == 0 ? 7 : f->weekday },
		{ 'U', 2, '0', week(f, 0) },
		{ 'W', 2, '0', week(f, 1) },
		{ 'V', 2, '0', iso },
		{ 'j', 3, '0', f->yearday },
		{ 'H', 2, '0', f->hour },
		{ 'k', 2, ' ', f->hour },
		{ 'I', 2, '0', hour12 },
		{ 'l', 2, ' ', hour12 },
		{ 'M', 2, '0', f->minute },
		{ 'S', 2, '0', f->second },
		{ 'f', 9, '0', m->ns },
		{ 'Y', 4, '0', f->year },
		{ 'G', 4, '0', iso_year },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].letter == letter) {
			*n = all[i];
			return true;
		}
	return false;
}

static void
add_number(struct str *out, struct number n, char fill)
{
	if (fill == '\0')
		fill = n.fill;
	if (fill == '-')
		str_addf(out, "%d", n.value);
	else if (fill == ' ')
		str_addf(out, "%*d", n.width, n.value);
	else if (n.value < 0)
		str_addf(out, "-%0*d", n.width, -n.value);
	else
		str_addf(out, "%0*d", n.width, n.value);
}

/* What a letter is short for. */
static const char *
composed(char letter)
{
	static const struct {
		char letter;
		const char *format;
	} all[] = {
		{ 'D', "%m/%d/%y" },
		{ 'x', "%m/%d/%y" },
		{ 'F', "%Y-%m-%d" },
		{ 'v', "%e-%b-%Y" },
		{ 'R', "%H:%M" },
		{ 'T', "%H:%M:%S" },
		{ 'X', "%H:%M:%S" },
		{ 'r', "%I:%M:%S %p" },
		{ 'c', "%a %b %e %H:%M:%S %Y" },
		{ '%', NULL },
	};

	for (size_t i = 0; all[i].format != NULL; i++)
		if (all[i].letter == letter)
			return all[i].format;
	return NULL;
}

static bool
add_word(struct str *out, char letter, const struct moment *m,
    const struct moment_fields *f)
{
	switch (letter) {
	case 'a':
		str_add(out, weekdays[f->weekday], 3);
		return true;
	case 'A':
		str_adds(out, weekdays[f->weekday]);
		return true;
	case 'b':
	case 'h':
		str_add(out, months[f->month - 1], 3);
		return true;
	case 'B':
		str_adds(out, months[f->month - 1]);
		return true;
	case 'p':
		str_adds(out, f->hour < 12 ? "AM" : "PM");
		return true;
	case 'P':
		str_adds(out, f->hour < 12 ? "am" : "pm");
		return true;
	case 'Z':
		str_adds(out, "UTC");
		return true;
	case 'z':
		str_adds(out, "+0000");
		return true;
	case '+':
		moment_write_rfc3339(out, m);
		return true;
	case 's':
		str_addf(out, "%lld", (long long)m->s);
		return true;
	case 't':
	case 'n':
	case '%':
		str_addc(out, letter == 't'   ? '\t'
			      : letter == 'n' ? '\n'
					      : '%');
		return true;
	default:
		return false;
	}
}

/* %.f %.3f %6f %:z %::z %:::z %#z: the bytes behind the '%', or 0. */
static size_t
add_long(struct str *out, const struct moment *m, const char *p, size_t n)
{
	static const struct {
		const char *name, *text;
	} zones[] = {
		{ ":z", "+00:00" },
		{ "::z", "+00:00:00" },
		{ ":::z", "+00" },
		{ "#z", "+00" },
	};
	size_t dot = n > 0 && p[0] == '.';
	int digits;

	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
		size_t len = strlen(zones[i].name);

		if (n >= len && memcmp(p, zones[i].name, len) == 0) {
			str_adds(out, zones[i].text);
			return len;
		}
	}
	if (dot == 1 && n > 1 && p[1] == 'f') {
		add_fraction(out, m->ns);
		return 2;
	}
	if (n < dot + 2 || p[dot + 1] != 'f' || strchr("369", p[dot]) == NULL ||
	    p[dot] == '\0')
		return 0;
	digits = p[dot] - '0';
	str_addf(out, "%s%0*d", dot == 1 ? "." : "", digits,
	    m->ns / (digits == 3      ? 1000000
			: digits == 6 ? 1000
				      : 1));
	return dot + 2;
}

/* One conversion: the bytes behind the '%', or 0 where it is none. */
static size_t
convert(struct str *out, const struct moment *m, const struct moment_fields *f,
    const char *p, size_t n)
{
	size_t len = add_long(out, m, p, n);
	struct number number;
	const char *format;
	char fill = '\0';

	if (len > 0 || n == 0)
		return len;
	if (p[0] == '-' || p[0] == '_' || p[0] == '0') {
		fill = p[0] == '_' ? ' ' : p[0];
		len = 1;
	}
	if (len == n)
		return 0;
	if (numeric(&number, p[len], m, f)) {
		add_number(out, number, fill);
		return len + 1;
	}
	if (fill != '\0')
		return 0;
	format = composed(p[0]);
	if (format != NULL) {
		moment_format(out, m, format, strlen(format));
		return 1;
	}
	return add_word(out, p[0], m, f) ? 1 : 0;
}

void
moment_format(
    struct str *out, const struct moment *m, const char *format, size_t len)
{
	struct moment_fields f;

	moment_fields(&f, m);
	for (size_t i = 0; i < len; i++) {
		size_t used =
		    format[i] == '%'
			? convert(out, m, &f, format + i + 1, len - i - 1)
			: 0;

		if (used == 0)
			str_addc(out, format[i]);
		i += used;
	}
}
