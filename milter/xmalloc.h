/*
 * xmalloc.h - memory that is either there or the process is not
 *
 * For small allocations whose size we decide.  Whatever a client can make
 * large is bounded by its owner before it comes here.
 */
#ifndef KUMILTER_XMALLOC_H
#define KUMILTER_XMALLOC_H

#include <stddef.h>

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);            /* NULL gives NULL */
char *xmemdup0(const void *p, size_t n); /* a copy with a NUL behind it */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
