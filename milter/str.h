/*
 * str.h - growable bytes
 *
 * A struct str that is all zero is empty and valid.  data always has a NUL
 * behind len bytes once anything was added; str_c() gives "" before that.
 * The bytes themselves may hold NULs.
 */
#ifndef KUMILTER_STR_H
#define KUMILTER_STR_H

#include <stdarg.h>
#include <stddef.h>

struct str {
	char *data;
	size_t len, cap;
};

void str_add(struct str *s, const void *p, size_t n);
void str_adds(struct str *s, const char *text);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void str_addu(struct str *s, unsigned long n); /* in decimal */
void str_reserve(struct str *s, size_t more);
void str_clear(struct str *s);          /* empty, memory kept */
void str_fini(struct str *s);           /* empty, memory freed */
char *str_take(struct str *s);          /* the bytes are the caller's now */
const char *str_c(const struct str *s); /* never NULL */

/*
 * Add text so that it is safe on one line of a log: control characters and
 * bytes that are not UTF-8's become \xNN, a newline becomes " | ".
 */
void str_add_printable(struct str *s, const char *text, size_t n);

#endif
