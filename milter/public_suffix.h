/*
 * public_suffix.h - where a domain's registry ends and its owner's part begins
 *
 * The list is that of the system (Debian's package publicsuffix) or the one
 * that libpsl was built with, read when first asked for.  Any thread.
 */
#ifndef KUMILTER_PUBLIC_SUFFIX_H
#define KUMILTER_PUBLIC_SUFFIX_H

#include <stdbool.h>
#include <stddef.h>

/* false without libpsl: there are no suffixes then. */
bool public_suffix_is_built(void);

/*
 * Where in the domain its suffix ("co.uk") begins, or what was registered
 * below one ("example.co.uk"); NULL where there is none.  The domain is in
 * small letters, without a dot at its end, as A-labels or UTF-8.  A top level
 * domain that the list does not have is a suffix.
 */
const char *public_suffix_of(const char *domain, size_t len);
const char *public_suffix_registered(const char *domain, size_t len);

#endif
