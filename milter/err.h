/*
 * err.h - why something failed, in words for the person who must act
 *
 * A function that can fail for a reason outside the program returns -1 and
 * fills the struct err that its caller passed.  The text says what was wrong
 * and, where it helps, what was expected.  It never ends in a newline.
 *
 * must(x) is for our own mistakes: it is always compiled in, names the place
 * and stops the process.
 */
#ifndef KUMILTER_ERR_H
#define KUMILTER_ERR_H

#include <stdarg.h>

#define ERR_MAX 2048

struct err {
	char msg[ERR_MAX];
};

/* Fill *err (NULL is allowed: nobody asked) and return -1. */
int err_set(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int err_vset(struct err *err, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

void must_failed(const char *what, const char *file, int line)
    __attribute__((noreturn));

#define must(x) ((x) ? (void)0 : must_failed(#x, __FILE__, __LINE__))

#endif
