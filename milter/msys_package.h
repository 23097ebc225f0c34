/*
 * msys_package.h - the packages that Momentum's policies require
 *
 * A name here can be required whether its functions mean anything in a milter
 * or not.  "msys" and all that begins with "msys." are among them; a policy's
 * own file of the same name comes first.  Constant; any thread may ask.
 */
#ifndef KUMILTER_MSYS_PACKAGE_H
#define KUMILTER_MSYS_PACKAGE_H

#include <stdbool.h>

bool msys_package_is(const char *name);

#endif
