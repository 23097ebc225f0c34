#include "err.h"

#include <stdio.h>
#include <stdlib.h>

int
err_vset(struct err *err, const char *fmt, va_list ap)
{
	if (err != NULL)
		vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	return -1;
}

int
err_set(struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(err, fmt, ap);
	va_end(ap);
	return -1;
}

void
must_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "kumilter: bug: %s:%d: must(%s)\n", file, line, what);
	abort();
}
