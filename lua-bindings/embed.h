/*
 * embed.h - the Lua sources that are part of the program
 *
 * The files themselves, put into the program when it is built: a running
 * kumilter reads none of them.  data has a NUL behind len bytes.
 */
#ifndef KUMILTER_EMBED_H
#define KUMILTER_EMBED_H

#include <stddef.h>

struct embed {
	const char *name; /* "prelude.lua": its path in lua-bindings/ */
	const char *data;
	size_t len;
};

/* NULL: there is no such file. */
const struct embed *embed_find(const char *name);

#endif
