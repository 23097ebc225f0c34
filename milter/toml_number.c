#include "toml.h"
#include "toml_scan.h"

#include "moment.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- dates -------------------------------------------------------------- */

/* "12:34" of a form such as "dd:dd"; each d is a digit. */
static bool
has_form(const char *p, size_t n, const char *form)
{
	size_t len = strlen(form);

	if (n < len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (form[i] == 'd' ? !is_digit(p[i]) : p[i] != form[i])
			return false;
	return true;
}

/* "07:32:00.5": its bytes, or 0. */
static size_t
clock_time(const char *p, size_t n)
{
	size_t len = 8;

	if (!has_form(p, n, "dd:dd:dd") || memcmp(p, "24", 2) >= 0 ||
	    p[3] > '5' || memcmp(p + 6, "60", 2) > 0)
		return 0;
	if (n > 9 && p[8] == '.' && is_digit(p[9]))
		for (len = 10; len < n && is_digit(p[len]); len++)
			;
	return len;
}

/* "Z" or "-07:00" */
static size_t
offset(const char *p, size_t n)
{
	if (n > 0 && (p[0] == 'Z' || p[0] == 'z'))
		return 1;
	if (n >= 6 && (p[0] == '+' || p[0] == '-') &&
	    has_form(p + 1, n - 1, "dd:dd") && memcmp(p + 1, "24", 2) < 0 &&
	    p[4] <= '5')
		return 6;
	return 0;
}

static bool
is_day(const char *p)
{
	struct moment m;

	return moment_of_fields(&m, strtol(p, NULL, 10),
		   strtol(p + 5, NULL, 10), strtol(p + 8, NULL, 10), 0, 0,
		   0) == 0;
}

size_t
toml_datetime(const char *p, size_t n)
{
	char day[11] = "";
	size_t len;

	if (!has_form(p, n, "dddd-dd-dd"))
		return clock_time(p, n);
	memcpy(day, p, 10);
	if (!is_day(day))
		return 0;
	if (n < 12 || (p[10] != 'T' && p[10] != 't' && p[10] != ' ') ||
	    (p[10] == ' ' && !is_digit(p[11])))
		return 10;
	len = clock_time(p + 11, n - 11);
	if (len == 0)
		return 0;
	len += 11;
	return len + offset(p + len, n - len);
}

/* ---- numbers ------------------------------------------------------------ */

/* Digits of the base, single underscores between them; without these. */
static bool
take_digits(const char **p, const char *digits, char **to)
{
	const char *from = *p;

	for (;; (*p)++) {
		if (**p == '_' && *p > from && (*p)[-1] != '_')
			continue;
		if (**p == '\0' || strchr(digits, **p) == NULL)
			break;
		*(*to)++ = **p;
	}
	return *p > from && (*p)[-1] != '_';
}

static json_t *
read_prefixed(const char *p)
{
	static const struct {
		char letter;
		int base;
		const char *digits;
	} forms[] = {
		{ 'x', 16, "0123456789abcdefABCDEF" },
		{ 'o', 8, "01234567" },
		{ 'b', 2, "01" },
	};
	char buf[160], *to = buf;

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		long long v;

		if (p[1] != forms[i].letter)
			continue;
		p += 2;
		if (!take_digits(&p, forms[i].digits, &to) || *p != '\0')
			return NULL;
		*to = '\0';
		errno = 0;
		v = strtoll(buf, NULL, forms[i].base);
		return errno != 0 ? NULL : json_integer(v);
	}
	return NULL;
}

static json_t *
special(struct toml_scan *s, const char *word)
{
	json_t *object = json_object();

	s->has_float = true;
	json_object_set_new(object, TOML_FLOAT, json_string(word));
	return object;
}

/* A sign, digits, and perhaps a fraction and an exponent. */
static json_t *
read_decimal(const char *p)
{
	char buf[160], *to = buf, *digits;
	bool is_real = false;

	if (*p == '+' || *p == '-')
		*to++ = *p++;
	digits = to;
	if (!is_digit(*p) || !take_digits(&p, "0123456789", &to))
		return NULL;
	if (digits[0] == '0' && to - digits > 1)
		return NULL;
	if (*p == '.') {
		is_real = true;
		*to++ = *p++;
		if (!is_digit(*p) || !take_digits(&p, "0123456789", &to))
			return NULL;
	}
	if (*p == 'e' || *p == 'E') {
		is_real = true;
		*to++ = *p++;
		if (*p == '+' || *p == '-')
			*to++ = *p++;
		if (!is_digit(*p) || !take_digits(&p, "0123456789", &to))
			return NULL;
	}
	*to = '\0';
	if (*p != '\0')
		return NULL;
	errno = 0;
	if (!is_real) {
		long long v = strtoll(buf, NULL, 10);

		return errno != 0 ? NULL : json_integer(v);
	}
	return json_real(strtod(buf, NULL)); /* NULL past the largest */
}

static json_t *
read_word(struct toml_scan *s, const char *word)
{
	const char *bare = word + (word[0] == '+' || word[0] == '-');

	if (strcmp(word, "true") == 0)
		return json_true();
	if (strcmp(word, "false") == 0)
		return json_false();
	if (strcmp(bare, "inf") == 0 || strcmp(bare, "nan") == 0)
		return special(s, word);
	if (word[0] == '0' && word[1] != '\0' && strchr("xob", word[1]) != NULL)
		return read_prefixed(word);
	return read_decimal(word);
}

json_t *
toml_word(struct toml_scan *s)
{
	static const char ends[] = " \t\r\n#,]}=";
	size_t n = toml_datetime(s->p, (size_t)(s->end - s->p));
	char word[128];
	json_t *value;

	if (n > 0 &&
	    (toml_at(s, n) == '\0' || strchr(ends, toml_at(s, n)) != NULL)) {
		value = json_object();
		json_object_set_new(
		    value, TOML_DATETIME, json_stringn(s->p, n));
		s->p += n;
		return value;
	}
	for (n = 0;
	     toml_at(s, n) != '\0' && strchr(ends, toml_at(s, n)) == NULL; n++)
		if (n + 1 == sizeof word) {
			toml_fail(s, "a value that is too long");
			return NULL;
		}
	memcpy(word, s->p, n);
	word[n] = '\0';
	value = read_word(s, word);
	if (value == NULL)
		toml_fail(s, n == 0 ? "a value expected" : "no TOML value");
	else
		s->p += n;
	return value;
}
