/*
 * exporter_page.h - the page that draws the numbers: exporter.html
 *
 * Part of the program, as the Lua parts are.
 */
#ifndef KUMILTER_EXPORTER_PAGE_H
#define KUMILTER_EXPORTER_PAGE_H

#include "str.h"

/* Its style and its script carry this nonce, for a Content-Security-Policy. */
void exporter_page(struct str *out, const char *nonce);

#endif
